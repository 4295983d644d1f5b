//! What all handles of a cache share.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::clock::{Clock, Moment, NEVER};
use super::entry::Entry;
use super::flight::Flight;
use super::rules::{Age, Cause, Left, Rules};
use super::shard::{Compared, Located, Shard, cause_of};
use super::stats::{CacheStats, ReadCounts};
use crate::error::{Kept, drop_quietly};
use crate::observe::{Flow, Observe, Registration, Row};

pub(super) struct Core<K, V, S> {
    pub(super) name: OnceLock<Arc<str>>,
    pub(super) rules: Rules<K, V>,
    hasher: S,
    clock: Clock,
    /// A power of two.
    shards: Box<[Shard<K, V>]>,
    capacity: u64,
    is_timed: bool,
    pub(super) reads: ReadCounts,
    /// How many are alive.
    pub(super) snapshots: AtomicUsize,
    /// Keeps the cache in the registry.
    pub(super) registration: OnceLock<Registration>,
}

impl<K, V, S> Core<K, V, S> {
    pub(super) fn new(rules: Rules<K, V>, hasher: S, capacity: u64, shards: usize) -> Self {
        let (count, is_weighted) = (shards as u64, rules.weigher.is_some());
        // The shards' capacities add up to the whole.
        let part = |at: u64| capacity / count + u64::from(at < capacity % count);
        Self {
            name: OnceLock::new(),
            is_timed: rules.is_timed(),
            rules,
            hasher,
            clock: Clock::new(),
            shards: (0..count).map(|at| Shard::new(part(at), is_weighted)).collect(),
            capacity,
            reads: ReadCounts::new(),
            snapshots: AtomicUsize::new(0),
            registration: OnceLock::new(),
        }
    }

    /// The time, where it matters.
    #[inline]
    pub(super) fn now(&self) -> Moment {
        if self.is_timed { self.clock.now() } else { 0 }
    }

    /// Tells whether an entry can be given to somebody who takes what is as old as that, and notes that it is. The clock is
    /// asked only if it can be too old.
    #[inline]
    pub(super) fn reads_as(&self, entry: &Entry<K, V>, oldest: Age) -> bool {
        if self.is_timed && (entry.expires != NEVER || self.rules.time_to_idle.is_some()) {
            let now = self.clock.now();
            if self.rules.age(entry, now) > oldest {
                return false;
            }
            if self.rules.time_to_idle.is_some() {
                entry.touch(now);
            }
        }
        entry.heat_up();
        true
    }

    #[inline]
    pub(super) fn shard(&self, hash: u64) -> &Shard<K, V> {
        // The upper bits: the lower ones choose the segment.
        &self.shards[(hash >> 56) as usize & (self.shards.len() - 1)]
    }

    pub(super) fn shards(&self) -> &[Shard<K, V>] {
        &self.shards
    }

    /// The number of a hash's shard.
    #[inline]
    pub(super) fn shard_number(&self, hash: u64) -> usize {
        (hash >> 56) as usize & (self.shards.len() - 1)
    }

    /// Takes the seat away from a flight that was given up.
    pub(super) fn detach(&self, flight: &Arc<Flight<K, V>>) {
        let left = self.shard(flight.hash).lock().seats.leave(flight);
        drop_quietly(left);
    }

    pub(super) fn stats(&self) -> CacheStats {
        let mut stats = CacheStats::of(self.capacity, self.reads.sum());
        for shard in &self.shards {
            let pages = shard.lock();
            stats.add(&pages.counts, pages.len(), pages.weight());
        }
        // Relaxed: a number of its own.
        stats.snapshots = self.snapshots.load(Ordering::Relaxed) as u64;
        stats.readers = self.reads.readers_len() as u64;
        stats
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shards.iter().any(|shard| shard.lock().is_closed)
    }

    /// Takes nothing more in.
    pub(super) fn close(&self) {
        self.shards.iter().for_each(|shard| shard.lock().is_closed = true);
    }

    /// Takes out what is too old, all of it; some at a time, so that no lock is held for long.
    pub(super) fn remove_expired(&self) -> usize {
        let mut count = 0;
        for shard in &self.shards {
            loop {
                let mut left = Left::new();
                let (looked_at, expired) = {
                    let mut pages = shard.lock();
                    let before = pages.counts.removed[Cause::Expired.index()];
                    let looked_at = shard.tidy(&mut pages, self.now(), &self.rules, &mut left);
                    (looked_at, pages.counts.removed[Cause::Expired.index()] - before)
                };
                left.tell(&self.rules);
                count += expired as usize;
                if looked_at == 0 {
                    break;
                }
            }
        }
        count
    }
}

