//! What lies under the hub's lock, and how it changes. The invariants are the [hub](super::hub)'s.

use std::collections::VecDeque;
use std::task::Waker;

use super::error::PipelineError;
use super::hub::Shape;
use super::keys::{Lines, Mark, Ready};
use super::seat::Next;
use super::times::{Clock, Mood};
use super::window::{Outcome, Window};
use crate::error::{drop_quietly, wake_quietly};
use crate::task::{Ticket, Waiters};

pub(super) struct State<I, O> {
    /// Pulled, and not yet with a worker.
    pub(super) ready: VecDeque<Ready<I>>,
    /// Pulled, and waiting for another of their key.
    pub(super) lines: Lines<I>,
    /// With workers.
    pub(super) working: usize,
    /// Results, and the order they leave in.
    pub(super) window: Window<O>,
    /// Nothing more is pulled: upstream has ended, or this stage stops.
    pub(super) is_closed: bool,
    /// Nobody takes results any more.
    pub(super) is_deserted: bool,
    /// Why upstream ended, if not by itself; told after the last result.
    pub(super) upstream_failure: Option<PipelineError>,
    pub(super) is_pulling: bool,
    /// Where the pulling worker sleeps while upstream has nothing.
    pub(super) puller: Option<Waker>,
    /// Workers with nothing to do.
    pub(super) idle: Waiters,
    pub(super) is_waking: bool,
    /// How many workers were ever started; they stay until the stage ends.
    pub(super) workers: usize,
    /// Where the next stage sleeps while there are no results.
    pub(super) consumer: Option<Waker>,
    pub(super) accepted: u64,
    /// Items with a relay, which are part of no result yet.
    pub(super) gathered: u64,
    /// Whoever sleeps as the puller waits for the clock, not for upstream.
    pub(super) is_pausing: bool,
    pub(super) clock: Clock,
}

pub(super) struct Desk {
    /// For the next wait: cloned before the lock, and only after the last one was used.
    pub(super) waker: Option<Waker>,
    /// Held while idle.
    pub(super) ticket: Option<Ticket>,
    /// Hired, and not yet seen at the hub.
    pub(super) is_called: bool,
    /// Told to pull, up to so many items.
    pub(super) pulling: Option<usize>,
    /// Asleep as the puller, or woken and not yet back.
    pub(super) is_parked: bool,
    /// How many items it works on.
    pub(super) working: usize,
}

/// What has to happen once the lock is gone. Wakers first: values of users may take their time to drop.
#[must_use]
pub(super) struct After<I, O> {
    pub(super) wake: Vec<Waker>,
    /// The commonest wake-ups, without an allocation.
    pub(super) consumer: Option<Waker>,
    pub(super) helper: Option<Waker>,
    /// A waker that nobody needs any more.
    pub(super) displaced: Option<Waker>,
    pub(super) items: Vec<Ready<I>>,
    pub(super) results: Vec<O>,
    /// Errors that nobody will hear of, because another came first.
    pub(super) failures: Vec<PipelineError>,
    /// A new worker is wanted: its number.
    pub(super) hire: Option<usize>,
}

impl<I, O> After<I, O> {
    pub(super) fn new() -> Self {
        let (wake, items, results, failures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { wake, consumer: None, helper: None, displaced: None, items, results, failures, hire: None }
    }

    /// Gives the number of the worker to hire.
    ///
    /// By reference, and with the rare things apart: this runs for every item, and there is nothing to do most times.
    #[inline]
    pub(super) fn run(&mut self) -> Option<usize> {
        self.consumer.take().into_iter().for_each(wake_quietly);
        self.helper.take().into_iter().for_each(wake_quietly);
        self.displaced.take().into_iter().for_each(drop_quietly);
        if !(self.wake.is_empty() && self.items.is_empty() && self.results.is_empty() && self.failures.is_empty()) {
            self.run_rest();
        }
        self.hire
    }

    #[cold]
    fn run_rest(&mut self) {
        self.wake.drain(..).for_each(wake_quietly);
        // One by one: a second panic while the first unwinds would abort the process.
        self.items.drain(..).for_each(drop_quietly);
        self.results.drain(..).for_each(drop_quietly);
        self.failures.drain(..).for_each(drop_quietly);
    }
}

impl<I, O> State<I, O> {
    pub(super) fn is_over(&self) -> bool {
        !self.window.has_results() && (self.has_ended() || self.window.is_cut())
    }

    /// How many items may be pulled now.
    pub(super) fn room(&self, shape: Shape) -> usize {
        shape.room(self.working + self.ready.len(), self.window.held())
    }

