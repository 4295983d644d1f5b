//! An asynchronous stage without tasks: its futures are polled by whoever takes its results, or wants none yet.
//!
//! The window decides about order and places, as it does for the [hub](crate::pipeline::hub) of a stage with workers; an item is
//! drawn when a future may be started for it and there is a place for its result. Only futures that were woken are polled.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::AHEAD;
use super::crew::Crew;
use super::results::Ledger;
use super::upstream::Upstream;
use crate::error::BoxError;
use crate::pipeline::builder::Fallible;
use crate::pipeline::concurrency::Layout;
use crate::pipeline::error::PipelineError;
use crate::pipeline::keys::Sort;
use crate::pipeline::on_error::OnError;
use crate::pipeline::retry::Attempted;
use crate::pipeline::rules::Rules;
use crate::pipeline::segment::{Chain, Halt, Payload, poll_yield};
use crate::pipeline::stage::Stage;

pub(super) struct Crewed<S: Chain, H, F, Fut, U> {
    upstream: Upstream<S>,
    sort: H,
    crew: Crew<S::Out, F, Fut, U>,
}

impl<S: Chain, H, F, Fut, U> Crewed<S, H, F, Fut, U> {
    pub(super) fn new(segment: S, layout: Layout<H>, work: F, stage: Arc<Stage>) -> Self {
        let crew = Crew::new(work, &layout, stage);
        Self { upstream: Upstream::new(segment), sort: layout.sort, crew }
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.crew.results.ledger().clone()
    }
}

impl<S, H, F, Fut, U> Crewed<S, H, F, Fut, U>
where
    S: Chain,
    H: Sort<S::Out>,
    F: FnMut(S::Out) -> Fut,
    Fut: Future<Output = Result<U, BoxError>>,
{
    /// Starts and polls futures until none can go on and none can be started; ready when the budget ends before that.
    fn poll_work(&mut self, cx: &mut Context<'_>, budget: &mut usize) -> Poll<()> {
        let Self { upstream, sort, crew } = self;
        // As many may be polled as may be drawn, so neither keeps the other waiting.
        let mut most = (*budget).max(1);
        loop {
            let (room, mut is_waiting) = (crew.room(), false);
            if room > 0 && upstream.is_open() {
                if *budget == 0 {
                    return Poll::Ready(());
                }
                let drawn = upstream.poll_draw(cx, room, budget, &mut |item| {
                    // Sorting is the user's code, and not that of upstream, where this runs.
                    let sorted = match H::IS_TRIVIAL {
                        true => Ok(None),
                        false => catch_unwind(AssertUnwindSafe(|| sort.sort(&item))),
                    };
                    crew.admit(item, sorted);
                    if crew.has_failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                is_waiting = drawn.is_pending();
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

impl<S, H, F, Fut, U> Chain for Crewed<S, H, F, Fut, U>
where
    S: Chain,
    H: Sort<S::Out>,
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
            let Self { upstream, crew, .. } = self;
            let before = left;
            if crew.results.push_on(&mut left, pushed, sink).is_break() {
                break Poll::Ready(Halt::Full);
            }
            let is_idle = !upstream.is_open() && crew.is_idle();
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
        self.crew.publish();
        polled
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        if self.poll_work(cx, &mut { AHEAD }).is_ready() {
            let _ = poll_yield::<()>(cx);
        }
        self.crew.publish();
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.crew.results.stage().clone()
    }
}

impl<S: Chain, H, F, Fut, U> Fallible for Crewed<S, H, F, Fut, U> {
    type Input = S::Out;

    type Handled = Self;

    fn handled(mut self, on_error: OnError<S::Out>) -> Self {
        self.crew.rules.on_error = on_error;
        self
    }
}

impl<S: Chain, H, F, Fut, U> Attempted for Crewed<S, H, F, Fut, U> {
    type Input = S::Out;

    fn amend(&mut self, amend: impl FnOnce(&mut Rules<S::Out>)) {
        amend(&mut self.crew.rules);
    }
}
