//! What is before a stage that keeps items, for as long as it may give something.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use crate::error::drop_quietly;
use crate::pipeline::error::PipelineError;
use crate::pipeline::segment::{Chain, Halt, blame, poll_guarded};

pub(super) struct Upstream<S> {
    /// Gone when nothing more comes, or is wanted.
    segment: Option<S>,
    /// Why it ended, if not by itself; told after the last result.
    failure: Option<PipelineError>,
}

impl<S: Chain> Upstream<S> {
    pub(super) fn new(segment: S) -> Self {
        Self { segment: Some(segment), failure: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.segment.is_some()
    }

    pub(super) fn failure(&mut self) -> &mut Option<PipelineError> {
        &mut self.failure
    }

    /// Draws up to `most` items, and no more than the budget allows, which it pays from. Pending while there is nothing.
    ///
    /// A panic in there meets the policy of the stage it came from, as it would in a task of its own.
    pub(super) fn poll_draw<K>(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        budget: &mut usize,
        sink: &mut K,
    ) -> Poll<()>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        let Some(segment) = &mut self.segment else { return Poll::Ready(()) };
        let (fuel, mut came) = (most.min(*budget), 0);
        let polled = poll_guarded(segment, cx, fuel, &mut |item| {
            came += 1;
            let flow = sink(item);
            if came == fuel { ControlFlow::Break(()) } else { flow }
        });
        let is_spent = matches!(polled, Poll::Ready(Halt::Fuel));
        *budget -= if is_spent { fuel } else { came };
        polled.map(|halt| self.halted(halt))
    }

    /// Lets what is in work in there go on.
    pub(super) fn poll_progress(&mut self, cx: &mut Context<'_>) {
        let Some(segment) = &mut self.segment else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| segment.poll_progress(cx))) {
            let halt = blame(segment, payload);
            self.halted(halt);
        }
    }

    fn halted(&mut self, halt: Halt) {
        match halt {
            Halt::Fuel | Halt::Full => {}
            Halt::End => self.let_go(),
            Halt::Failed(failure) => self.end(Some(failure)),
        }
    }

    /// Ends here, because of this.
    pub(super) fn end(&mut self, failure: Option<PipelineError>) {
        self.failure = failure;
        self.let_go();
    }

    /// Drops everything before this stage, with all it captured.
    pub(super) fn let_go(&mut self) {
        drop_quietly(self.segment.take());
    }
}
