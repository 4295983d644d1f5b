//! The tables of one worker: a partition each for a part of the hashes.
//!
//! Where nearly every pair has a key of its own, combining them here is work for nothing: they have to be looked up again
//! when the tables of all workers are joined. So a set whose first pairs are like that only appends what comes. That this is
//! still so is looked at whenever it holds twice as many: one partition, the largest, is combined as a sample. Where memory is
//! limited it always combines: pairs that were appended take more than the few keys that they may turn out to be.

use std::fmt;
use std::hash::Hash;

use foldhash::fast::RandomState;

use super::form::Form;
use super::memory::{Account, heap_of};
use super::quiet::{Hashed, Kept};
use super::table::Partition;

/// How many pairs tell what the others will be like.
const SAMPLE: usize = 100_000;

/// By which bits of a hash partitions are told apart: a table uses the lowest, and the highest seven.
const SHIFT: u32 = 40;

/// How many partitions there may be.
pub(super) const PARTITIONS_MAX: usize = 1 << 12;

#[doc(hidden)]
pub struct Set<K, V, A> {
    partitions: Vec<Partition<K, V, A>>,
    /// The same for all sets of an operation.
    seed: RandomState,
    account: Account,
    emitted: usize,
    distinct: usize,
    /// How many pairs have been appended, once they are.
    appended: Option<usize>,
    /// With how many the sample is taken again.
    look_at: usize,
}

/// A key that is there, or can be made.
pub(super) trait Key<K> {
    fn is(&self, key: &K) -> bool;
    fn into_key(self) -> K;
}

impl<K, V, A> Set<K, V, A> {
    /// For a power of two of partitions.
    pub(super) fn new(partitions: usize, seed: RandomState, account: Account) -> Self {
        let partitions = (0..partitions).map(|_| Partition::new()).collect();
        Self { partitions, seed, account, emitted: 0, distinct: 0, appended: None, look_at: 0 }
    }

    pub(super) fn seed(&self) -> &RandomState {
        &self.seed
    }

    /// Tells whether a limit of memory keeps more from being held.
    pub(super) fn is_over(&self) -> bool {
        self.account.is_over()
    }

    /// Tells the others what this set holds.
    pub(super) fn settle(&mut self) {
        self.account.flush();
    }

    pub(super) fn into_partitions(self) -> Vec<Partition<K, V, A>> {
        self.partitions
    }
}

impl<K: Eq + Hash + 'static, V: 'static, A> Set<K, V, A> {
    #[inline]
    pub(super) fn add<F, Q>(&mut self, form: &F, hash: u64, key: Kept<Q>, value: Kept<V>)
    where
        F: Form<V, Total = A>,
        Q: Key<K>,
    {
        if self.account.is_over() {
            return;
        }
        let index = (hash >> SHIFT) as usize & (self.partitions.len() - 1);
        self.emitted += 1;
        if self.appended.is_some() {
            self.append(form, index, hash, key, value);
        } else if let Some(total) = self.partitions[index].table.find(hash, |there| key.get().is(there)) {
            let bytes = form.add(total, value.into_inner());
            if bytes > 0 && self.account.is_kept() {
                self.partitions[index].bytes += bytes;
                self.account.add(bytes);
            }
            // Not quietly: a destructor that panics is heard.
            drop(key.into_inner());
        } else {
            self.insert(form, index, hash, key, value);
        }
    }

    fn insert<F, Q>(&mut self, form: &F, index: usize, hash: u64, key: Kept<Q>, value: Kept<V>)
    where
        F: Form<V, Total = A>,
        Q: Key<K>,
    {
        let table = &self.partitions[index].table;
        let (before, is_full) = (table.bytes(), table.is_full());
        if is_full {
            // Before it is: the old one and the new one, of twice the size, are there together.
            self.account.add_at_once(2 * before);
        }
        if self.account.is_over() {
            return;
        }
        let key = Kept::new(key.into_inner().into_key());
        let total = Kept::new(form.first(value.into_inner()));
        let heap = if self.account.is_kept() { heap_of(key.get()) + form.bytes(total.get()) } else { 0 };
        let partition = &mut self.partitions[index];
        partition.table.insert(&self.seed, hash, key, total);
        let grown = partition.table.bytes() - before;
        partition.bytes += heap + grown;
        self.account.add(heap);
        if is_full {
            self.account.add(grown);
            self.account.release(2 * before);
        }
        self.distinct += 1;
        if self.distinct == SAMPLE / 5 * 4 && self.emitted <= SAMPLE && !self.account.is_kept() {
            (self.appended, self.look_at) = (Some(0), 4 * SAMPLE);
        }
    }

    fn append<F, Q>(&mut self, form: &F, index: usize, hash: u64, key: Kept<Q>, value: Kept<V>)
    where
        F: Form<V, Total = A>,
        Q: Key<K>,
    {
        let key = key.into_inner().into_key();
        self.partitions[index].buffer.push(Hashed { hash, key, value: value.into_inner() });
        let appended = self.appended.get_or_insert(0);
        *appended += 1;
        if *appended >= self.look_at {
            self.look_at = 2 * *appended;
            self.look_again(form);
        }
    }

    /// Goes back to combining where keys have begun to come again.
    fn look_again<F: Form<V, Total = A>>(&mut self, form: &F) {
        let Some(sample) = self.partitions.iter_mut().max_by_key(|partition| partition.buffer.len()) else { return };
        let (pairs, before) = (sample.buffer.len(), sample.table.len());
        sample.fold(&self.seed, form);
        if (sample.table.len() - before) < pairs / 5 * 4 {
            self.partitions.iter_mut().for_each(|partition| partition.fold(&self.seed, form));
            self.appended = None;
        }
    }
}

impl<K, V, A> fmt::Debug for Set<K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").field("emitted", &self.emitted).field("distinct", &self.distinct).finish_non_exhaustive()
    }
}
