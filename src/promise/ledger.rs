//! What became of the promises, counted together: one row for all of a registry.
//!
//! A row for each would cost more than the promise: most live for microseconds. How old those are that are pending is known
//! by the second: each is counted in the epoch it was made in, and an epoch ends when somebody looks who sees that it has
//! lasted for a second. While nobody looks, there is one epoch, and no clock is read.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::PromiseError;
use crate::observe::{Flow, Observe, Registry, Row};

/// So many are told apart; where promises of each of them are pending, the last one goes on.
const EPOCHS: usize = 48;
/// How long one lasts.
const EPOCH: Duration = Duration::from_secs(1);
/// From here on a promise is pending for long.
const LONG: Duration = Duration::from_secs(30);

static GLOBAL: LazyLock<Arc<Ledger>> = LazyLock::new(|| Registry::global().common("promises"));

/// The counters of the registry that a promise was made in, and where it is counted as pending.
pub(super) struct Books {
    ledger: Option<Arc<Ledger>>,
    epoch: u32,
}

/// Writers are all over the program; the cache lines are theirs alone.
#[repr(align(128))]
pub(super) struct Ledger {
    /// In which epoch promises are made now.
    current: AtomicU32,
    /// Those that are pending, by the epoch they were made in.
    pending: [AtomicU64; EPOCHS],
    done: AtomicU64,
    failed: AtomicU64,
    discarded: AtomicU64,
    /// For those who look.
    calendar: Mutex<Calendar>,
}

/// When the present epoch began, and when each of the others was over.
struct Calendar {
    /// How many were made, as far as somebody has seen: this number only rises.
    accepted: u64,
    began: Option<Instant>,
    ended: [Option<Instant>; EPOCHS],
}

#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// A value that somebody waits for.
    Done,
    /// An error or a panic that somebody waits for.
    Failed,
    /// Nobody waited any more, or the writer went away, or its work was cancelled.
    Discarded,
}

impl Ending {
    pub(super) fn of<T, E>(outcome: &Result<T, PromiseError<E>>, is_abandoned: bool) -> Self {
        match outcome {
            _ if is_abandoned => Self::Discarded,
            Ok(_) => Self::Done,
            Err(PromiseError::Rejected(_) | PromiseError::Panicked(_)) => Self::Failed,
            Err(PromiseError::Broken | PromiseError::Cancelled(_)) => Self::Discarded,
        }
    }
}

impl Books {
    /// Enters a promise that is made right here.
    pub(super) fn open() -> Self {
        let ledger = Registry::scoped().map(|registry| registry.common("promises"));
        let mut books = Self { ledger, epoch: 0 };
        // Relaxed: one that is made while an epoch ends may be of either.
        books.epoch = books.ledger().current.load(Ordering::Relaxed);
        books.pending().fetch_add(1, Ordering::Relaxed);
        books
    }

    /// First it is pending no more, then it is settled: nobody finds it in both.
    pub(super) fn close(&self, ending: Ending) {
        let ledger = self.ledger();
        let count = match ending {
            Ending::Done => &ledger.done,
            Ending::Failed => &ledger.failed,
            Ending::Discarded => &ledger.discarded,
        };
        self.pending().fetch_sub(1, Ordering::Relaxed);
        // Release: pairs with the Acquire of `fill`, which does not find it among the pending then.
        count.fetch_add(1, Ordering::Release);
    }

    fn pending(&self) -> &AtomicU64 {
        &self.ledger().pending[self.epoch as usize % EPOCHS]
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap_or_else(|| &GLOBAL)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            current: AtomicU32::new(0),
            pending: [const { AtomicU64::new(0) }; EPOCHS],
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
            calendar: Mutex::new(Calendar { accepted: 0, began: None, ended: [None; EPOCHS] }),
        }
    }
}

impl Ledger {
    /// Begins another epoch, if this one was long enough and there is one that nobody is left of.
    fn turn(&self, calendar: &mut Calendar, now: Instant) {
        let began = *calendar.began.get_or_insert(now);
        if now.saturating_duration_since(began) < EPOCH {
            return;
        }
        let current = self.current.load(Ordering::Relaxed) as usize;
        let is_free = |epoch: &usize| self.pending[*epoch].load(Ordering::Relaxed) == 0;
        let free = (1..EPOCHS).map(|ahead| (current + ahead) % EPOCHS).find(is_free);
        if let Some(free) = free {
            (calendar.ended[current], calendar.ended[free], calendar.began) = (Some(now), None, Some(now));
            self.current.store(free as u32, Ordering::Relaxed);
        }
    }

    /// How many are pending of those that were made at least so long ago.
    fn older_than(&self, age: Duration, calendar: &Calendar, now: Instant) -> u64 {
        let is_old = |ended: &Option<Instant>| ended.is_some_and(|ended| now.saturating_duration_since(ended) >= age);
        let old = calendar.ended.iter().zip(&self.pending).filter(|(ended, _)| is_old(ended));
        old.map(|(_, pending)| pending.load(Ordering::Relaxed)).sum()
    }
}

impl Observe for Ledger {
    fn fill(&self, row: &mut Row) {
        let now = Instant::now();
        let mut calendar = self.calendar.lock().unwrap_or_else(PoisonError::into_inner);
        let [done, failed, discarded] =
            [&self.done, &self.failed, &self.discarded].map(|count| count.load(Ordering::Acquire));
        let pending: u64 = self.pending.iter().map(|pending| pending.load(Ordering::Relaxed)).sum();
        row.set_state("open");
        // One that is just being settled may be found nowhere; but it was accepted when somebody looked before.
        let settled = done + failed + discarded;
        let accepted = calendar.accepted.max(pending + settled);
        calendar.accepted = accepted;
        row.flow = Flow { accepted, done, failed, discarded, in_flight: accepted - settled, ..Flow::default() };
        row.level("pending", row.flow.in_flight, None);
        row.level("pending for 30 s", self.older_than(LONG, &calendar, now), None);
        self.turn(&mut calendar, now);
    }
}
