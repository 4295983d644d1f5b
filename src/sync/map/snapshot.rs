//! One version of a map.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use super::super::snapshot::Snapshot;
use super::super::table::Table;
use super::super::trie::Iter;

/// A consistent picture of a whole [`RcuMap`](super::RcuMap), taken in constant time and kept for as long as one likes.
///
/// It never changes, may be sent and held across awaits, and delays no writer; what it shares with newer versions is in
/// memory once. It delays [`synchronize`](super::RcuMap::synchronize).
///
/// # Examples
/// ```
/// use regatta::sync::RcuMap;
///
/// let stock = RcuMap::from_iter([("apples", 3), ("pears", 5)]);
/// let before = stock.snapshot();
/// stock.insert("apples", 2);
/// assert_eq!((before.get("apples"), stock.get("apples")), (Some(&3), Some(2)));
/// assert_eq!(before.iter().map(|(_, count)| count).sum::<i32>(), 8);
/// ```
pub struct MapSnapshot<K, V, S = RandomState> {
    table: Snapshot<Table<K, V, S>>,
}

/// Goes over the entries of a snapshot or a transaction, in no particular order.
pub struct MapIter<'a, K, V> {
    entries: Iter<'a, K, V>,
}

impl<K, V, S> MapSnapshot<K, V, S> {
    pub(super) fn new(table: Snapshot<Table<K, V, S>>) -> Self {
        Self { table }
    }

    /// The number of this version of the map: 0 for the first, one more for each publication.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.table.version()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.trie.len()
    }

    /// Tells whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries, in no particular order.
    #[must_use]
    pub fn iter(&self) -> MapIter<'_, K, V> {
        MapIter::new(self.table.trie.iter())
    }
}

impl<K, V, S: BuildHasher> MapSnapshot<K, V, S> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.get(key).map(|(_, value)| value)
    }

    /// Tells whether a key has a value.
    #[must_use]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.get(key).is_some()
    }
}

impl<'a, K, V> MapIter<'a, K, V> {
    pub(super) fn new(entries: Iter<'a, K, V>) -> Self {
        Self { entries }
    }
}

impl<'a, K, V> Iterator for MapIter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<K, V> ExactSizeIterator for MapIter<'_, K, V> {}

impl<K, V> std::iter::FusedIterator for MapIter<'_, K, V> {}

impl<'a, K, V, S> IntoIterator for &'a MapSnapshot<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = MapIter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V, S> Clone for MapSnapshot<K, V, S> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone() }
    }
}

impl<K, V> Clone for MapIter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for MapSnapshot<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for MapIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}
