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
//!    (`is_waking`), or all are busy and will look here when they finish. Until all the workers there may be are busy, one of them is pulling, idle or on its way: so there is
//!    somebody to pull from a source that gives little, and somebody to call for those who cannot hire.
//! 5. `accepted = done + failed + dropped + discarded + in flight`; a result counts as done when it is taken.
//! 6. No user code and no destructor of a user's value, also of an error, runs under the lock. Wakers are foreign code:
//!    they are cloned before it, and called or dropped after it.
//! 7. A worker or a relay that leaves before the stage has closed was stopped, or died: the stage ends with a failure.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::error::PipelineError;
use super::loom::{Mutex, MutexGuard};
use super::segment::Halt;
use super::stage::{Stage, StageStats, StageView};
use super::window::{Outcome, Window};
use crate::error::{Cancelled, Panicked, drop_quietly, wake_quietly};
use crate::observe::Flow;
use crate::task::{Ticket, Waiters};

/// The bounds of a stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// How many workers at the most.
    pub(super) workers: usize,
    /// How many items may be with the workers, or pulled for them.
    pub(super) intake: usize,
    /// How many items the stage holds in all: with the workers, and waiting to be taken.
    pub(super) window: usize,
}

/// See the head of this file.
pub(super) struct Hub<I, O> {
    stage: Arc<Stage>,
    shape: Shape,
    state: Mutex<State<I, O>>,
}

struct State<I, O> {
    /// Pulled, and not yet with a worker.
    ready: VecDeque<(u64, I)>,
    /// With workers.
    working: usize,
    /// Results, and the order they leave in.
    window: Window<O>,
    /// Nothing more is pulled: upstream has ended, or this stage stops.
    is_closed: bool,
    /// Nobody takes results any more.
    is_deserted: bool,
    /// Why upstream ended, if not by itself; told after the last result.
    upstream_failure: Option<PipelineError>,
    is_pulling: bool,
    /// Where the pulling worker sleeps while upstream has nothing.
    puller: Option<Waker>,
    /// Workers with nothing to do.
    idle: Waiters,
    is_waking: bool,
    /// How many workers were ever started; they stay until the stage ends.
    workers: usize,
    /// Where the next stage sleeps while there are no results.
    consumer: Option<Waker>,
    accepted: u64,
}

/// The place of one worker at the hub. Dropping it, also by an abort, settles what it held.
pub(super) struct Seat<I, O> {
    hub: Arc<Hub<I, O>>,
    desk: Desk,
}

struct Desk {
    /// For the next wait: cloned before the lock, and only after the last one was used.
    waker: Option<Waker>,
    /// Held while idle.
    ticket: Option<Ticket>,
    /// Hired, and not yet seen at the hub.
    is_called: bool,
    /// Told to pull, up to so many items.
    pulling: Option<usize>,
    /// How many items it works on.
    working: usize,
}

/// What a worker does next.
pub(super) enum Next<I> {
    /// Work on this.
    Work(u64, I),
    /// Pull: `Seat::pulling` says how many.
    Pull,
    /// Sleep; the waker is registered.
    Idle,
    /// Leave.
    Over,
}

/// What has to happen once the lock is gone. Wakers first: values of users may take their time to drop.
#[must_use]
struct After<I, O> {
    wake: Vec<Waker>,
    /// The commonest wake-ups, without an allocation.
    consumer: Option<Waker>,
    helper: Option<Waker>,
    /// A waker that nobody needs any more.
    displaced: Option<Waker>,
    items: VecDeque<(u64, I)>,
    results: Vec<O>,
    /// Errors that nobody will hear of, because another came first.
    failures: Vec<PipelineError>,
    /// A new worker is wanted: its number.
    hire: Option<usize>,
}

impl<I, O> After<I, O> {
    fn new() -> Self {
        let (wake, items, results, failures) = (Vec::new(), VecDeque::new(), Vec::new(), Vec::new());
        Self { wake, consumer: None, helper: None, displaced: None, items, results, failures, hire: None }
    }

