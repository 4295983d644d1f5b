//! The meeting point of a concurrent stage: what is pulled, who works, and what waits to be taken, under one lock.
//!
//! Invariants:
//! 1. An item is pulled only when a worker is free for it and the window has a place for its result; the place is given
//!    back when the next stage takes the result. So everything the stage holds is bounded, also the results that wait
//!    for an earlier one.
//! 2. Each worker holds the item (or, on the CPU, the chunk) it works on and nothing else. Nothing that was started
//!    waits for anyone to poll it but its own task.
//! 3. At most one worker pulls (`is_pulling`); it alone touches the segment upstream.
//! 4. While there is something to start (`wants_help`) and somebody could start it, a worker is on its way
//!    (`is_waking`), or all are busy and will look here when they finish. Until all the workers there may be are busy,
//!    one of them is pulling, idle or on its way: so there is somebody to pull from a source that gives little, and
//!    somebody to call for those who cannot hire.
//! 5. `accepted = done + failed + dropped + discarded + in flight`; a result counts as done when it is taken.
//! 6. No user code and no destructor of a user's value, also of an error, runs under the lock. Wakers are foreign code:
//!    they are cloned before it, and called or dropped after it.
//! 7. Of the items of one key, one at most is ready or with a worker; the others wait in its line, and hold their places.
//!    Whoever finishes an item makes the next of its line ready, under the same lock.
//! 8. A worker or a relay that leaves before the stage has closed was stopped, or died: the stage ends with a failure.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use super::concurrency::Layout;
use super::error::PipelineError;
use super::keys::Lines;
use super::loom::{Mutex, MutexGuard};
use super::stage::{Stage, StageStats, StageView};
use super::state::{After, State};
use super::times::Clock;
use super::window::Window;
use crate::error::{Cancelled, Panicked};
use crate::observe::Flow;
use crate::task::Waiters;

/// The bounds of a stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// How many workers at the most.
    pub(super) workers: usize,
    /// How many items may be with the workers, or pulled for them.
    pub(super) intake: usize,
    /// How many items the stage holds in all: with the workers, and waiting to be taken.
    pub(super) window: usize,
    /// How many more may come in while it holds so many: for a buffer that drops something to make room.
    pub(super) spare: usize,
}

/// See the head of this file.
pub(super) struct Hub<I, O> {
    pub(super) stage: Arc<Stage>,
    pub(super) shape: Shape,
    /// How many items of one key.
    cap: usize,
    state: Mutex<State<I, O>>,
}

impl Shape {
    /// How many items may come in, where so many are on their way to a result, and so many places are taken.
    pub(super) fn room(self, inside: usize, held: usize) -> usize {
        let intake = self.intake.saturating_sub(inside);
        intake.min(self.window.saturating_add(self.spare).saturating_sub(held))
    }
}

impl<I, O> Hub<I, O> {
    pub(super) fn new(stage: Arc<Stage>, shape: Shape, window: Window<O>) -> Arc<Self> {
        Self::with_lines(stage, shape, window, usize::MAX)
    }

    /// A stage as the user has laid it out; gives back what sorts its items.
    pub(super) fn laid_out<H>(stage: Arc<Stage>, layout: Layout<H>) -> (Arc<Self>, H) {
        let Layout { shape, order, sort, cap } = layout;
        (Self::with_lines(stage, shape, Window::new(order), cap), sort)
    }

    fn with_lines(stage: Arc<Stage>, shape: Shape, window: Window<O>, cap: usize) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            lines: Lines::new(cap),
            working: 0,
            window,
            is_closed: false,
            is_deserted: false,
            upstream_failure: None,
            is_pulling: false,
            puller: None,
            idle: Waiters::new(),
            is_waking: false,
            workers: 0,
            consumer: None,
            accepted: 0,
            gathered: 0,
            is_pausing: false,
            clock: Clock::new(),
        };
        Arc::new(Self { stage, shape, cap, state: Mutex::new(state) })
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    pub(super) fn cap(&self) -> usize {
        self.cap
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<I, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes results for the next stage: at most `most`, into the empty `into`. `None` is the end.
    pub(super) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        most: usize,
        into: &mut VecDeque<O>,
    ) -> Poll<Option<Result<(), PipelineError>>> {
        let (mut after, waker) = (After::new(), cx.waker().clone());
        let polled = {
            let mut state = self.lock();
            if state.window.take(most, into) {
                state.call_help(self.shape, &mut after);
                state.keep_time(self.shape);
                Poll::Ready(Some(Ok(())))
            } else if state.is_over() {
                let (ours, upstream) = (state.window.failure.take(), state.upstream_failure.take());
                let mut failures = ours.into_iter().chain(upstream);
                let first = failures.next();
                after.failures.extend(failures);
                Poll::Ready(first.map(Err))
            } else {
                after.displaced = state.consumer.replace(waker);
                Poll::Pending
            }
        };
        // The one who takes results cannot hire, and need not: unless all are busy, there was somebody to call.
        after.run();
        polled
    }

    /// Why a worker or a relay leaves in the middle: it was aborted, or our own loop, or something it depends on, panicked.
    pub(super) fn stopped(&self) -> PipelineError {
        let place = self.stage.place();
        if std::thread::panicking() {
            let panicked = Panicked::new(place, "a task of the stage died; its panic is logged");
            self.stage.noted(PipelineError::Panicked(panicked))
        } else {
            // No failure of the stage's own: whoever aborted it knows why.
            PipelineError::Cancelled(Cancelled::new(place))
        }
    }

    /// Nobody takes results any more, and `unused` were taken for nothing. Everything held is discarded, and workers
    /// leave as they finish.
    pub(super) fn desert(&self, unused: VecDeque<O>) {
        let mut after = After::new();
        {
            let mut state = self.lock();
            state.is_deserted = true;
            state.window.untake(unused.iter());
            after.results.extend(unused);
            state.close(&mut after);
            after.results.extend(state.window.clear());
            let failures = [state.window.failure.take(), state.upstream_failure.take()];
            after.failures.extend(failures.into_iter().flatten());
            state.conclude(self.shape, &mut after);
            after.displaced = state.consumer.take();
        }
        after.run();
    }
}

impl<I: Send, O: Send> StageView for Hub<I, O> {
    fn stats(&self) -> StageStats {
        let name = self.stage.name();
        let state = self.lock();
        let window = &state.window;
        // Counted by what is here, not by what is missing: so that a sum that does not come out shows.
        let waiting = state.lines.waiting();
        let in_flight = (state.ready.len() + waiting + state.working) as u64 + state.gathered + window.waiting();
        StageStats {
            name,
            flow: Flow {
                accepted: state.accepted,
                done: window.done,
                failed: window.failed,
                dropped: window.dropped,
                discarded: window.discarded,
                in_flight,
            },
            queued: window.queued(),
            window: Some(self.shape.window),
            busy: state.working,
            workers: state.workers,
            limit: self.shape.workers,
            retried: self.stage.retried(),
            waiting,
            times: Some(state.clock.times()),
            has_ended: state.has_ended(),
            failure: self.stage.failure(),
        }
    }
}
