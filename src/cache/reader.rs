//! A reader that remembers what it has read.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use super::core::Core;
use super::directory::{Directory, covers, moved_to};
use super::rules::Age;
use super::stats::Stripe;
use super::table::Table;

/// The fastest way to read a [`Cache`](super::Cache) over and over; made by [`Cache::reader`](super::Cache::reader).
///
/// Each task or thread has its own. A read looks whether the handful of entries that it needs is still the one it has read
/// last, and takes hold of it anew if not. So it takes no lock, writes no memory that others use (but for a note on an entry
/// that the cache has not seen read lately, and for one each time with a time to idle), and gives a reference. It is as
/// up to date as [`Cache::get`](super::Cache::get).
///
/// The price: it keeps what it has read, even if it was replaced or has expired since, until it reads there again, is
/// [released](Self::release) or dropped. A reader that has read everywhere takes 16 bytes for each four entries of the cache
/// besides.
///
/// # Examples
/// ```
/// use regatta::cache::Cache;
///
/// let cache = Cache::new(100);
/// cache.insert("a", 1);
/// let mut reader = cache.reader();
/// assert_eq!(reader.get("a"), Some(&1));
/// cache.insert("a", 2);
/// assert_eq!(reader.get("a"), Some(&2));
/// ```
pub struct CacheReader<K, V, S = RandomState> {
    core: Arc<Core<K, V, S>>,
    /// By shard.
    memories: Box<[Memory<K, V>]>,
    stripe: Arc<Stripe>,
}

/// No segment has this version.
const UNKNOWN: u64 = u64::MAX;

/// What was read last of each segment of a shard.
struct Memory<K, V>(Vec<Seen<K, V>>);

struct Seen<K, V> {
    /// Of the table; [`UNKNOWN`] if it was replaced while it was read.
    version: u64,
    table: Option<Arc<Table<K, V>>>,
}

impl<K, V, S> CacheReader<K, V, S> {
    pub(super) fn new(core: Arc<Core<K, V, S>>) -> Self {
        let (memories, stripe) = (core.shards().iter().map(|_| Memory(Vec::new())).collect(), core.reads.enter());
        Self { core, memories, stripe }
    }

    /// Lets go of what it has read, so that what was replaced can be dropped. For a reader that will rest for a while.
    pub fn release(&mut self) {
        self.memories.iter_mut().for_each(|memory| *memory = Memory(Vec::new()));
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> CacheReader<K, V, S> {
    /// The value of a key, if there is one that is not too old.
    #[inline]
    #[must_use]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let core = &self.core;
        let hash = core.hash(key);
        let at = core.shard_number(hash);
        let table = self.memories[at].table(hash, &core.shards()[at].directory);
        let entry = table.and_then(|table| table.find(hash, key)).filter(|entry| core.reads_as(entry, Age::Fresh));
        self.stripe.count(entry.is_some());
        Some(&entry?.value)
    }
}

impl<K, V> Memory<K, V> {
    /// The table that covers a hash now.
    #[inline]
    fn table(&mut self, hash: u64, directory: &Directory<K, V>) -> Option<&Table<K, V>> {
        let mut at = directory.number(hash);
        loop {
            let version = directory.version(at);
            if self.0.get(at).is_none_or(|seen| seen.version != version) {
                self.read(at, version, directory);
            }
            match &self.0[at].table {
                // Split meanwhile: on to the other half.
                Some(table) if !covers(hash, at, table.mask()) => at = moved_to(hash, at, table.mask()),
                _ => return self.0[at].table.as_deref(),
            }
        }
    }

    #[cold]
    fn read(&mut self, at: usize, version: u64, directory: &Directory<K, V>) {
        if self.0.len() <= at {
            self.0.resize_with(directory.len().max(at + 1), || Seen { version: 0, table: None });
        }
        let table = directory.table(at);
        // It is this version's table, or a newer one's: which is read again next time.
        let version = if version.is_multiple_of(2) { version } else { UNKNOWN };
        self.0[at] = Seen { version, table };
    }
}

impl<K, V, S> Drop for CacheReader<K, V, S> {
    fn drop(&mut self) {
        self.core.reads.leave(&self.stripe);
    }
}

impl<K, V, S> fmt::Debug for CacheReader<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheReader").finish_non_exhaustive()
    }
}
