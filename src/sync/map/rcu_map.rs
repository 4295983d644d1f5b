//! A map that is read without locks and changed entry by entry.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};

use super::super::rcu::Rcu;
use super::super::table::Table;
use super::super::wait::SynchronizeFuture;
use super::builder::RcuMapBuilder;
use super::reader::RcuMapReader;
use super::snapshot::MapSnapshot;
use super::transaction::Transaction;

/// A map that any number of tasks read without locks, with consistent snapshots in constant time.
///
/// For tables that are read much more often than changed, and read as a whole: routes, sessions, members, prices. Clones
/// are handles to the same map. Where nobody needs more than single entries and half of the operations are writes, a map
/// of sharded locks has the faster writes; for a cache use one that evicts.
///
/// | to read | cost |
/// |---|---|
/// | [`get`](Self::get) | no lock; clones the value |
/// | [`reader`](Self::reader), then `get` | no lock, no write to shared memory; borrows the value |
/// | [`snapshot`](Self::snapshot) | one reference count for the whole map |
///
/// Keys and values are cloned when their neighbours change, up to 64 for each change: put what is expensive to clone
/// behind an [`Arc`](std::sync::Arc).
///
/// # Examples
/// ```
/// use regatta::sync::RcuMap;
///
/// let accounts = RcuMap::from_iter([("a", 10), ("b", 0)]);
/// accounts.insert("c", 5);
///
/// // All or nothing: nobody ever sees money that is in two places, or in none.
/// let moved = accounts.transaction(|accounts| {
///     let left = accounts.get("a").copied().unwrap_or(0) - 7;
///     if left < 0 { return Err("not enough"); }
///     accounts.insert("a", left);
///     accounts.insert("b", 7);
///     Ok(left)
/// });
/// assert_eq!(moved, Ok(3));
/// assert_eq!(accounts.snapshot().iter().map(|(_, sum)| sum).sum::<i32>(), 15);
/// ```
#[doc(alias = "persistent map")]
#[doc(alias = "trie")]
pub struct RcuMap<K, V, S = RandomState> {
    rcu: Rcu<Table<K, V, S>>,
}

impl<K, V> RcuMap<K, V> {
    /// Creates an empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a map with a name, another hasher, or a [`Reclaimer`](super::super::Reclaimer) for its old versions.
    pub fn builder() -> RcuMapBuilder<K, V> {
        RcuMapBuilder::new(RandomState::new())
    }
}

impl<K, V, S> RcuMap<K, V, S> {
    /// Creates an empty map that hashes keys in its own way.
    ///
    /// The hasher must spread keys over all 64 bits, from the low ones up; one that an attacker can predict lets him pile
    /// up entries in one place, where they are searched one by one.
    #[must_use]
    pub fn with_hasher(hasher: S) -> Self {
        RcuMapBuilder::new(hasher).build()
    }

    pub(super) fn from_rcu(rcu: Rcu<Table<K, V, S>>) -> Self {
        Self { rcu }
    }

    /// The whole map as it is now, in constant time, to keep.
    ///
    /// # Ordering
    /// Two reads of one snapshot always agree, and one taken after a change has returned shows the change.
    #[must_use]
    pub fn snapshot(&self) -> MapSnapshot<K, V, S> {
        MapSnapshot::new(self.rcu.snapshot())
    }

    /// A reader that remembers the version it has read: the fastest way to read over and over.
    #[must_use]
    pub fn reader(&self) -> RcuMapReader<K, V, S> {
        RcuMapReader::new(self.rcu.reader())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rcu.load().trie.len()
    }

    /// Tells whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the current version: 0 for the empty map it began as, one more for each publication.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.rcu.version()
    }

    /// Waits for the next publication after this call. Gives it, or a later one.
    ///
    /// In a loop a publication between two calls would be missed: use [`RcuMapReader::changed`] there, or
    /// [`changed_since`](Self::changed_since).
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future, but a later call waits for a later publication.
    pub fn changed(&self) -> impl Future<Output = MapSnapshot<K, V, S>> {
        // The number is that of the call, not of the first poll.
        self.changed_since(self.version())
    }

    /// Waits for a version with a number above `version`, which is one of this map: each counts its own. Gives it, or a
    /// later one.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    pub async fn changed_since(&self, version: u64) -> MapSnapshot<K, V, S> {
        MapSnapshot::new(self.rcu.changed_since(version).await)
    }

    /// Waits until nobody reads a version that is older than the current one; see [`Rcu::synchronize`]. What the older
    /// ones did not share with newer ones is dropped by then, or with the reclaimer.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub fn synchronize(&self) -> SynchronizeFuture<'_> {
        self.rcu.synchronize()
    }
}

