//! A handful of entries that never change: what a reader takes hold of, and a writer replaces as a whole.
//!
//! Whoever is sent away for want of room is only marked, and stays in the table until the next one takes its place: that
//! halves what an insertion costs. So every look into a table leaves out who is marked.

use std::borrow::Borrow;
use std::mem::needs_drop;
use std::sync::Arc;

use super::entry::Entry;
use crate::error::drop_quietly;

/// How many entries lie in the table itself; a table that is fuller, which is rare, has a list besides.
const SLOTS: usize = 8;

pub(super) struct Table<K, V> {
    /// Which part of the hash says that an entry belongs here: `hash & mask` is the number of the segment.
    mask: u64,
    /// A part of each hash, so that entries are looked at only if they are likely to be the one.
    tags: [u16; SLOTS],
    slots: [Option<Arc<Entry<K, V>>>; SLOTS],
    /// How many slots are taken, from the first.
    len: u8,
    more: Vec<Arc<Entry<K, V>>>,
}

impl<K, V> Table<K, V> {
    pub(super) fn empty(mask: u64) -> Self {
        Self { mask, tags: [0; SLOTS], slots: [const { None }; SLOTS], len: 0, more: Vec::new() }
    }

    pub(super) fn mask(&self) -> u64 {
        self.mask
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<&Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        self.find_by(hash, |entry| entry.is_in() && entry.key.borrow() == key)
    }

    /// The entry that a key had when so many of its shard had been sent away.
    pub(super) fn find_at<Q: Eq + ?Sized>(&self, hash: u64, key: &Q, sent_away: u64) -> Option<&Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
    {
        self.find_by(hash, |entry| entry.was_in(sent_away) && entry.key.borrow() == key)
    }

    #[inline]
    fn find_by(&self, hash: u64, mut is_it: impl FnMut(&Arc<Entry<K, V>>) -> bool) -> Option<&Arc<Entry<K, V>>> {
        let mut is_it = |entry: &&Arc<Entry<K, V>>| entry.hash == hash && is_it(entry);
        let tag = tag(hash);
        // All at once, without a branch for each.
        let mut likely = (0..SLOTS).fold(0_u32, |bits, at| bits | (u32::from(self.tags[at] == tag) << at));
        while likely != 0 {
            let at = likely.trailing_zeros() as usize;
            if let Some(entry) = self.slots[at].as_ref().filter(&mut is_it) {
                return Some(entry);
            }
            likely &= likely - 1;
        }
        if self.more.is_empty() { None } else { self.more.iter().find(is_it) }
    }

    /// Some entry with this hash that is not among `strangers`; its key was not compared.
    pub(super) fn likely(&self, hash: u64, strangers: &[Arc<Entry<K, V>>]) -> Option<&Arc<Entry<K, V>>> {
        let is_strange = |entry: &Arc<Entry<K, V>>| strangers.iter().any(|other| Arc::ptr_eq(other, entry));
        self.find_by(hash, |entry| entry.is_in() && !is_strange(entry))
    }

    /// Those that are in.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry<K, V>>> {
        self.all().filter(|entry| entry.is_in())
    }

    /// Those that were in when so many of their shard had been sent away.
    pub(super) fn iter_at(&self, sent_away: u64) -> impl Iterator<Item = &Arc<Entry<K, V>>> {
        self.all().filter(move |entry| entry.was_in(sent_away))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Entry<K, V>>> {
        self.slots.iter().flatten().chain(&self.more)
    }

    /// The same with one more, and without those who were sent away.
    pub(super) fn with(&self, entry: Arc<Entry<K, V>>) -> Self {
        let mut table = self.tidied();
        table.push(tag(entry.hash), entry);
        table
    }

    /// The same without those who were sent away.
    pub(super) fn tidied(&self) -> Self {
        self.filtered(|entry| Some(entry.clone()))
    }

    /// The same without one, and without those who were sent away.
    pub(super) fn without(&self, entry: &Arc<Entry<K, V>>) -> Self {
        self.filtered(|other| (!Arc::ptr_eq(other, entry)).then(|| other.clone()))
    }

    /// The same with another one in the place of one, and without those who were sent away.
    pub(super) fn replacing(&self, old: &Arc<Entry<K, V>>, new: &Arc<Entry<K, V>>) -> Self {
        self.filtered(|other| Some(if Arc::ptr_eq(other, old) { new } else { other }.clone()))
    }

    #[inline]
    fn filtered(&self, keep: impl Fn(&Arc<Entry<K, V>>) -> Option<Arc<Entry<K, V>>>) -> Self {
        let mut table = Self::empty(self.mask);
        for (tag, entry) in self.tags.iter().zip(&self.slots) {
            let Some(entry) = entry else { break };
            if entry.is_in()
                && let Some(entry) = keep(entry)
            {
                table.push(*tag, entry);
            }
        }
        for entry in self.more.iter().filter(|entry| entry.is_in()).filter_map(keep) {
            table.push(tag(entry.hash), entry);
        }
        table
    }

    /// Two tables by one more bit of the hash: where it is not set, and where it is.
    pub(super) fn split(&self, mask: u64) -> (Self, Self) {
        let (mut low, mut high) = (Self::empty(mask), Self::empty(mask));
        let bit = mask & !self.mask;
        self.iter().for_each(|entry| {
            if entry.hash & bit == 0 { &mut low } else { &mut high }.push(tag(entry.hash), entry.clone())
        });
        (low, high)
    }

    #[inline]
    fn push(&mut self, tag: u16, entry: Arc<Entry<K, V>>) {
        let at = usize::from(self.len);
        if at < SLOTS {
            self.tags[at] = tag;
            self.slots[at] = Some(entry);
            self.len += 1;
        } else {
            self.more.push(entry);
        }
    }
}

/// Those who were sent away may go with their last table: one by one, whatever a destructor does.
impl<K, V> Drop for Table<K, V> {
    fn drop(&mut self) {
        if needs_drop::<K>() || needs_drop::<V>() {
            let slots = self.slots.iter_mut().filter_map(Option::take);
            slots.chain(self.more.drain(..)).for_each(drop_quietly);
        }
    }
}

/// Tables that were replaced, to be dropped when no lock is held.
pub(super) struct Retired<K, V> {
    /// Mostly there is one.
    first: Option<Arc<Table<K, V>>>,
    more: Vec<Arc<Table<K, V>>>,
}

impl<K, V> Retired<K, V> {
    pub(super) fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    pub(super) fn push(&mut self, table: Arc<Table<K, V>>) {
        match self.first {
            None => self.first = Some(table),
            Some(_) => self.more.push(table),
        }
    }
}

/// Bits that choose neither the shard nor the segment.
fn tag(hash: u64) -> u16 {
    (hash >> 40) as u16
}