    /// Gives the number of the worker to hire.
    fn run(self) -> Option<usize> {
        self.consumer.into_iter().chain(self.helper).chain(self.wake).for_each(wake_quietly);
        // One by one: a second panic while the first unwinds would abort the process.
        self.displaced.into_iter().for_each(drop_quietly);
        self.items.into_iter().for_each(drop_quietly);
        self.results.into_iter().for_each(drop_quietly);
        self.failures.into_iter().for_each(drop_quietly);
        self.hire
    }
}

impl<I, O> Hub<I, O> {
    pub(super) fn new(stage: Arc<Stage>, shape: Shape, window: Window<O>) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
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
        };
        Arc::new(Self { stage, shape, state: Mutex::new(state) })
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    fn lock(&self) -> MutexGuard<'_, State<I, O>> {
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
    fn stopped(&self) -> PipelineError {
        let place = self.stage.place();
        if std::thread::panicking() {
            PipelineError::Panicked(Panicked::new(place, "a task of the stage died; its panic is logged"))
        } else {
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
            state.conclude(&mut after);
            after.displaced = state.consumer.take();
        }
        after.run();
    }
}

impl<I, O> State<I, O> {
    fn is_over(&self) -> bool {
        let nothing_follows = self.is_closed && self.ready.is_empty() && self.working == 0;
        !self.window.has_results() && (nothing_follows || self.window.is_cut())
    }

    /// How many items may be pulled now.
    fn room(&self, shape: Shape) -> usize {
        let intake = shape.intake.saturating_sub(self.working + self.ready.len());
        intake.min(shape.window.saturating_sub(self.window.held()))
    }

    /// Pulls nothing more and starts nothing more.
    fn close(&mut self, after: &mut After<I, O>) {
        self.is_closed = true;
        let unstarted = std::mem::take(&mut self.ready);
        for (sequence, _) in &unstarted {
            self.window.discard(*sequence);
        }
        after.items.extend(unstarted);
        after.wake.extend(self.idle.notify_all());
        after.wake.extend(self.puller.take());
        self.is_waking = false;
    }

    fn record(&mut self, sequence: u64, outcome: Outcome<O>, after: &mut After<I, O>) {
        self.working -= 1;
        let is_failure = matches!(outcome, Outcome::Failed(_));
        after.results.extend(self.window.settle(sequence, outcome));
        if is_failure && !self.is_closed {
            self.close(after);
        }
        if self.is_deserted {
            after.results.extend(self.window.clear());
        }
    }

    /// The last thing under the lock: wakes the consumer if there is something for it, or nothing any more.
    fn conclude(&mut self, after: &mut After<I, O>) {
        after.failures.append(&mut self.window.unheard);
        if !self.is_deserted && (self.window.has_results() || self.is_over()) {
            after.consumer = self.consumer.take();
        }
    }

    /// Tells whether there is something to start, or to look for upstream, and nobody on the way who will.
    fn wants_help(&self, shape: Shape) -> bool {
        let can_pull = !self.is_pulling && !self.is_closed && self.room(shape) > 0;
        !self.is_waking && (can_pull || !self.ready.is_empty())
    }

    /// Calls one worker if there is something to start; it will call the next.
    fn call_help(&mut self, shape: Shape, after: &mut After<I, O>) {
        if !self.wants_help(shape) {
            return;
        }
        if let Some(waker) = self.idle.notify_one() {
            self.is_waking = true;
            after.helper = Some(waker);
        }
    }

    /// As `call_help`, and hires a new worker where nobody is left to call: also one that finds nothing to do yet.
    fn hire_help(&mut self, shape: Shape, after: &mut After<I, O>) {
        self.call_help(shape, after);
        let has_spare = self.is_pulling || self.is_closed || !self.idle.is_empty();
        let is_short = !self.ready.is_empty() || !has_spare;
        if is_short && !self.is_waking && self.workers < shape.workers {
            self.is_waking = true;
            after.hire = Some(self.workers);
            self.workers += 1;
        }
    }
}

