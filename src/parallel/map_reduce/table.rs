//! One partition of the keys: a table of what is combined, and a buffer of what is not yet.

use hashbrown::HashTable;
use hashbrown::hash_table::Drain;

use super::form::Form;
use super::quiet::{Draining, Entries, Entry, Kept};

/// How many entries a block of a buffer holds: blocks never move, so a buffer that grows is not copied.
const BLOCK: usize = 512;

/// Keys and what they have come to.
pub(super) struct Table<K, A>(HashTable<Entry<K, A>>);

/// Keys with values that were emitted, a key as often as that.
pub(super) struct Buffer<K, V> {
    blocks: Vec<Entries<K, V>>,
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

    /// What a place for an entry takes.
    pub(super) fn entry_bytes(&self) -> usize {
        size_of::<Entry<K, A>>() + 1
    }

    /// Tells whether one more key makes it larger, which takes a table of twice the size beside this one.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() == self.0.capacity()
    }

    #[inline]
    pub(super) fn find(&mut self, hash: u64, is_key: impl Fn(&K) -> bool) -> Option<&mut A> {
        // The hash is compared as well: it is there, and most keys that differ differ in it.
        self.0.find_mut(hash, |entry| entry.hash == hash && is_key(&entry.key)).map(|entry| &mut entry.value)
    }

    /// Puts in a key that is not there.
    pub(super) fn insert(&mut self, entry: Entry<K, A>) {
        self.0.insert_unique(entry.hash, entry, |entry| entry.hash);
    }

    pub(super) fn reserve(&mut self, keys: usize) {
        self.0.reserve(keys, |entry| entry.hash);
    }

    pub(super) fn drain(&mut self) -> Draining<Drain<'_, Entry<K, A>>, K, A> {
        Draining(self.0.drain())
    }
}

impl<K: Eq, A> Table<K, A> {
    /// Joins an entry to the one of the same key, or makes it the first.
    pub(super) fn join<V>(&mut self, entry: Entry<K, V>, first: impl FnOnce(V) -> A, join: impl FnOnce(&mut A, V)) {
        let Entry { hash, key, value } = entry;
        let (key, value) = (Kept::new(key), Kept::new(value));
        if let Some(there) = self.find(hash, |there| there == key.get()) {
            join(there, value.into_inner());
            // Not quietly: a destructor that panics is heard.
            drop(key.into_inner());
        } else {
            self.insert(Entry { hash, value: first(value.into_inner()), key: key.into_inner() });
        }
    }
}

impl<K, V> Buffer<K, V> {
    const BLOCK_BYTES: usize = BLOCK * size_of::<Entry<K, V>>() + size_of::<Entries<K, V>>();

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * Self::BLOCK_BYTES
    }

    /// Gives how many bytes it has become larger by.
    pub(super) fn push(&mut self, entry: Entry<K, V>) -> usize {
        self.len += 1;
        if let Some(block) = self.blocks.last_mut()
            && block.0.len() < block.0.capacity()
        {
            block.0.push(entry);
            return 0;
        }
        let mut block = Vec::with_capacity(BLOCK);
        block.push(entry);
        self.blocks.push(Entries(block));
        Self::BLOCK_BYTES
    }
}

impl<K: Eq, V> Buffer<K, V> {
    /// Moves all into the table.
    pub(super) fn fold_into<F: Form<V>>(&mut self, table: &mut Table<K, F::Total>, form: &F) {
        self.len = 0;
        for mut block in self.blocks.drain(..) {
            for entry in Draining(block.0.drain(..)).0.by_ref() {
                table.join(entry, |value| form.first(value), |total, value| _ = form.add(total, value));
            }
        }
    }
}

impl<K, V, A> Partition<K, V, A> {
    pub(super) fn new() -> Self {
        Self { table: Table(HashTable::new()), buffer: Buffer { blocks: Vec::new(), len: 0 }, bytes: 0 }
    }
}

impl<K, A> Drop for Table<K, A> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<(K, A)>() {
            drop(self.drain());
        }
    }
}
