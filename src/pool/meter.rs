//! What a worker has done, and how long jobs wait and run.
//!
//! Reading the clock costs as much as a tiny job, so it is read when a worker becomes busy and when it becomes idle, and
//! for one job in [`SAMPLE_EVERY`]. All orderings are relaxed, and the atomics std's also where the machine is modelled:
//! these are figures to look at, and nothing is decided by them.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::books::Ending;
use super::stats::Timing;
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

/// Samples of one duration.
pub(super) struct Samples {
    count: AtomicU64,
    total_ns: AtomicU64,
    max_ns: AtomicU64,
    /// How many took at least 2^k nanoseconds and less than twice as long.
    octaves: [AtomicU64; OCTAVES],
}

/// The last holds everything from a quarter of an hour up.
const OCTAVES: usize = 40;

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

impl Samples {
    pub(super) fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            total_ns: AtomicU64::new(0),
            max_ns: AtomicU64::new(0),
            octaves: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn add(&self, ns: u64) {
        self.count.fetch_add(1, Relaxed);
        self.total_ns.fetch_add(ns, Relaxed);
        self.max_ns.fetch_max(ns, Relaxed);
        let octave = (ns.max(1).ilog2() as usize).min(OCTAVES - 1);
        self.octaves[octave].fetch_add(1, Relaxed);
    }

    pub(super) fn timing(&self) -> Timing {
        let octaves: [u64; OCTAVES] = std::array::from_fn(|octave| self.octaves[octave].load(Relaxed));
        let (samples, max) = (octaves.iter().sum::<u64>(), self.max_ns.load(Relaxed));
        let quantile = |share: f64| {
            let rank = (samples as f64 * share).ceil().max(1.0) as u64;
            let mut below = 0;
            let octave = octaves.iter().position(|count| {
                below += count;
                below >= rank
            });
            // The end of the octave, unless nothing ever took that long.
            octave.map_or(Duration::ZERO, |octave| Duration::from_nanos((2_u64 << octave).min(max)))
        };
        let mean = self.total_ns.load(Relaxed).checked_div(self.count.load(Relaxed)).unwrap_or(0);
        Timing {
            samples,
            mean: Duration::from_nanos(mean),
            median: quantile(0.5),
            p99: quantile(0.99),
            max: Duration::from_nanos(max),
        }
    }
}
