//! Who may come in and who must be called: the pool's whole state in one atomic word.
//!
//! ```text
//! | closed 1 | waiting 1 | called 1 | limit 17 | active 17 | queued 27 |
//! ```
//!
//! Invariants:
//! 1. `queued` counts places: a place is taken by [`admit`](Word::admit) before its job is pushed, and given back by
//!    [`take`](Word::take) once: by whoever pops the job, stops it before it begins, or begins it out of turn. So it is
//!    never below the number of jobs in the queues that may still begin.
//! 2. Whoever raises `active` owes the pool a worker; each unit belongs to one worker, or to one that is on its way. It is
//!    raised below `limit` only, and so above it only after the limit was lowered.
//! 3. Of the jobs that are queued, `held` are bound to one worker each; the [floor](super::floor) counts them, under the
//!    desk's lock. `queued > held` implies `active > 0`: a place is taken together with a unit of `active` unless all are
//!    out already, and [`leave`](Word::leave) gives a unit back only while `queued == held`. So no job that anybody may run
//!    is left without a worker. The floor looks after the others.
//! 4. `active` is lowered, `limit` changed, and `waiting` written under the desk's lock only. `waiting` is set while and
//!    only while a submitter is in its list.
//! 5. Nothing is admitted after `closed` is set, and it is never taken back.
//! 6. In pools that call workers one by one, `called` says that one is on its way, and then nobody calls another. It is
//!    cleared when a worker arrives, or is given up; whoever takes a job then [calls the next](Word::recruit) if there is
//!    more to do. So a job that comes while somebody is on the way is seen by whoever arrives, or by the next it calls.
//!
//! # Orderings
//! Every one is relaxed. All decisions are made by read-modify-writes of this one word, which see the latest value
//! whatever their ordering; a job's data travels through a queue, and a waker's through the desk's lock, which
//! synchronise by themselves. Plain loads only feed a compare-and-swap, or a loop that looks again.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use super::atomics::AtomicU64;

const ACTIVE_SHIFT: u32 = 27;
const ACTIVE_ONE: u64 = 1 << ACTIVE_SHIFT;
const LIMIT_SHIFT: u32 = 44;
const QUEUED_MASK: u64 = (1 << 27) - 1;
const COUNT_MASK: u64 = (1 << 17) - 1;
const CALLED: u64 = 1 << 61;
const WAITING: u64 = 1 << 62;
const CLOSED: u64 = 1 << 63;

/// The largest limit that the word has room for.
pub(super) const LIMIT_MAX: usize = COUNT_MASK as usize;
/// The largest capacity that the word has room for.
pub(super) const CAPACITY_MAX: usize = QUEUED_MASK as usize;

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
    /// Whether to set `waiting` where there is no room: only under the desk's lock.
    pub(super) waits: bool,
    /// Whether any worker will do, and so one is called; a job that is bound to one has it called by the floor.
    pub(super) calls: Calls,
}