impl<I, O> State<I, O> {
    /// A worker is here: if it was called, the next one may be.
    fn arrive(&mut self, desk: &mut Desk, after: &mut After<I, O>) {
        let left = desk.ticket.take().map(|ticket| self.idle.leave(ticket));
        let was_notified = left.as_ref().is_some_and(|left| left.was_notified);
        after.displaced = left.and_then(|left| left.waker);
        if was_notified || std::mem::take(&mut desk.is_called) {
            self.is_waking = false;
        }
    }

    fn choose(&mut self, desk: &mut Desk, shape: Shape) -> Next<I> {
        if let Some((sequence, item)) = self.ready.pop_front() {
            self.working += 1;
            desk.working += 1;
            return Next::Work(sequence, item);
        }
        if self.is_closed {
            return Next::Over;
        }
        let room = self.room(shape);
        if room > 0 && !self.is_pulling {
            self.is_pulling = true;
            desk.pulling = Some(room);
            return Next::Pull;
        }
        self.sleep(desk);
        Next::Idle
    }

    /// Waits for something to do. The desk has arrived and prepared.
    fn sleep(&mut self, desk: &mut Desk) {
        if let Some(waker) = desk.waker.take() {
            let displaced = self.idle.register(&mut desk.ticket, waker);
            debug_assert!(displaced.is_none(), "whoever arrives gives its place back");
        }
    }

    /// Nothing more comes from upstream; what is here is still worked on.
    fn end(&mut self, failure: Option<PipelineError>, after: &mut After<I, O>) {
        if self.is_closed {
            after.failures.extend(failure);
        } else {
            self.upstream_failure = failure;
        }
        self.is_closed = true;
        after.wake.extend(self.idle.notify_all());
        self.is_waking = false;
    }
}

impl Desk {
    /// Has a waker ready, before the lock.
    fn prepare(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|ready| ready.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }
}

impl<I, O> Seat<I, O> {
    /// Takes the place of the first worker.
    pub(super) fn first(hub: &Arc<Hub<I, O>>) -> Self {
        {
            let mut state = hub.lock();
            state.workers += 1;
            state.is_waking = true;
        }
        Self::hired(hub)
    }

    /// Takes the place of a worker the hub has asked for.
    pub(super) fn hired(hub: &Arc<Hub<I, O>>) -> Self {
        Self { hub: hub.clone(), desk: Desk { waker: None, ticket: None, is_called: true, pulling: None, working: 0 } }
    }

    pub(super) fn place(&self) -> Arc<str> {
        self.hub.stage.place()
    }

    /// How many items this worker was told to pull, if it was.
    pub(super) fn pulling(&self) -> Option<usize> {
        self.desk.pulling
    }

