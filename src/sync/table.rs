//! A trie with its hasher: what a [`RcuMap`](super::RcuMap) publishes.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use super::trie::Trie;

pub(super) struct Table<K, V, S> {
    pub(super) trie: Trie<K, V>,
    pub(super) hasher: S,
}

impl<K, V, S> Table<K, V, S> {
    pub(super) fn new(hasher: S) -> Self {
        Self { trie: Trie::new(), hasher }
    }
}

impl<K, V, S: BuildHasher> Table<K, V, S> {
    #[inline]
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.trie.get(self.hasher.hash_one(key), key)
    }
}

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher> Table<K, V, S> {
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hasher = &self.hasher;
        self.trie.insert(hasher.hash_one(&key), key, value, &|key| hasher.hash_one(key))
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hasher = &self.hasher;
        self.trie.remove(hasher.hash_one(key), key, &|key| hasher.hash_one(key))
    }
}

impl<K, V, S: Clone> Clone for Table<K, V, S> {
    fn clone(&self) -> Self {
        Self { trie: self.trie.clone(), hasher: self.hasher.clone() }
    }
}
