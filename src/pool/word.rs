//! Who may come in and who must be called: the pool's whole state in one atomic word.
//!
//! ```text
//! | closed 1 | waiting 1 | limit 15 | active 15 | queued 32 |
//! ```
//!
//! Invariants:
//! 1. `queued` counts places: a place is taken by [`admit`](Word::admit) before its job is pushed, and given back by
//!    [`take`](Word::take) after its job was popped. So it is never below the number of jobs in the queue, and never
//!    above the capacity.
//! 2. `active <= limit`. Whoever raises `active` owes the pool a worker; each unit belongs to one worker, or to one
//!    that is on its way.
//! 3. `queued > 0` implies `active > 0`: a place is taken together with a unit of `active` unless all are out already,
//!    and [`leave`](Word::leave) gives the last unit back only while `queued` is 0. So no job is left without a worker.
//! 4. `waiting` is written under the lobby's lock only, and is set while and only while a submitter is in its list.
//! 5. Nothing is admitted after `closed` is set, and it is never taken back.
//!
//! # Orderings
//! Every one is relaxed. All decisions are made by read-modify-writes of this one word, which see the latest value
//! whatever their ordering; a job's data travels through the queue and a waker's through the lobby's lock, which
//! synchronise by themselves. Plain loads only feed a compare-and-swap, or a loop that looks again.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use super::atomics::AtomicU64;

const ACTIVE_ONE: u64 = 1 << 32;
const LIMIT_SHIFT: u32 = 47;
const COUNT_MASK: u64 = (1 << 15) - 1;
const WAITING: u64 = 1 << 62;
const CLOSED: u64 = 1 << 63;

/// The largest limit that the word has room for.
pub(super) const LIMIT_MAX: usize = COUNT_MASK as usize;

pub(super) struct Word(AtomicU64);

/// One reading of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels(u64);

/// What became of a submitter's attempt to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// A place is taken; with `calls_worker`, also a unit of `active`: the submitter must start a worker.
    Admitted { calls_worker: bool },
    /// No room for this submitter now.
    Full,
    /// No room ever.
    Closed,
}

/// How a submitter comes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// How many places there are.
    pub(super) capacity: u32,
    /// Whether this submitter has been let in: while others wait, nobody else may come in.
    pub(super) is_let_in: bool,
    /// Whether to set `waiting` where there is no room: only under the lobby's lock.
    pub(super) waits: bool,
}

/// How a worker's attempt to leave ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leave {
    /// The unit of `active` is given back; the levels after that.
    Left(Levels),
    /// Somebody has to stay.
    Needed,
}

impl Word {
    pub(super) fn new(limit: usize) -> Self {
        debug_assert!((1..=LIMIT_MAX).contains(&limit), "the builder clamps the limit");
        Self(AtomicU64::new((limit as u64) << LIMIT_SHIFT))
    }

    pub(super) fn levels(&self) -> Levels {
        Levels(self.0.load(Relaxed))
    }

    /// Takes a place, if there is one.
    pub(super) fn admit(&self, entry: Entry) -> Admission {
        let mut seen = self.levels();
        loop {
            let (next, admission) = seen.admit(entry);
            // The load may be stale. A refused submitter that does not wait could have been refused a moment ago. One
            // that waits, and finds `waiting` set already, holds the lobby's lock: whoever gave a place back since
            // saw `waiting`, too, and comes for the lock after it.
            if next == seen {
                return admission;
            }
            match self.0.compare_exchange_weak(seen.0, next.0, Relaxed, Relaxed) {
                Ok(_) => return admission,
                Err(now) => seen = Levels(now),
            }
        }
    }

    /// Gives back the place of a job that was popped; the levels after that.
    pub(super) fn take(&self) -> Levels {
        Levels(self.0.fetch_sub(1, Relaxed) - 1)
    }

    /// Gives back one unit of `active`, unless jobs are queued. With `others_suffice`, also while jobs are queued, if
    /// another unit remains for them.
    pub(super) fn leave(&self, others_suffice: bool) -> Leave {
        let mut seen = self.levels();
        loop {
            if seen.queued() > 0 && !(others_suffice && seen.active() > 1) {
                return Leave::Needed;
            }
            let next = Levels(seen.0 - ACTIVE_ONE);
            match self.0.compare_exchange_weak(seen.0, next.0, Relaxed, Relaxed) {
                Ok(_) => return Leave::Left(next),
                Err(now) => seen = Levels(now),
            }
        }
    }

    /// Says that nobody waits any more; under the lobby's lock.
    pub(super) fn clear_waiting(&self) {
        self.0.fetch_and(!WAITING, Relaxed);
    }

    /// Admits nobody from here on; tells whether it was open before.
    pub(super) fn close(&self) -> bool {
        self.0.fetch_or(CLOSED, Relaxed) & CLOSED == 0
    }
}

impl Levels {
    pub(super) fn queued(self) -> u32 {
        // Truncation keeps the low half, which is the count.
        self.0 as u32
    }

    pub(super) fn active(self) -> usize {
        (self.0 >> 32 & COUNT_MASK) as usize
    }

    pub(super) fn limit(self) -> usize {
        (self.0 >> LIMIT_SHIFT & COUNT_MASK) as usize
    }

    pub(super) fn has_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    fn admit(self, entry: Entry) -> (Self, Admission) {
        if self.is_closed() {
            return (self, Admission::Closed);
        }
        let must_queue_up = self.has_waiting() && !entry.is_let_in;
        if self.queued() >= entry.capacity || must_queue_up {
            return (Self(if entry.waits { self.0 | WAITING } else { self.0 }), Admission::Full);
        }
        let calls_worker = self.active() < self.limit();
        let raised = if calls_worker { ACTIVE_ONE } else { 0 };
        (Self(self.0 + 1 + raised), Admission::Admitted { calls_worker })
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels")
            .field("queued", &self.queued())
            .field("active", &self.active())
            .field("limit", &self.limit())
            .field("has_waiting", &self.has_waiting())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
