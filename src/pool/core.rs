//! The state machine of the pool: places, jobs, workers and those who wait. No threads and no runtime in here.
//!
//! Invariants, on top of those of the [word](super::word) and the [books](super::books):
//! 1. No user code runs under the lobby's lock: wakers are cloned before it; they are called and dropped, as closures
//!    are, after it is gone. The one lock taken outside it is a job's own, never the other way round.
//! 2. A submitter that waits is in the lobby before the word says `waiting`, both under the lock; whoever gives a place
//!    back and sees `waiting` takes the lock after it. So a wake-up is not missed.
//! 3. Of the places given back while somebody waits, all below the low-water mark and all between it and the capacity
//!    have woken somebody: wake-ups are never fewer than the places they are for.
//! 4. Once the word is closed, `queued`, `active` and `dropping` only fall, and whoever brings one to 0 tells the
//!    watchers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::atomics::{Mutex, MutexGuard, lock, yield_now};
use super::books::{Books, Ending};
use super::error::JobError;
use super::injector::Injector;
use super::word::{Admission, Entry, Leave, Levels, Word};
use crate::error::{Closed, Panicked, drop_quietly, log_quietly, wake_quietly};
use crate::observe::{Observe, Row};
use crate::task::{ShutdownReport, Ticket, Waiters};

/// How many submitters are let in at once. Waking one for each place would cost a trip through the scheduler for each
/// job; fewer than half of the default capacity keeps the workers busy meanwhile.
const BATCH_MAX: u32 = 256;

/// A job, as the worker sees it.
pub(super) trait Run: Send + Sync {
    /// Runs the closure and resolves the handle; nothing, if the job was cancelled.
    fn run(&self);

    /// Drops the closure unrun and resolves the handle; tells whether the job had not begun.
    fn discard(&self, why: &JobError) -> bool;
}

pub(super) struct Core {
    word: Word,
    queue: Injector<Arc<dyn Run>>,
    lobby: Mutex<Lobby>,
    books: Books,
    names: Names,
    capacity: u32,
    low_water: u32,
}

/// What the pool and its jobs are called in errors.
pub(super) struct Names {
    pub(super) name: Arc<str>,
    pub(super) pool: Arc<str>,
    pub(super) job: Arc<str>,
}

struct Lobby {
    submitters: Waiters,
    /// Those who wait for the pool to be idle or empty.
    watchers: Waiters,
    /// How many are dropping closures of cancelled jobs at the moment.
    dropping: usize,
    panics: Vec<Panicked>,
}

impl Core {
    pub(super) fn new(name: Arc<str>, limit: usize, capacity: u32) -> Self {
        let names = Names { pool: format!("pool `{name}`").into(), job: format!("job of pool `{name}`").into(), name };
        let lobby = Lobby { submitters: Waiters::new(), watchers: Waiters::new(), dropping: 0, panics: Vec::new() };
        Self {
            word: Word::new(limit),
            queue: Injector::new(),
            lobby: Mutex::new(lobby),
            books: Books::new(),
            names,
            capacity,
            low_water: capacity - (capacity / 4).clamp(1, BATCH_MAX),
        }
    }

