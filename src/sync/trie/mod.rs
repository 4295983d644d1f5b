//! A persistent hash map: a copy costs one reference count, a change copies the path to what it changes.
//!
//! Sixteen-way branches of four bits of the hash, from the low end; under them leaves of up to 64 entries in one
//! allocation. Copying a branch costs a reference count for each child, copying entries costs mostly their size, so few,
//! narrow branches above broad leaves make cheap changes, and a lookup passes few pointers.
//!
//! Invariants:
//! 1. A branch has more than [`leaf::FEW`] entries below it, and its `len` says how many; a leaf has at most
//!    [`leaf::MANY`], unless it lies at the last depth, where hashes have no bits left to tell entries apart.
//! 2. What is shared is never changed: only nodes with one reference are changed in place.
//! 3. User code that panics leaves the map with the same entries, or with the change made and counted. So hashes,
//!    comparisons and clones run before anything is changed, and what a change replaces is handed up and dropped at the end.

mod branch;
mod iter;
mod leaf;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use branch::Child;
pub(super) use iter::Iter;
use leaf::{Change, Leaf};

pub(super) struct Trie<K, V> {
    root: Child<K, V>,
    len: usize,
}

impl<K, V> Trie<K, V> {
    pub(super) fn new() -> Self {
        Self { root: Child::Leaf(Leaf::empty()), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get<Q>(&self, hash: u64, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.root.get(hash, key)
    }

    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(&self.root, self.len)
    }
}

impl<K: Clone + Eq, V: Clone> Trie<K, V> {
    /// Inserts an entry; gives the value that it replaces. The key that is there stays.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V, rehash: &impl Fn(&K) -> u64) -> Option<V> {
        let Change { old, left } = self.root.insert(hash, 0, key, value, rehash);
        self.len += usize::from(old.is_none());
        drop(left);
        old
    }

    /// Removes an entry; gives its value.
    pub(super) fn remove<Q>(&mut self, hash: u64, key: &Q, rehash: &impl Fn(&K) -> u64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        // Nothing is copied for what is not there.
        self.get(hash, key)?;
        let Change { old, left } = self.root.remove(hash, 0, key, rehash);
        self.len -= usize::from(old.is_some());
        drop(left);
        old
    }
}

impl<K, V> Clone for Trie<K, V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), len: self.len }
    }
}