    /// Reports what is finished and asks for more. Gives the number of a new worker to hire, if one is wanted.
    pub(super) fn turn(
        &mut self,
        finished: impl IntoIterator<Item = (u64, Outcome<O>)>,
        waker: &Waker,
    ) -> (Next<I>, Option<usize>) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        desk.prepare(waker);
        let next = {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            for (sequence, outcome) in finished {
                desk.working -= 1;
                state.record(sequence, outcome, &mut after);
            }
            let next = state.choose(desk, hub.shape);
            state.conclude(&mut after);
            if matches!(next, Next::Work(..)) {
                state.hire_help(hub.shape, &mut after);
            }
            next
        };
        let hire = after.run();
        (next, hire)
    }

    /// Takes more of what is ready, up to `most` in all, without waiting: for workers that work on chunks.
    ///
    /// A fair share only: what is ready is for as many as can work at once.
    pub(super) fn take_ready(&mut self, most: usize, at_once: usize, into: &mut Vec<(u64, I)>) {
        let Self { hub, desk } = self;
        let mut state = hub.lock();
        let share = (into.len() + state.ready.len()).div_ceil(hub.shape.workers.min(at_once)).min(most);
        let more = share.saturating_sub(into.len());
        state.working += more;
        desk.working += more;
        into.extend(state.ready.drain(..more));
    }

    /// Brings what was pulled; `halt` says why pulling stopped.
    pub(super) fn pulled(&mut self, items: &mut VecDeque<I>, halt: Option<Halt>) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        {
            let mut state = hub.lock();
            desk.pulling = None;
            state.is_pulling = false;
            after.displaced = state.puller.take();
            for item in items.drain(..) {
                let sequence = state.accepted;
                state.accepted += 1;
                state.window.admit();
                state.ready.push_back((sequence, item));
            }
            if state.is_closed {
                // Closed while this worker was pulling: what it brings comes too late.
                state.close(&mut after);
            }
            match halt {
                Some(Halt::End) => state.end(None, &mut after),
                Some(Halt::Failed(failure)) => state.end(Some(failure), &mut after),
                _ => {}
            }
            state.conclude(&mut after);
        }
        after.run();
    }

    /// Sleeps as the one who pulls. False when the stage has closed and there is nothing to pull for.
    pub(super) fn park(&mut self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.hub.lock();
        if state.is_closed {
            self.desk.pulling = None;
            state.is_pulling = false;
            return false;
        }
        let displaced = state.puller.replace(waker);
        drop(state);
        displaced.into_iter().for_each(drop_quietly);
        true
    }

    /// A relay's turn: how many places are free, or `None` when it is to stop. Registers the waker where there are none.
    pub(super) fn room(&mut self, waker: &Waker) -> Option<usize> {
        let Self { hub, desk } = self;
        let mut after = After::new();
        desk.prepare(waker);
        let room = {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            let room = if state.is_closed { None } else { Some(state.room(hub.shape)) };
            if room == Some(0) {
                state.sleep(desk);
            }
            room
        };
        after.run();
        room
    }

    /// Takes `accepted` items in and passes results on, without any work; `spill` gives back what does not fit.
    pub(super) fn relay(
        &mut self,
        accepted: u64,
        results: impl IntoIterator<Item = O>,
        spill: impl FnOnce(&mut Window<O>) -> Vec<O>,
    ) {
        let mut after = After::new();
        {
            let mut state = self.hub.lock();
            state.accepted += accepted;
            for result in results {
                state.window.push(result);
            }
            after.results.extend(spill(&mut state.window));
            if state.is_deserted {
                after.results.extend(state.window.clear());
            }
            state.conclude(&mut after);
        }
        after.run();
    }

    /// A relay was stopped with items in hand that it has not passed on.
    pub(super) fn lose(&mut self, items: u64) {
        self.hub.lock().window.lose(items);
    }

    /// A relay has no more to give.
    pub(super) fn end(&mut self, failure: Option<PipelineError>) {
        let mut after = After::new();
        {
            let mut state = self.hub.lock();
            state.end(failure, &mut after);
            state.conclude(&mut after);
        }
        after.run();
    }
}

impl<I, O> Drop for Seat<I, O> {
    fn drop(&mut self) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            if desk.pulling.take().is_some() {
                state.is_pulling = false;
            }
            state.working -= desk.working;
            state.window.lose(desk.working as u64);
            if desk.working > 0 || !state.is_closed {
                after.results.extend(state.window.fail(hub.stopped()));
                state.close(&mut after);
            }
            state.conclude(&mut after);
        }
        after.run();
    }
}

impl<I: Send, O: Send> StageView for Hub<I, O> {
    fn stats(&self) -> StageStats {
        let name = self.stage.name();
        let state = self.lock();
        let window = &state.window;
        let settled = window.done + window.failed + window.dropped + window.discarded;
        StageStats {
            name,
            flow: Flow {
                accepted: state.accepted,
                done: window.done,
                failed: window.failed,
                dropped: window.dropped,
                discarded: window.discarded,
                in_flight: state.accepted - settled,
            },
            queued: window.queued(),
            window: Some(self.shape.window),
            busy: state.working,
            workers: state.workers,
        }
    }
}