    pub(super) fn levels(&self) -> Levels {
        self.word.levels()
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Takes a place without waiting.
    pub(super) fn try_enter(&self) -> Admission {
        self.word.admit(self.entry(false, false))
    }

    /// Takes a place, or queues up for one; the answer is never [`Admission::Full`].
    pub(super) fn poll_enter(&self, ticket: &mut Option<Ticket>, cx: &Context<'_>) -> Poll<Admission> {
        if ticket.is_none() {
            match self.try_enter() {
                Admission::Full => {}
                answer => return Poll::Ready(answer),
            }
        }
        let waker = cx.waker().clone();
        let mut lobby = self.lobby();
        let (polled, displaced) = match self.word.admit(self.entry(ticket.is_some(), true)) {
            Admission::Full => (Poll::Pending, lobby.submitters.register(ticket, waker)),
            answer => {
                let left = ticket.take().and_then(|ticket| lobby.submitters.leave(ticket).waker);
                self.waited(&lobby);
                (Poll::Ready(answer), left)
            }
        };
        drop(lobby);
        drop_quietly(displaced);
        polled
    }

    /// Gives up a wait; a wake-up that was meant for this submitter goes to the next.
    pub(super) fn give_up_waiting(&self, ticket: Ticket) {
        let (left, next) = {
            let mut lobby = self.lobby();
            let left = lobby.submitters.leave(ticket);
            let next = if left.was_notified { lobby.submitters.notify_one() } else { None };
            self.waited(&lobby);
            (left.waker, next)
        };
        next.into_iter().for_each(wake_quietly);
        drop_quietly(left);
    }

    /// Queues the job of a submitter that was admitted.
    pub(super) fn push(&self, job: Arc<dyn Run>) {
        self.books.accepted();
        self.queue.push(job);
    }

    /// Does a worker's work, until there is none; `linger` is how many times it looks again before it leaves.
    pub(super) fn work(&self, linger: u32) {
        let mut idle_rounds = 0;
        loop {
            if let Some(job) = self.queue.pop() {
                idle_rounds = 0;
                self.took();
                // All that the user gave is caught within; what is left is the user's tracing subscriber.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.run())) {
                    drop_quietly(payload);
                }
            } else if self.word.levels().queued() > 0 {
                // A submitter is between its admission and its push, or another worker between pop and take.
                yield_now();
            } else if idle_rounds < linger {
                idle_rounds += 1;
                yield_now();
            } else if self.leave(false) {
                return;
            }
        }
    }

    /// Gives back a worker that could not be started, or was dropped before it began. If it was the only one, nobody
    /// can run what is queued, so it is discarded.
    pub(super) fn forgo_worker(&self, why: &JobError) {
        while !self.leave(true) {
            self.drain(why);
        }
    }

    /// Admits nobody from here on; tells whether it was open before.
    pub(super) fn close(&self) -> bool {
        let was_open = self.word.close();
        if was_open {
            let refused = {
                let mut lobby = self.lobby();
                let refused = lobby.submitters.notify_all();
                self.waited(&lobby);
                refused
            };
            refused.into_iter().for_each(wake_quietly);
            log_quietly(|| tracing::debug!(target: "regatta::pool", pool = %self.names.name, "closed"));
        }
        was_open
    }

    /// Closes, and discards every queued job.
    pub(super) fn abort(&self) {
        self.close();
        self.drain(&self.closed());
    }

    /// Discards every queued job: first takes them all, so that no worker begins one meanwhile, then drops them.
    pub(super) fn drain(&self, why: &JobError) {
        self.drop_begins();
        let mut jobs = Vec::new();
        while self.word.levels().queued() > 0 {
            match self.queue.pop() {
                Some(job) => {
                    self.took();
                    jobs.push(job);
                }
                // Somebody is between admission and push, or between pop and take: a few instructions.
                None => yield_now(),
            }
        }
        for job in jobs {
            job.discard(why);
        }
        self.drop_ends();
    }

    pub(super) fn closed(&self) -> JobError {
        JobError::Closed(Closed::new(self.names.pool.clone()))
    }

    /// Says that a closure is about to be dropped unrun; nobody is told that the pool has stopped until it is.
    pub(super) fn drop_begins(&self) {
        self.lobby().dropping += 1;
    }

    pub(super) fn drop_ends(&self) {
        let watchers = {
            let mut lobby = self.lobby();
            lobby.dropping -= 1;
            if lobby.dropping == 0 { lobby.watchers.notify_all() } else { Vec::new() }
        };
        watchers.into_iter().for_each(wake_quietly);
    }

