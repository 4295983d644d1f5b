//! A reader of a map that remembers the version it has read.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use super::super::reader::RcuReader;
use super::super::table::Table;
use super::snapshot::MapSnapshot;
use crate::error::Closed;

/// The fastest way to read a [`RcuMap`](super::RcuMap) over and over: no lock, and no write to memory that others use.
///
/// Each task or thread has its own. It keeps the version that it has read last, as [`RcuReader`] does.
///
/// # Examples
/// ```
/// use regatta::sync::RcuMap;
///
/// let ports = RcuMap::from_iter([("http", 80)]);
/// let mut reader = ports.reader();
/// assert_eq!(reader.get("http"), Some(&80));
/// ports.insert("http", 8080);
/// assert_eq!(reader.get("http"), Some(&8080));
/// ```
pub struct RcuMapReader<K, V, S = RandomState> {
    reader: RcuReader<Table<K, V, S>>,
}

impl<K, V, S> RcuMapReader<K, V, S> {
    pub(super) fn new(reader: RcuReader<Table<K, V, S>>) -> Self {
        Self { reader }
    }

    /// How many entries the current version has.
    #[must_use]
    pub fn len(&mut self) -> usize {
        self.reader.get().trie.len()
    }

    /// Tells whether the current version has no entry.
    #[must_use]
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// The whole current version, to keep.
    #[must_use]
    pub fn snapshot(&mut self) -> MapSnapshot<K, V, S> {
        MapSnapshot::new(self.reader.snapshot())
    }

    /// The number of the version that was read last.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.reader.version()
    }

    /// Waits until there is a version that this reader has not read.
    ///
    /// # Errors
    /// [`Closed`] when the last [`RcuMap`](super::RcuMap) is gone and everything is read.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        self.reader.changed().await
    }
}

impl<K, V, S: BuildHasher> RcuMapReader<K, V, S> {
    /// The value of a key in the current version.
    #[inline]
    #[must_use]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.reader.get().get(key).map(|(_, value)| value)
    }

    /// Tells whether a key has a value in the current version.
    #[must_use]
    pub fn contains_key<Q>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.get(key).is_some()
    }
}

impl<K, V, S> Clone for RcuMapReader<K, V, S> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone() }
    }
}

impl<K, V, S> fmt::Debug for RcuMapReader<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcuMapReader").field("seen", &self.version()).finish_non_exhaustive()
    }
}