    /// Pulls nothing more and starts nothing more.
    pub(super) fn close(&mut self, after: &mut After<I, O>) {
        self.is_closed = true;
        let unstarted = after.items.len();
        after.items.extend(self.ready.drain(..));
        after.items.extend(self.lines.clear());
        for item in &after.items[unstarted..] {
            self.window.discard(item.mark.sequence);
        }
        after.wake.extend(self.idle.notify_all());
        after.wake.extend(self.puller.take());
        self.is_waking = false;
    }

    pub(super) fn record(&mut self, mark: Mark, outcome: Outcome<O>, after: &mut After<I, O>) {
        self.working -= 1;
        let is_failure = matches!(outcome, Outcome::Failed(_));
        after.results.extend(self.window.settle(mark.sequence, outcome));
        if let Some(key) = mark.line {
            self.ready.extend(self.lines.leave(key));
        }
        if is_failure && !self.is_closed {
            self.close(after);
        }
        if self.is_deserted {
            after.results.extend(self.window.clear());
        }
    }

    /// The last thing under the lock: wakes the consumer if there is something for it, or nothing any more.
    pub(super) fn conclude(&mut self, shape: Shape, after: &mut After<I, O>) {
        self.keep_time(shape);
        after.failures.append(&mut self.window.unheard);
        if !self.is_deserted && (self.window.has_results() || self.is_over()) {
            after.consumer = self.consumer.take();
        }
    }

    /// Tells whether it takes nothing more and works on nothing.
    pub(super) fn has_ended(&self) -> bool {
        self.is_closed && self.ready.is_empty() && self.working == 0
    }

    pub(super) fn keep_time(&mut self, shape: Shape) {
        self.clock.turn(self.mood(shape), self.engaged());
    }

    /// How many workers are awake; where none was hired, because a relay does it all, it counts as one.
    fn engaged(&self) -> usize {
        let asleep = self.idle.len() + usize::from(self.puller.is_some() && !self.is_pausing);
        self.workers.saturating_sub(asleep).max(1)
    }

    fn mood(&self, shape: Shape) -> Mood {
        if self.working > 0 {
            Mood::Busy
        } else if self.has_ended() {
            Mood::Over
        } else if self.room(shape) == 0 {
            Mood::Blocked
        } else if self.puller.is_some() && !self.is_pausing {
            Mood::Starved
        } else {
            Mood::Busy
        }
    }

    /// Tells whether there is something to start, or to look for upstream, and nobody on the way who will.
    pub(super) fn wants_help(&self, shape: Shape) -> bool {
        let can_pull = !self.is_pulling && !self.is_closed && self.room(shape) > 0;
        !self.is_waking && (can_pull || !self.ready.is_empty())
    }

    /// Calls one worker if there is something to start; it will call the next.
    pub(super) fn call_help(&mut self, shape: Shape, after: &mut After<I, O>) {
        if !self.wants_help(shape) {
            return;
        }
        if let Some(waker) = self.idle.notify_one() {
            self.is_waking = true;
            after.helper = Some(waker);
        }
    }

    /// As `call_help`, and hires a new worker where nobody is left to call: also one that finds nothing to do yet.
    pub(super) fn hire_help(&mut self, shape: Shape, after: &mut After<I, O>) {
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
    pub(super) fn arrive(&mut self, desk: &mut Desk, after: &mut After<I, O>) {
        let left = desk.ticket.take().map(|ticket| self.idle.leave(ticket));
        let was_notified = left.as_ref().is_some_and(|left| left.was_notified);
        after.displaced = left.and_then(|left| left.waker);
        if was_notified || std::mem::take(&mut desk.is_called) {
            self.is_waking = false;
        }
    }

    pub(super) fn choose(&mut self, desk: &mut Desk, shape: Shape) -> Next<I> {
        if let Some(ready) = self.ready.pop_front() {
            self.working += 1;
            desk.working += 1;
            return Next::Work(ready);
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
    pub(super) fn sleep(&mut self, desk: &mut Desk) {
        if let Some(waker) = desk.waker.take() {
            let displaced = self.idle.register(&mut desk.ticket, waker);
            debug_assert!(displaced.is_none(), "whoever arrives gives its place back");
        }
    }

    /// Nothing more comes from upstream; what is here is still worked on.
    pub(super) fn end(&mut self, failure: Option<PipelineError>, after: &mut After<I, O>) {
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
    pub(super) fn prepare(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|ready| ready.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }
}
