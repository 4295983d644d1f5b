//! Counts of reads, and what a cache says of itself.
//!
//! Reads are counted in stripes: each thread has one, shared only if there are more threads than stripes, so that readers do
//! not take a line of memory away from each other. A reader that has a handle of its own has a stripe of its own, too.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use super::rules::Cause;
use super::shard::Counts;

/// How many entries have left a cache, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Removed {
    /// Others took their room, or they were too heavy to be taken in.
    pub capacity: u64,
    /// Their time was over.
    pub expired: u64,
    /// Another value took their place.
    pub replaced: u64,
    /// Somebody took them out.
    pub invalidated: u64,
}

impl Removed {
    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.capacity + self.expired + self.replaced + self.invalidated
    }
}

/// What a cache has done; made by [`Cache::stats`](super::Cache::stats).
///
/// In the row of [`observe::snapshot`](crate::observe::snapshot), values that were put in are accepted, entries are in flight, replaced
/// and expired ones are done, those without room dropped, and invalidated ones discarded.
///
/// `inserted = entries + removed.sum()`, always: each shard is read under its lock, one after another. Reads are counted
/// without a lock: `hits` and `misses` are exact when nobody reads just now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How many entries there are now, those included that are too old and not yet taken out.
    pub entries: u64,
    /// What they weigh; as many as there are, without a weigher.
    pub weight: u64,
    /// What they may weigh.
    pub capacity: u64,
    /// Reads that found a value. One that is too old counts only where it was given all the same.
    pub hits: u64,
    /// Reads that found none; also those that then waited for somebody else's load, or were given a kept error, which are counted as
    /// `coalesced` and `negative_hits` as well.
    pub misses: u64,
    /// Loads that were begun, also those ahead of time.
    pub loads: u64,
    /// Of those, how many were to replace a value that could still be had.
    pub refreshes: u64,
    /// Loads that run now.
    pub loading: u64,
    /// Loads that ended without a value: an error, a panic, or stopped.
    pub loads_failed: u64,
    /// Calls that waited for a load that somebody else had begun.
    pub coalesced: u64,
    /// Calls that were given the error of a load that had failed before.
    pub negative_hits: u64,
    /// How long all ended loads took together.
    pub load_time: Duration,
    /// How long the longest took.
    pub load_longest: Duration,
    /// Values that were put in, by whomever.
    pub inserted: u64,
    /// Those that are no longer there.
    pub removed: Removed,
    /// Values that were not put in because the cache was closed.
    pub refused: u64,
    /// Snapshots that are alive: each keeps what was there when it was taken.
    pub snapshots: u64,
    /// Readers that are alive: each keeps what it has read lately.
    pub readers: u64,
}

impl CacheStats {
    /// The part of the reads that found a value, from 0 to 1; nothing before the first.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }

    /// How long a load took on average; nothing before the first has ended.
    #[must_use]
    pub fn load_mean(&self) -> Option<Duration> {
        let ended = self.loads - self.loading;
        (ended > 0).then(|| Duration::from_secs_f64(self.load_time.as_secs_f64() / ended as f64))
    }

    /// With what the shards have counted.
    pub(super) fn of(capacity: u64, reads: Reads) -> Self {
        Self {
            entries: 0,
            weight: 0,
            capacity,
            hits: reads.hits,
            misses: reads.misses,
            loads: 0,
            refreshes: 0,
            loading: 0,
            loads_failed: 0,
            coalesced: 0,
            negative_hits: 0,
            load_time: Duration::ZERO,
            load_longest: Duration::ZERO,
            inserted: 0,
            removed: Removed::default(),
            refused: 0,
            snapshots: 0,
            readers: 0,
        }
    }

    pub(super) fn add(&mut self, counts: &Counts, entries: usize, weight: u64) {
        let removed = |cause: Cause| counts.removed[cause.index()];
        self.entries += entries as u64;
        self.weight = self.weight.saturating_add(weight);
        self.loads += counts.loads;
        self.refreshes += counts.refreshes;
        self.loading += counts.loads - counts.loads_ended;
        self.loads_failed += counts.loads_failed;
        self.coalesced += counts.coalesced;
        self.negative_hits += counts.negative_hits;
        self.load_time = self.load_time.saturating_add(counts.load_time);
        self.load_longest = self.load_longest.max(counts.load_longest);
        self.inserted += counts.inserted;
        self.removed.capacity += removed(Cause::Capacity);
        self.removed.expired += removed(Cause::Expired);
        self.removed.replaced += removed(Cause::Replaced);
        self.removed.invalidated += removed(Cause::Invalidated);
        self.refused += counts.refused;
    }
}

impl fmt::Display for CacheStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, weight, capacity, hits, misses, loads, loads_failed, loading, coalesced, .. } = self;
        write!(f, "{entries} entries, weight {weight} of {capacity}, {hits} hits and {misses} misses")?;
        self.hit_ratio().map_or(Ok(()), |ratio| write!(f, " ({:.1} %)", ratio * 100.0))?;
        write!(f, ", {loads} loads ({loads_failed} failed, {loading} running), {coalesced} coalesced")
    }
}

/// One line of memory's worth of counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reads {
    pub(super) hits: u64,
    pub(super) misses: u64,
}

/// The counts of all who read.
#[derive(Debug)]
pub(super) struct ReadCounts {
    stripes: Box<[Stripe]>,
    /// Of the readers that live.
    own: Mutex<Vec<Arc<Stripe>>>,
}

impl ReadCounts {
    pub(super) fn new() -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        let stripes = threads.saturating_mul(2).next_power_of_two().clamp(4, 64);
        Self { stripes: (0..stripes).map(|_| Stripe::default()).collect(), own: Mutex::new(Vec::new()) }
    }

    #[inline]
    pub(super) fn hit(&self) {
        // Relaxed, as all of these: they are sums, and order nothing.
        self.mine().hits.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn miss(&self) {
        self.mine().misses.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    fn mine(&self) -> &Stripe {
        &self.stripes[thread_number() & (self.stripes.len() - 1)]
    }

    /// A stripe that only its owner writes to.
    pub(super) fn enter(&self) -> Arc<Stripe> {
        let stripe = Arc::new(Stripe::default());
        self.readers().push(stripe.clone());
        stripe
    }

    /// Keeps the counts of one who leaves.
    pub(super) fn leave(&self, stripe: &Arc<Stripe>) {
        let mut own = self.readers();
        if let Some(at) = own.iter().position(|other| Arc::ptr_eq(other, stripe)) {
            own.swap_remove(at);
        }
        self.stripes[0].hits.fetch_add(stripe.hits.load(Ordering::Relaxed), Ordering::Relaxed);
        self.stripes[0].misses.fetch_add(stripe.misses.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> Reads {
        // Held, so that no reader is counted twice, or not at all, while it leaves.
        let own = self.readers();
        self.stripes.iter().chain(own.iter().map(|stripe| &**stripe)).fold(Reads::default(), |sum, stripe| Reads {
            hits: sum.hits + stripe.hits.load(Ordering::Relaxed),
            misses: sum.misses + stripe.misses.load(Ordering::Relaxed),
        })
    }

    pub(super) fn readers_len(&self) -> usize {
        self.readers().len()
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Arc<Stripe>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stripe {
    /// Counts a read, by the only one who writes here: a load and a store, not a locked addition.
    #[inline]
    pub(super) fn count(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// Tells threads apart, in the order in which they come.
#[inline]
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // A thread that is about to end has none any more.
    NUMBER.try_with(|number| *number).unwrap_or(0)
}
