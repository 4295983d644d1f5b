//! Entries side by side.
//!
//! Six bits of the hash name a place. The first entry of each place that is taken stands at the rank of its place, in the
//! order of places; entries whose place was taken already stand behind them all, in no order. So most are found at once,
//! and the others in a short scan of neighbours.

use std::borrow::Borrow;
use std::mem;
use std::sync::Arc;

/// A leaf with this many entries is split before it gets one more.
pub(super) const MANY: usize = 64;
/// A branch that has no more entries than this becomes a leaf. Well below, so that it does not go to and fro.
pub(super) const FEW: usize = 32;

pub(super) struct Leaf<K, V> {
    /// One bit for each place that is taken.
    places: u64,
    entries: Arc<[(K, V)]>,
}

/// What a change has replaced.
pub(super) struct Change<K, V> {
    /// The value that the key had.
    pub(super) old: Option<V>,
    /// To be dropped when the change is counted: a destructor may panic.
    pub(super) left: Option<Arc<[(K, V)]>>,
}

/// Where a key is, or would go.
enum Spot {
    Taken(usize),
    /// At the rank of its place, which is free.
    Head(usize),
    /// Behind all others.
    Tail,
}

fn place(hash: u64) -> u64 {
    1 << (hash & 63)
}

impl<K, V> Leaf<K, V> {
    pub(super) fn empty() -> Self {
        Self { places: 0, entries: Arc::default() }
    }

    pub(super) fn entries(&self) -> &[(K, V)] {
        &self.entries
    }

    fn rank(&self, place: u64) -> usize {
        (self.places & (place - 1)).count_ones() as usize
    }

    /// How many entries stand at the rank of their place.
    fn heads(&self) -> usize {
        self.places.count_ones() as usize
    }

    #[inline]
    pub(super) fn get<Q>(&self, hash: u64, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let place = place(hash);
        if self.places & place == 0 {
            return None;
        }
        match self.entries.get(self.rank(place)) {
            Some(entry) if entry.0.borrow() == key => Some(entry),
            _ => self.entries[self.heads()..].iter().find(|entry| entry.0.borrow() == key),
        }
    }

    fn find<Q>(&self, hash: u64, key: &Q) -> Spot
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let place = place(hash);
        let rank = self.rank(place);
        if self.places & place == 0 {
            return Spot::Head(rank);
        }
        let is_it = |at: &usize| self.entries[*at].0.borrow() == key;
        let tail = self.heads()..self.entries.len();
        match std::iter::once(rank).chain(tail).find(is_it) {
            Some(at) => Spot::Taken(at),
            None => Spot::Tail,
        }
    }
}

impl<K: Clone + Eq, V: Clone> Leaf<K, V> {
    /// Makes a leaf of entries with what is left of their hashes.
    pub(super) fn build(entries: Vec<(u64, (K, V))>) -> Self {
        let (mut places, mut heads, mut tail) = (0, Vec::with_capacity(entries.len()), Vec::new());
        for (hash, entry) in entries {
            let place = place(hash);
            match places & place {
                0 => heads.push((place, entry)),
                _ => tail.push(entry),
            }
            places |= place;
        }
        heads.sort_unstable_by_key(|(place, _)| *place);
        Self { places, entries: heads.into_iter().map(|(_, entry)| entry).chain(tail).collect() }
    }

    /// Tells whether one more entry would be too many.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MANY
    }

    pub(super) fn insert(&mut self, hash: u64, key: K, value: V) -> Change<K, V> {
        let (at, place) = match self.find(hash, &key) {
            Spot::Taken(at) => return self.replace(at, value),
            Spot::Head(at) => (at, place(hash)),
            Spot::Tail => (self.entries.len(), 0),
        };
        let entries = with(&self.entries, at, (key, value));
        Change { old: None, left: Some(self.exchange(entries, self.places | place)) }
    }

    fn replace(&mut self, at: usize, value: V) -> Change<K, V> {
        let left = match Arc::get_mut(&mut self.entries) {
            Some(_) => None,
            None => Some(self.exchange(Arc::from(&*self.entries), self.places)),
        };
        match Arc::get_mut(&mut self.entries) {
            Some(entries) => Change { old: Some(mem::replace(&mut entries[at].1, value)), left },
            None => unreachable!("nobody else has seen the copy"),
        }
    }

    /// Takes other entries and their places, and gives those that were there.
    fn exchange(&mut self, entries: Arc<[(K, V)]>, places: u64) -> Arc<[(K, V)]> {
        self.places = places;
        mem::replace(&mut self.entries, entries)
    }

    /// Removes an entry. `rehash` gives what is left of the hash of a key.
    pub(super) fn remove<Q>(&mut self, hash: u64, key: &Q, rehash: impl Fn(&K) -> u64) -> Change<K, V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let Spot::Taken(at) = self.find(hash, key) else { return Change { old: None, left: None } };
        let (heads, place) = (self.heads(), place(hash));
        let value = self.entries[at].1.clone();
        let is_heir = |entry: &(K, V)| self::place(rehash(&entry.0)) == place;
        let heir = match at < heads {
            // The place of a head goes to one from behind, if it is wanted there.
            true => self.entries[heads..].iter().position(is_heir).map(|behind| heads + behind),
            false => None,
        };
        let others = self.entries.iter().enumerate();
        let entries = match heir {
            Some(heir) => others
                .filter(|(index, _)| *index != heir)
                .map(|(index, entry)| if index == at { &self.entries[heir] } else { entry })
                .cloned()
                .collect(),
            None => others.filter(|(index, _)| *index != at).map(|(_, entry)| entry.clone()).collect(),
        };
        let places = if at < heads && heir.is_none() { self.places & !place } else { self.places };
        Change { old: Some(value), left: Some(self.exchange(entries, places)) }
    }
}

/// The same entries with one more.
fn with<T: Clone>(entries: &[T], at: usize, entry: T) -> Arc<[T]> {
    // An iterator of known length: one allocation.
    entries[..at].iter().cloned().chain(std::iter::once(entry)).chain(entries[at..].iter().cloned()).collect()
}

impl<K, V> Clone for Leaf<K, V> {
    fn clone(&self) -> Self {
        Self { places: self.places, entries: self.entries.clone() }
    }
}