    /// Keeps the first panics for the report.
    pub(super) fn panicked(&self, panicked: &Panicked) {
        let mut lobby = self.lobby();
        if lobby.panics.len() < ShutdownReport::PANICS_KEPT {
            lobby.panics.push(panicked.clone());
        }
    }

    /// Waits until `is_over`, which is given the levels and how many are dropping closures. The pool must be closed.
    pub(super) fn poll_settled(
        &self,
        is_over: fn(Levels, usize) -> bool,
        ticket: &mut Option<Ticket>,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut lobby = self.lobby();
        // Under the lock: whoever changes the levels tells the watchers under it, before or after this look.
        let (polled, displaced) = if is_over(self.word.levels(), lobby.dropping) {
            (Poll::Ready(()), ticket.take().and_then(|ticket| lobby.watchers.leave(ticket).waker))
        } else {
            (Poll::Pending, lobby.watchers.register(ticket, waker))
        };
        drop(lobby);
        drop_quietly(displaced);
        polled
    }

    pub(super) fn stop_watching(&self, ticket: Ticket) {
        let left = self.lobby().watchers.leave(ticket);
        drop_quietly(left.waker);
    }

    pub(super) fn report(&self, elapsed: std::time::Duration) -> ShutdownReport {
        let flow = self.books.flow();
        ShutdownReport {
            name: self.names.name.clone(),
            finished: flow.done,
            aborted: flow.discarded,
            panicked_count: flow.failed,
            panicked: self.lobby().panics.clone(),
            still_running: (0..flow.in_flight).map(|_| self.names.job.clone()).collect(),
            elapsed,
        }
    }

    fn entry(&self, is_let_in: bool, waits: bool) -> Entry {
        Entry { capacity: self.capacity, low_water: self.low_water, is_let_in, waits }
    }

    /// Gives back the place of a job that was popped, to those who wait for one.
    fn took(&self) {
        let levels = self.word.take();
        if levels.has_waiting() && levels.queued() <= self.low_water {
            let batch = if levels.queued() == self.low_water { self.capacity - self.low_water } else { 1 };
            let next: Vec<Waker> = {
                let mut lobby = self.lobby();
                let next = (0..batch).map_while(|_| lobby.submitters.notify_one()).collect();
                self.waited(&lobby);
                next
            };
            next.into_iter().for_each(wake_quietly);
        }
        if levels.is_closed() && levels.queued() == 0 {
            self.tell_watchers();
        }
    }

    fn leave(&self, others_suffice: bool) -> bool {
        match self.word.leave(others_suffice) {
            Leave::Needed => false,
            Leave::Left(levels) => {
                if levels.is_closed() && levels.active() == 0 {
                    self.tell_watchers();
                }
                true
            }
        }
    }

    /// Keeps the word in step with the list of submitters.
    fn waited(&self, lobby: &Lobby) {
        if lobby.submitters.is_empty() {
            self.word.clear_waiting();
        }
    }

    fn tell_watchers(&self) {
        let watchers = self.lobby().watchers.notify_all();
        watchers.into_iter().for_each(wake_quietly);
    }

    fn lobby(&self) -> MutexGuard<'_, Lobby> {
        lock(&self.lobby)
    }
}

/// Counts the job's end; a panic is kept and logged.
pub(super) fn book(core: &Core, error: Option<&JobError>) {
    let ending = match error {
        None => Ending::Done,
        Some(JobError::Panicked(panicked)) => {
            core.panicked(panicked);
            Ending::Failed
        }
        Some(_) => Ending::Discarded,
    };
    core.books.ended(ending);
}

impl Observe for Core {
    fn fill(&self, row: &mut Row) {
        let levels = self.word.levels();
        row.state = if levels.is_closed() { "closed" } else { "open" };
        row.flow = self.books.flow();
        row.gauge("queued", levels.queued() as usize, Some(self.capacity()));
        row.gauge("active", levels.active(), Some(levels.limit()));
    }
}
