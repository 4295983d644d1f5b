//! What a worker has done, and how long jobs wait and run.
//!
//! Reading the clock costs as much as a tiny job, so it is read when a worker becomes busy and when it becomes idle, and
//! for one job in [`SAMPLE_EVERY`]. All orderings are relaxed, and the atomics std's also where the machine is modelled:
//! these are figures to look at, and nothing is decided by them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::books::Ending;
use super::trace::Source;
use crate::observe::Flow;

/// Which jobs are timed: those whose number is a multiple of it.
pub(super) const SAMPLE_EVERY: u64 = 64;

/// One worker's counters. The worker writes, on cache lines of its own; everybody reads.
#[repr(align(128))]
pub(super) struct Meter {
    busy_ns: AtomicU64,
    /// When the worker became busy, by [`now_ns`]; zero while it is idle.
    busy_since: AtomicU64,
    begun: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    stolen: AtomicU64,
    /// Of those that began: stopped half-way, by whomever.
    lost: AtomicU64,
}

/// A moment in nanoseconds from the first time anybody asked, and 1: never zero, which stands for “never”.
pub(super) fn now_ns() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            busy_ns: AtomicU64::new(0),
            busy_since: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            stolen: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// The worker has found work after it had none.
    pub(super) fn becomes_busy(&self) {
        self.busy_since.store(now_ns(), Relaxed);
    }

    /// The worker finds no more work.
    pub(super) fn becomes_idle(&self) {
        let since = self.busy_since.swap(0, Relaxed);
        if since > 0 {
            self.busy_ns.fetch_add(now_ns().saturating_sub(since), Relaxed);
        }
    }

    /// Counts a job that begins.
    pub(super) fn begins(&self, source: Source) {
        raise(&self.begun);
        if matches!(source, Source::Stolen { .. }) {
            raise(&self.stolen);
        }
    }

    /// Counts a job that was stopped half-way.
    pub(super) fn lost(&self) {
        raise(&self.lost);
    }

    /// Counts how a job ended.
    pub(super) fn ends(&self, ending: Ending) {
        match ending {
            Ending::Done => raise(&self.done),
            Ending::Failed => raise(&self.failed),
            _ => raise(&self.lost),
        }
    }

    pub(super) fn busy(&self) -> Duration {
        let since = self.busy_since.load(Relaxed);
        let running = if since > 0 { now_ns().saturating_sub(since) } else { 0 };
        Duration::from_nanos(self.busy_ns.load(Relaxed) + running)
    }

    /// How many jobs it has in hand: more than one where one awaits another.
    pub(super) fn running(&self) -> u64 {
        self.flow().in_flight
    }

    pub(super) fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    pub(super) fn stolen(&self) -> u64 {
        self.stolen.load(Relaxed)
    }

    /// The worker's share of the pool's books: what it began, and how that ended.
    pub(super) fn flow(&self) -> Flow {
        let [done, failed, discarded] = [&self.done, &self.failed, &self.lost].map(|counter| counter.load(Relaxed));
        // While jobs begin and end the counters may be read out of step.
        let accepted = self.begun.load(Relaxed).max(done + failed + discarded);
        Flow { accepted, done, failed, dropped: 0, discarded, in_flight: accepted - done - failed - discarded }
    }
}

/// Adds one to a counter that has one writer at a time: a store is cheaper than a read-modify-write.
fn raise(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}
