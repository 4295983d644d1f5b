//! A consistent cut through a cache.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::clock::Moment;
use super::core::Core;
use super::directory::{Cut, number};
use super::rules::Age;

/// What a cache held at one moment; made by [`Cache::snapshot`](super::Cache::snapshot).
///
/// Nothing changes in it, and nothing in it gets older. Reading it is no read of the cache: it is not counted, and keeps no
/// entry in the cache for longer.
///
/// # Examples
/// ```
/// use regatta::cache::Cache;
///
/// let cache = Cache::new(100);
/// cache.insert("a", 1);
/// let snapshot = cache.snapshot();
/// cache.insert("a", 2);
/// cache.insert("b", 3);
/// assert_eq!(snapshot.get("a"), Some(&1));
/// assert_eq!(snapshot.iter().count(), 1);
/// ```
pub struct CacheSnapshot<K, V, S = RandomState> {
    core: Arc<Core<K, V, S>>,
    /// By shard.
    parts: Box<[Part<K, V>]>,
    taken: Moment,
}

/// What a shard held.
struct Part<K, V> {
    /// By segment.
    tables: Cut<K, V>,
    /// How many had been sent away. They may lie in the tables, and so may those that were sent away since.
    sent_away: u64,
}

impl<K, V, S> CacheSnapshot<K, V, S> {
    pub(super) fn take(core: Arc<Core<K, V, S>>) -> Self {
        let (parts, taken) = {
            // In order: two who take one at the same time don't wait for each other in a circle.
            let locks: Vec<_> = core.shards().iter().map(|shard| shard.lock()).collect();
            let part = |tables, sent_away| Part { tables, sent_away };
            let parts = locks.iter().map(|pages| part(pages.tables.all(), pages.sent_away_count));
            let cut = (parts.collect(), core.now());
            drop(locks);
            cut
        };
        // Relaxed: a number of its own.
        core.snapshots.fetch_add(1, Ordering::Relaxed);
        Self { core, parts, taken }
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let tables =
            self.parts.iter().flat_map(|part| part.tables.iter().flatten().map(|table| (table, part.sent_away)));
        let entries = tables.flat_map(|(table, sent_away)| table.iter_at(sent_away));
        let fresh = entries.filter(|entry| self.core.rules.age(entry, self.taken) == Age::Fresh);
        fresh.map(|entry| (&entry.key, &entry.value))
    }

    /// How many entries there are; counts them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> CacheSnapshot<K, V, S> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.core.hash(key);
        let Part { tables, sent_away } = &self.parts[self.core.shard_number(hash)];
        let entry = tables[number(hash, tables.len())].as_ref()?.find_at(hash, key, *sent_away)?;
        (self.core.rules.age(entry, self.taken) == Age::Fresh).then_some(&entry.value)
    }
}

impl<K, V, S> Drop for CacheSnapshot<K, V, S> {
    fn drop(&mut self) {
        self.core.snapshots.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<K, V, S> fmt::Debug for CacheSnapshot<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheSnapshot").field("len", &self.len()).finish_non_exhaustive()
    }
}