impl<K, V, S: BuildHasher> RcuMap<K, V, S> {
    /// The value of a key, cloned.
    ///
    /// # Complexity
    /// One step for each factor of 16 beyond 64 entries. No lock, and no wait for anybody.
    #[inline]
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// What `look` makes of the value of a key, without a clone. It may use the map.
    ///
    /// # Panics
    /// A panic of `look` arrives here.
    #[inline]
    pub fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let table = self.rcu.load();
        table.get(key).map(|(_, value)| look(value))
    }

    /// Tells whether a key has a value.
    #[must_use]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.rcu.load().get(key).is_some()
    }
}

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher + Clone> RcuMap<K, V, S> {
    /// Gives a key a value; gives the one it had.
    ///
    /// # Panics
    /// A panic of a key's or value's hash, comparison or clone arrives here, with nothing published and nothing locked.
    ///
    /// # Complexity
    /// Copies the path to the entry: one branch for each factor of 16 beyond 64 entries, and at most 64 entries. Several
    /// changes at once are much cheaper with [`extend`](Self::extend).
    #[allow(clippy::needless_pass_by_value, reason = "as in std's maps; each try needs a clone of its own")]
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.change(|table| table.insert(key.clone(), value.clone()))
    }

    /// Takes a key out; gives its value. Nothing is published if it is not there.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let removed = self.transaction(|map| Ok::<_, Infallible>(map.remove(key)));
        settled(removed)
    }

    /// Gives a key what `change` makes of its value, or of nothing; takes it out if that is nothing. Gives what it was, as
    /// [`insert`](Self::insert) does, and not the version, as [`Rcu::update`].
    ///
    /// `change` runs without any lock, again if another writer was first. No update is lost.
    ///
    /// # Panics
    /// A panic of `change` arrives here, with nothing published.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::RcuMap;
    ///
    /// let words = RcuMap::new();
    /// for word in ["a", "b", "a"] {
    ///     words.update(word, |count: Option<&u32>| Some(count.map_or(1, |count| count + 1)));
    /// }
    /// assert_eq!((words.get("a"), words.get("b")), (Some(2), Some(1)));
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "as in std's maps; each try needs a clone of its own")]
    pub fn update(&self, key: K, mut change: impl FnMut(Option<&V>) -> Option<V>) -> Option<V> {
        let updated = self.transaction(|map| {
            let next = change(map.get(&key));
            Ok::<_, Infallible>(match next {
                Some(value) => map.insert(key.clone(), value),
                None => map.remove(&key),
            })
        });
        settled(updated)
    }

    /// Inserts all entries in one publication: readers see none of them or all.
    ///
    /// # Panics
    /// As [`insert`](Self::insert); a panic of the iterator arrives here. Nothing is published then.
    ///
    /// # Complexity
    /// One publication, and one copy of each branch that is shared with readers, however many entries come. A key that is
    /// there gets its value in place, once its leaf is a copy; each new key copies its leaf of at most 64 entries again. The
    /// iterator is run once.
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        let extended = self.transaction(|map| {
            map.extend(entries.iter().cloned());
            Ok::<_, Infallible>(())
        });
        settled(extended);
    }

    /// Removes all entries in one publication.
    pub fn clear(&self) {
        settled(self.transaction(|map| {
            map.clear();
            Ok::<_, Infallible>(())
        }));
    }

    /// Makes any number of changes visible at once, or none: when `change` gives an error, or panics, nothing happened.
    ///
    /// `change` works on a private copy, which costs nothing to make. It runs without any lock, again if another writer
    /// was first, and may use the map, whose readers do not see its changes yet. A transaction that changes nothing
    /// publishes nothing.
    ///
    /// # Errors
    /// The first error of `change`.
    ///
    /// # Panics
    /// A panic of `change` arrives here, with nothing published and nothing locked.
    ///
    /// # Fairness
    /// Some writer always gets on, but a long transaction may be overtaken again and again by short ones.
    pub fn transaction<R, E>(&self, mut change: impl FnMut(&mut Transaction<K, V, S>) -> Result<R, E>) -> Result<R, E> {
        let (_, result) = self.rcu.core().try_update(|table| {
            let mut transaction = Transaction::new(table);
            let result = change(&mut transaction)?;
            Ok((transaction.end(), result))
        })?;
        Ok(result)
    }

    /// Publishes one change.
    fn change<R>(&self, mut change: impl FnMut(&mut Table<K, V, S>) -> R) -> R {
        let changed = self.rcu.core().try_update(|table| {
            let mut next = table.clone();
            let result = change(&mut next);
            Ok::<_, Infallible>((Some(next), result))
        });
        settled(changed).1
    }
}

/// What cannot fail has not.
fn settled<R>(result: Result<R, Infallible>) -> R {
    match result {
        Ok(result) => result,
        Err(never) => match never {},
    }
}

impl<K: Hash + Eq + Clone, V: Clone> FromIterator<(K, V)> for RcuMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K, V> Default for RcuMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V, S> Clone for RcuMap<K, V, S> {
    fn clone(&self) -> Self {
        Self { rcu: self.rcu.clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for RcuMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}
