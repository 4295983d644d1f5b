//! An asynchronous stage without tasks: its futures are polled by whoever takes its results, or wants none yet.
//!
//! The window decides about order and places, as it does for the [hub](crate::pipeline::hub) of a stage with workers; an item is
//! drawn when a future may be started for it and there is a place for its result. Only futures that were woken are polled.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::AHEAD;
use super::numbered::Numbered;
use super::results::{Ledger, Results};
use super::upstream::Upstream;
use crate::error::BoxError;
use crate::pipeline::builder::Fallible;
use crate::pipeline::error::PipelineError;
use crate::pipeline::hub::Shape;
use crate::pipeline::segment::{Chain, Halt, Payload, poll_yield};
use crate::pipeline::stage::Stage;
use crate::pipeline::window::{Order, Outcome, Window};

pub(super) struct Concurrent<S, F, Fut, U> {
    upstream: Upstream<S>,
    crew: Crew<F, Fut, U>,
}

/// What is in work, and what has come of it.
struct Crew<F, Fut, U> {
    work: F,
    running: FuturesUnordered<Numbered<Fut>>,
    results: Results<U>,
    shape: Shape,
    /// An item has failed, and nothing more is started.
    has_failed: bool,
}

impl<S: Chain, F, Fut, U> Concurrent<S, F, Fut, U> {
    pub(super) fn new(segment: S, work: F, shape: Shape, order: Order, stage: Arc<Stage>) -> Self {
        let results = Results::new(Window::new(order), stage, shape.window);
        let crew = Crew { work, running: FuturesUnordered::new(), results, shape, has_failed: false };
        Self { upstream: Upstream::new(segment), crew }
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.crew.results.ledger().clone()
    }
}

impl<F, Fut, U> Crew<F, Fut, U> {
    fn room(&self) -> usize {
        self.shape.room(self.running.len(), self.results.held())
    }

    fn settle(&mut self, number: u64, output: Result<Result<U, BoxError>, Payload>) {
        let stage = self.results.stage();
        let failure = match output {
            Ok(Ok(result)) => return self.results.settle(number, Outcome::Done(result)),
            Ok(Err(error)) => stage.errored(error),
            Err(payload) => stage.panicked(payload),
        };
        self.has_failed |= failure.is_some();
        self.results.settle(number, failure.map_or(Outcome::Skipped, |failure| Outcome::Failed(Box::new(failure))));
    }
}

impl<F, Fut, U> Crew<F, Fut, U>
where
    Fut: Future<Output = Result<U, BoxError>>,
{
    /// Begins to work on an item.
    fn start<I>(&mut self, item: I) -> ControlFlow<()>
    where
        F: FnMut(I) -> Fut,
    {
        let number = self.results.admit();
        match catch_unwind(AssertUnwindSafe(|| (self.work)(item))) {
            Ok(future) => self.running.push(Numbered::new(number, future)),
            Err(payload) => self.settle(number, Err(payload)),
        }
        if self.has_failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Polls what was woken. Ready when `most` have ended before that.
    fn poll_running(&mut self, cx: &mut Context<'_>, most: &mut usize) -> Poll<()> {
        while !self.running.is_empty() {
            let Poll::Ready(Some((number, output))) = self.running.poll_next_unpin(cx) else { break };
            self.settle(number, output);
            *most -= 1;
            if *most == 0 {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl<S, F, Fut, U> Concurrent<S, F, Fut, U>
where
    S: Chain,
    F: FnMut(S::Out) -> Fut,
    Fut: Future<Output = Result<U, BoxError>>,
{
    /// Starts and polls futures until none can go on and none can be started; ready when the budget ends before that.
    fn poll_work(&mut self, cx: &mut Context<'_>, budget: &mut usize) -> Poll<()> {
        let Self { upstream, crew } = self;
        // As many may end as may be drawn, so neither keeps the other waiting.
        let mut most = (*budget).max(1);
        loop {
            let (room, mut is_waiting) = (crew.room(), false);
            if room > 0 && upstream.is_open() {
                if *budget == 0 {
                    return Poll::Ready(());
                }
                is_waiting = upstream.poll_draw(cx, room, budget, &mut |item| crew.start(item)).is_pending();
            }
            let polled = crew.poll_running(cx, &mut most);
            if crew.has_failed {
                upstream.let_go();
            }
            if polled.is_ready() {
                return Poll::Ready(());
            }
            if is_waiting || !upstream.is_open() {
                return Poll::Pending;
            }
            if crew.room() == 0 {
                upstream.poll_progress(cx);
                return Poll::Pending;
            }
        }
    }
}

impl<S, F, Fut, U> Chain for Concurrent<S, F, Fut, U>
where
    S: Chain,
    F: FnMut(S::Out) -> Fut,
    Fut: Future<Output = Result<U, BoxError>>,
{
    type Out = U;

    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        let (mut left, mut budget) = (fuel, fuel);
        let polled = loop {
            let worked = self.poll_work(cx, &mut budget);
            let Self { upstream, crew } = self;
            let before = left;
            if crew.results.push_on(&mut left, pushed, sink).is_break() {
                break Poll::Ready(Halt::Full);
            }
            let is_idle = !upstream.is_open() && crew.running.is_empty();
            if let Some(halt) = crew.results.over(is_idle, upstream.failure()) {
                break Poll::Ready(halt);
            }
            if left == 0 || worked.is_ready() {
                break Poll::Ready(Halt::Fuel);
            }
            // Results that are gone have left places to fill.
            if left == before {
                break Poll::Pending;
            }
        };
        self.crew.results.publish(self.crew.running.len());
        polled
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        if self.poll_work(cx, &mut { AHEAD }).is_ready() {
            let _ = poll_yield::<()>(cx);
        }
        self.crew.results.publish(self.crew.running.len());
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.crew.results.stage().clone()
    }
}

impl<F, Fut, U> Drop for Crew<F, Fut, U> {
    fn drop(&mut self) {
        self.results.discard(self.running.len() as u64);
    }
}

impl<S, F, Fut, U> Fallible for Concurrent<S, F, Fut, U> {}
