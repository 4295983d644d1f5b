//! One partition of the keys: a table of what is combined, and a buffer of what is not yet.

use std::hash::{BuildHasher, Hash};
use std::mem;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Drain;

use super::form::Form;
use super::quiet::{Draining, Hashed, Kept, Pairs};

/// How many entries a block of a buffer holds: blocks never move, so a buffer that grows is not copied.
const BLOCK: usize = 512;

/// Keys and what they have come to.
///
/// Hashes are not kept: an entry without one is found in one line of the cache more often, which is worth more than that keys
/// are hashed again when the table grows.
pub(super) struct Table<K, A>(HashTable<(K, A)>);

/// Keys with values that were emitted, a key as often as that.
pub(super) struct Buffer<K, V> {
    blocks: Vec<Pairs<Hashed<K, V>>>,
    len: usize,
}

pub(super) struct Partition<K, V, A> {
    pub(super) table: Table<K, A>,
    pub(super) buffer: Buffer<K, V>,
    /// What is counted for it, if that is limited.
    pub(super) bytes: usize,
}

impl<K, A> Table<K, A> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.allocation_size()
    }

    /// Tells whether one more key makes it larger, which takes a table of twice the size beside this one.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() == self.0.capacity()
    }

    #[inline]
    pub(super) fn find(&mut self, hash: u64, is_key: impl Fn(&K) -> bool) -> Option<&mut A> {
        self.0.find_mut(hash, |(key, _)| is_key(key)).map(|(_, total)| total)
    }

    pub(super) fn drain(&mut self) -> Draining<Drain<'_, (K, A)>> {
        Draining(self.0.drain())
    }
}

impl<K: Eq + Hash, A> Table<K, A> {
    /// Puts in a key that is not there.
    pub(super) fn insert(&mut self, seed: &RandomState, hash: u64, key: Kept<K>, total: Kept<A>) {
        // Keys may be hashed, and panic, while these are kept; not after that.
        self.reserve(seed, 1);
        self.0.insert_unique(hash, (key.into_inner(), total.into_inner()), |(key, _)| seed.hash_one(key));
    }

    pub(super) fn reserve(&mut self, seed: &RandomState, keys: usize) {
        self.0.reserve(keys, |(key, _)| seed.hash_one(key));
    }

    /// Joins a pair to the one of the same key, or makes it the first.
    pub(super) fn join<V>(
        &mut self,
        seed: &RandomState,
        hash: u64,
        (key, value): (Kept<K>, Kept<V>),
        first: impl FnOnce(V) -> A,
        join: impl FnOnce(&mut A, V),
    ) {
        if let Some(there) = self.find(hash, |there| there == key.get()) {
            join(there, value.into_inner());
            // Not quietly: a destructor that panics is heard.
            drop(key.into_inner());
        } else {
            let total = Kept::new(first(value.into_inner()));
            self.insert(seed, hash, key, total);
        }
    }

    /// Joins all of another table to this.
    pub(super) fn join_all(&mut self, seed: &RandomState, mut other: Self, join: impl Fn(&mut A, A)) {
        for (key, total) in other.drain().0.by_ref() {
            let (key, total) = (Kept::new(key), Kept::new(total));
            let hash = seed.hash_one(key.get());
            self.join(seed, hash, (key, total), |total| total, &join);
        }
    }
}

impl<K: Eq + Hash, A> Table<K, A> {
    /// Joins pairs as they were emitted.
    pub(super) fn join_pairs<V, F>(&mut self, seed: &RandomState, pairs: Buffer<K, V>, form: &F)
    where
        F: Form<V, Total = A>,
    {
        for mut block in pairs.blocks {
            for Hashed { hash, key, value } in Draining(block.0.drain(..)).0.by_ref() {
                let pair = (Kept::new(key), Kept::new(value));
                self.join(seed, hash, pair, |value| form.first(value), |total, value| _ = form.add(total, value));
            }
        }
    }
}

impl<K, V> Buffer<K, V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, pair: Hashed<K, V>) {
        self.len += 1;
        match self.blocks.last_mut() {
            Some(block) if block.0.len() < BLOCK => block.0.push(pair),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(pair);
                self.blocks.push(Pairs(block));
            }
        }
    }
}

impl<K, V, A> Partition<K, V, A> {
    pub(super) fn new() -> Self {
        Self { table: Table(HashTable::new()), buffer: Buffer::default(), bytes: 0 }
    }
}

impl<K: Eq + Hash, V, A> Partition<K, V, A> {
    /// Joins the pairs that were appended.
    pub(super) fn fold<F: Form<V, Total = A>>(&mut self, seed: &RandomState, form: &F) {
        self.table.join_pairs(seed, mem::take(&mut self.buffer), form);
    }
}

impl<K, V> Default for Buffer<K, V> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<K, A> Drop for Table<K, A> {
    fn drop(&mut self) {
        if mem::needs_drop::<(K, A)>() {
            drop(self.drain());
        }
    }
}
