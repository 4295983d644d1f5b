//! The end of a concurrent stage as the next one sees it: a segment that takes what the hub has ready.

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::Fallible;
use super::error::PipelineError;
use super::hub::Hub;
use super::on_error::OnError;
use super::rules::Rulebook;
use super::segment::{Chain, Halt, Payload};
use super::stage::Stage;

/// What a stage hands to its successor, by the kind of stage it was: [`Awaited`] has futures that can fail, [`Worked`]
/// closures, [`Relayed`] neither.
#[doc(hidden)]
pub struct Outlet<O, K> {
    hub: Arc<dyn Results<O>>,
    stage: Arc<Stage>,
    /// Taken from the hub and not yet pushed on.
    taken: VecDeque<O>,
    kind: K,
}

/// A stage that awaits futures for items `I`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Awaited<I>(pub(super) Rulebook<I>);

/// A stage that runs closures on items `I`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Worked<I>(pub(super) Rulebook<I>);

/// A stage that passes on what it gets.
#[doc(hidden)]
#[derive(Debug)]
pub struct Relayed;

impl<O, I> Fallible for Outlet<O, Awaited<I>> {
    type Input = I;

    type Handled = Self;

    fn handled(self, on_error: OnError<I>) -> Self {
        self.kind.0.amend(|rules| rules.on_error = on_error);
        self
    }
}

impl<O, I> Outlet<O, Awaited<I>> {
    pub(super) fn rulebook(&self) -> &Rulebook<I> {
        &self.kind.0
    }
}

impl<O, I> Fallible for Outlet<O, Worked<I>> {
    type Input = I;

    type Handled = Self;

    fn handled(self, on_error: OnError<I>) -> Self {
        self.kind.0.amend(|rules| rules.on_error = on_error);
        self
    }
}

/// The hub without the type of its input.
pub(super) trait Results<O>: Send + Sync {
    fn poll_take(
        &self,
        cx: &mut Context<'_>,
        most: usize,
        into: &mut VecDeque<O>,
    ) -> Poll<Option<Result<(), PipelineError>>>;
    fn desert(&self, unused: VecDeque<O>);
}

impl<I: Send, O: Send> Results<O> for Hub<I, O> {
    fn poll_take(
        &self,
        cx: &mut Context<'_>,
        most: usize,
        into: &mut VecDeque<O>,
    ) -> Poll<Option<Result<(), PipelineError>>> {
        self.poll_take(cx, most, into)
    }

    fn desert(&self, unused: VecDeque<O>) {
        self.desert(unused);
    }
}

impl<O: Send + 'static, K> Outlet<O, K> {
    pub(super) fn new<I: Send + 'static>(hub: &Arc<Hub<I, O>>, kind: K) -> Self {
        Self { stage: hub.stage().clone(), hub: hub.clone(), taken: VecDeque::new(), kind }
    }
}

impl<O, K> Chain for Outlet<O, K> {
    type Out = O;

    fn poll_run<P>(&mut self, cx: &mut Context<'_>, mut fuel: usize, pushed: &mut u64, sink: &mut P) -> Poll<Halt>
    where
        P: FnMut(O) -> ControlFlow<()>,
    {
        while fuel > 0 {
            while let Some(item) = self.taken.pop_front() {
                fuel = fuel.saturating_sub(1);
                *pushed += 1;
                if sink(item).is_break() {
                    return Poll::Ready(Halt::Full);
                }
            }
            if fuel > 0 {
                match self.hub.poll_take(cx, fuel, &mut self.taken) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(()))) => {}
                    Poll::Ready(Some(Err(failure))) => return Poll::Ready(Halt::Failed(failure)),
                    Poll::Ready(None) => return Poll::Ready(Halt::End),
                }
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn poll_progress(&mut self, _: &mut Context<'_>) {}

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.stage.clone()
    }
}

impl<O, K> Drop for Outlet<O, K> {
    fn drop(&mut self) {
        self.hub.desert(std::mem::take(&mut self.taken));
    }
}

impl<O, K> fmt::Debug for Outlet<O, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("stage", &self.stage).finish_non_exhaustive()
    }
}
