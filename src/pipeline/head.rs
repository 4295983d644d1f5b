//! An upstream whose next item has to be known before a stage can go on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use super::early::Early;
use super::error::PipelineError;
use super::meter::Tally;
use super::segment::{Chain, Halt, Payload};
use super::stage::Stage;
use crate::error::drop_quietly;

/// One of two upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Two upstreams that have to wait for each other.
pub(super) struct Pair<A: Chain, B: Chain> {
    pub(super) left: Head<A>,
    pub(super) right: Head<B>,
    /// The one that was asked last, to be blamed for a panic.
    pub(super) asked: Side,
}

/// An upstream and its next item, as long as that waits for its counterpart.
pub(super) struct Head<S: Chain> {
    pub(super) upstream: Early<S>,
    pub(super) item: Option<S::Out>,
    /// What it ended with, if not by itself: told when the item has gone.
    failure: Option<PipelineError>,
    /// It was asked in this run, and will wake us.
    waits: bool,
}

impl<S: Chain> Head<S> {
    pub(super) fn new(segment: S, ended_early: Arc<AtomicBool>) -> Self {
        Self { upstream: Early::new(segment, ended_early), item: None, failure: None, waits: false }
    }

    /// Begins a run.
    pub(super) fn begin(&mut self) {
        self.waits = false;
    }

    /// Asks for the next item, unless it is here or was asked for in vain; tells whether one came. `beside` items are
    /// held on the other side.
    #[inline(always)]
    pub(super) fn fill(&mut self, cx: &mut Context<'_>, tally: &mut Tally<'_>, beside: u64) -> bool {
        let Self { upstream, item, failure, waits } = self;
        if item.is_some() || *waits {
            return false;
        }
        let Some(segment) = &mut upstream.segment else { return false };
        let Tally { books, came, .. } = tally;
        let polled = segment.poll_run(cx, 1, came, &mut |next| {
            *item = Some(next);
            books.hold(beside + 1);
            ControlFlow::Break(())
        });
        match polled {
            Poll::Pending => *waits = item.is_none(),
            Poll::Ready(Halt::End) => upstream.ended(),
            Poll::Ready(Halt::Failed(reason)) => {
                *failure = Some(reason);
                upstream.ended();
            }
            Poll::Ready(Halt::Fuel | Halt::Full) => {}
        }
        item.is_some()
    }

    pub(super) fn held(&self) -> u64 {
        u64::from(self.item.is_some())
    }

    /// Tells whether nothing can be done about this side in this run: its item is here, or it will wake us.
    pub(super) fn is_settled(&self) -> bool {
        self.item.is_some() || self.waits
    }

    /// Tells whether there is no item and none will come.
    pub(super) fn is_over(&self) -> bool {
        self.item.is_none() && self.upstream.has_ended()
    }

    /// Why it is over, if not by itself.
    pub(super) fn take_failure(&mut self) -> Option<PipelineError> {
        if self.is_over() { self.failure.take() } else { None }
    }

    /// Drops the item, which is counted by whoever asks for this.
    pub(super) fn forget(&mut self) {
        drop_quietly(self.item.take());
    }
}

impl<A: Chain, B: Chain> Pair<A, B> {
    pub(super) fn new(left: Head<A>, right: Head<B>) -> Self {
        Self { left, right, asked: Side::Left }
    }

    /// Begins a run.
    pub(super) fn begin(&mut self) {
        self.left.begin();
        self.right.begin();
    }

    pub(super) fn held(&self) -> u64 {
        self.left.held() + self.right.held()
    }

    /// Drops both items, which are counted by whoever asks for this.
    pub(super) fn forget(&mut self) {
        self.left.forget();
        self.right.forget();
    }

    pub(super) fn take_failure(&mut self) -> Option<PipelineError> {
        self.left.take_failure().or_else(|| self.right.take_failure())
    }

    /// The side that is ahead has its item already, and was not asked in this run: what is under way in it goes on all the
    /// same.
    pub(super) fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        if self.left.item.is_some() {
            self.asked = Side::Left;
            self.left.upstream.poll_progress(cx);
        }
        if self.right.item.is_some() {
            self.asked = Side::Right;
            self.right.upstream.poll_progress(cx);
        }
    }

    pub(super) fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.asked = Side::Left;
        self.left.upstream.poll_progress(cx);
        self.asked = Side::Right;
        self.right.upstream.poll_progress(cx);
    }

    pub(super) fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        match self.asked {
            Side::Left => self.left.upstream.blame(payload),
            Side::Right => self.right.upstream.blame(payload),
        }
    }

    pub(super) fn source(&self) -> Arc<Stage> {
        match self.asked {
            Side::Left => self.left.upstream.source(),
            Side::Right => self.right.upstream.source(),
        }
    }
}