/// How a pool calls workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// Not here.
    Nobody,
    /// One for each job: threads take long to come, so they had better come side by side.
    Each,
    /// One at a time, each calls the next: tasks come at once, and the first may have done it all when the others come.
    OneByOne,
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
            // that waits, and finds `waiting` set already, holds the desk's lock: whoever gave a place back since
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

    /// Raises `active` for a worker that a bound job needs, unless all are out.
    pub(super) fn raise(&self) -> bool {
        self.update(|levels| (levels.active() < levels.limit()).then(|| Levels(levels.0 + ACTIVE_ONE))).is_some()
    }

    /// Raises `active` for one more worker, where there is more to do and nobody is on the way; tells whether.
    pub(super) fn recruit(&self, held: u32) -> bool {
        self.update(|levels| {
            let is_needed = levels.queued() > held && levels.active() < levels.limit() && !levels.is_called();
            is_needed.then(|| Levels((levels.0 + ACTIVE_ONE) | CALLED))
        })
        .is_some()
    }

    /// A worker that was called has come, or never will.
    pub(super) fn answer(&self) {
        self.0.fetch_and(!CALLED, Relaxed);
    }

    /// Gives back one unit of `active`, if every job that is queued is bound to a worker; the levels after that.
    pub(super) fn leave(&self, held: u32) -> Option<Levels> {
        self.update(|levels| (levels.queued() <= held).then(|| Levels(levels.0 - ACTIVE_ONE)))
    }

    /// Gives back one unit of `active`, if another remains for what is queued, or nothing is; the levels after that.
    pub(super) fn forgo(&self) -> Option<Levels> {
        self.update(|levels| (levels.queued() == 0 || levels.active() > 1).then(|| Levels(levels.0 - ACTIVE_ONE)))
    }

    /// Gives back one unit of `active`, whatever is queued: where others are known to be there.
    pub(super) fn retire(&self) {
        self.0.fetch_sub(ACTIVE_ONE, Relaxed);
    }

    /// Changes the limit, and raises `active` up to it as far as jobs are queued that anybody may run; by how much. Where
    /// workers are called one by one, [`recruit`](Self::recruit) does that.
    pub(super) fn set_limit(&self, limit: usize, held: u32, calls: Calls) -> usize {
        debug_assert!((1..=LIMIT_MAX).contains(&limit), "whoever resizes clamps the limit");
        let mut seen = self.levels();
        loop {
            let free = (seen.queued() - held.min(seen.queued())) as usize;
            let raised = if calls == Calls::Each { limit.saturating_sub(seen.active()).min(free) } else { 0 };
            let kept = seen.0 & !(COUNT_MASK << LIMIT_SHIFT);
            let next = kept + ((limit as u64) << LIMIT_SHIFT) + ACTIVE_ONE * raised as u64;
            match self.0.compare_exchange_weak(seen.0, next, Relaxed, Relaxed) {
                Ok(_) => return raised,
                Err(now) => seen = Levels(now),
            }
        }
    }

    /// Says that nobody waits any more; under the desk's lock.
    pub(super) fn clear_waiting(&self) {
        self.0.fetch_and(!WAITING, Relaxed);
    }

    /// Admits nobody from here on; tells whether it was open before.
    pub(super) fn close(&self) -> bool {
        self.0.fetch_or(CLOSED, Relaxed) & CLOSED == 0
    }

    /// Changes the word as long as there is a next one; the levels after that.
    fn update(&self, next: impl Fn(Levels) -> Option<Levels>) -> Option<Levels> {
        let mut seen = self.levels();
        loop {
            let next = next(seen)?;
            match self.0.compare_exchange_weak(seen.0, next.0, Relaxed, Relaxed) {
                Ok(_) => return Some(next),
                Err(now) => seen = Levels(now),
            }
        }
    }
}

impl Levels {
    pub(super) fn queued(self) -> u32 {
        // The mask keeps less than 32 bits.
        (self.0 & QUEUED_MASK) as u32
    }

    pub(super) fn active(self) -> usize {
        (self.0 >> ACTIVE_SHIFT & COUNT_MASK) as usize
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

    /// Whether a worker that anybody may have called is on its way.
    pub(super) fn is_called(self) -> bool {
        self.0 & CALLED != 0
    }

    fn admit(self, entry: Entry) -> (Self, Admission) {
        if self.is_closed() {
            return (self, Admission::Closed);
        }
        let must_queue_up = self.has_waiting() && !entry.is_let_in;
        if self.queued() >= entry.capacity || must_queue_up {
            return (Self(if entry.waits { self.0 | WAITING } else { self.0 }), Admission::Full);
        }
        let (is_called, mark) = match entry.calls {
            Calls::Nobody => (true, 0),
            Calls::Each => (false, 0),
            Calls::OneByOne => (self.is_called(), CALLED),
        };
        let calls_worker = !is_called && self.active() < self.limit();
        let raised = if calls_worker { ACTIVE_ONE | mark } else { 0 };
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
            .field("is_called", &self.is_called())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
