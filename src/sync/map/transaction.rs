//! Several changes that become visible together, or not at all.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use super::super::table::Table;
use super::snapshot::MapIter;

/// A private copy of a map, changed step by step; made by [`RcuMap::transaction`](super::RcuMap::transaction).
///
/// It reads what it has written. Nobody else sees any of it before all of it is published.
pub struct Transaction<K, V, S = RandomState> {
    table: Table<K, V, S>,
    is_changed: bool,
}

impl<K, V, S: Clone> Transaction<K, V, S> {
    pub(super) fn new(table: &Table<K, V, S>) -> Self {
        Self { table: table.clone(), is_changed: false }
    }

    /// The map to publish, if there is anything to.
    pub(super) fn end(self) -> Option<Table<K, V, S>> {
        self.is_changed.then_some(self.table)
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        if !self.is_empty() {
            let empty = Table::new(self.table.hasher.clone());
            // First, as everywhere here: what is replaced may panic when it is dropped.
            self.is_changed = true;
            self.table = empty;
        }
    }
}

impl<K, V, S> Transaction<K, V, S> {
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

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher> Transaction<K, V, S> {
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

    /// Gives a key a value; gives the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.is_changed = true;
        self.table.insert(key, value)
    }

    /// Takes a key out; gives its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.is_changed |= self.contains_key(key);
        self.table.remove(key)
    }
}

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher> Extend<(K, V)> for Transaction<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Transaction<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