impl<K, V, S> Core<K, V, S> {
    /// Takes out those entries of a segment that `predicate` holds for; tells how many.
    pub(super) fn invalidate_in(
        &self,
        shard: &Shard<K, V>,
        segment: usize,
        predicate: &mut impl FnMut(&K, &V) -> bool,
    ) -> usize {
        let table = shard.directory.table(segment);
        let entries = table.iter().flat_map(|table| table.iter());
        let chosen: Vec<_> = entries.filter(|entry| predicate(&entry.key, &entry.value)).collect();
        if chosen.is_empty() {
            return 0;
        }
        let (mut left, mut count, now) = (Left::new(), 0, self.now());
        {
            let mut pages = shard.lock();
            for entry in chosen {
                if pages.has(entry) {
                    let cause = cause_of(entry, Cause::Invalidated, now, &self.rules);
                    count += usize::from(cause == Cause::Invalidated);
                    shard.remove(&mut pages, entry, cause, &mut left);
                }
            }
        }
        left.tell(&self.rules);
        count
    }
}

impl<K, V, S: BuildHasher> Core<K, V, S> {
    #[inline]
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        mix(self.hasher.hash_one(key))
    }
}

impl<K: Eq, V, S> Core<K, V, S> {
    /// Puts an entry in, for whoever has it in hand; what flies for its key lands elsewhere.
    pub(super) fn insert(&self, entry: Entry<K, V>) {
        // A comparison may panic.
        let entry = Kept::new(Arc::new(entry));
        let (mut left, mut compared) = (Left::new(), Compared::new());
        let (hash, shard) = (entry.get().hash, self.shard(entry.get().hash));
        let flight = {
            let Located { mut pages, entry: old, flight } = shard.locate(hash, &entry.get().key, &mut compared);
            if pages.is_closed {
                pages.counts.refused += 1;
                None
            } else {
                shard.put(&mut pages, entry.get(), old, self.now(), &self.rules, &mut left);
                flight.and_then(|(flight, _)| pages.seats.leave(&flight))
            }
        };
        drop_quietly(flight);
        left.tell(&self.rules);
    }

    /// Takes out what there is of a key. Gives it, if it was not too old.
    pub(super) fn invalidate<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        let (now, shard) = (self.now(), self.shard(hash));
        let (mut left, mut compared) = (Left::new(), Compared::new());
        let (flight, entry) = {
            let Located { mut pages, entry, flight } = shard.locate(hash, key, &mut compared);
            if let Some(entry) = &entry {
                let cause = cause_of(entry, Cause::Invalidated, now, &self.rules);
                shard.remove(&mut pages, entry, cause, &mut left);
            }
            (flight.and_then(|(flight, _)| pages.seats.leave(&flight)), entry)
        };
        drop_quietly(flight);
        left.tell(&self.rules);
        entry.filter(|entry| self.rules.age(entry, now) == Age::Fresh)
    }
}

impl<K, V, S> Observe for Core<K, V, S>
where
    K: Send + Sync,
    V: Send + Sync,
    S: Send + Sync,
{
    fn fill(&self, row: &mut Row) {
        let stats = self.stats();
        row.set_state(if self.is_closed() { "closed" } else { "open" });
        row.flow = Flow {
            accepted: stats.inserted,
            in_flight: stats.entries,
            // To be evicted is what most entries are made for: it is counted besides.
            done: stats.removed.expired + stats.removed.replaced + stats.removed.capacity,
            discarded: stats.removed.invalidated,
            ..Flow::default()
        };
        row.level("weight", stats.weight, (stats.capacity != u64::MAX).then_some(stats.capacity));
        if let Some(ratio) = stats.hit_ratio() {
            row.level("hit%", (ratio * 100.0).round() as u64, None);
        }
        row.level("loading", stats.loading, None);
        row.level("pinned", stats.snapshots, None);
        row.count("hits", stats.hits);
        row.count("misses", stats.misses);
        row.count("loads", stats.loads);
        row.count("loads failed", stats.loads_failed);
        row.count("coalesced", stats.coalesced);
        row.count("evicted", stats.removed.capacity);
    }
}

/// Spreads a hash over all bits: a user's hasher may leave some as they are, and each chooses something here. Both halves of a
/// product together have something of all of them.
#[inline]
fn mix(hash: u64) -> u64 {
    let product = u128::from(hash) * 0x9e37_79b9_7f4a_7c15;
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::mix;

    #[test]
    fn numbers_in_any_step_are_spread_over_shards_and_segments() {
        for step in (0..60).map(|bits| 1_u64 << bits) {
            let hashes: Vec<u64> = (0..1000_u64).map(|n| mix(n.wrapping_mul(step))).collect();
            let count = |part: fn(u64) -> u64| hashes.iter().map(|hash| part(*hash)).collect::<HashSet<_>>().len();
            let distinct = hashes.iter().collect::<HashSet<_>>().len();
            // Of 256 shards and 1,024 segments, as far as there are that many numbers.
            let (shards, segments) = (count(|hash| hash >> 56), count(|hash| hash & 1023));
            assert!(shards >= distinct.min(256) / 2, "{shards} shards of {distinct} by {step}");
            assert!(segments >= distinct / 4, "{segments} segments of {distinct} by {step}");
        }
    }
}
