//! What a mapper gives its pairs to.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::form::{Combining, Listing, Values};
use super::quiet::Kept;
use super::set::{Key, Set};

/// Takes the pairs of a record, as the mapper of [`map_emit`](super::MapReduce::map_emit) finds them.
///
/// # Examples
/// ```
/// use regatta::parallel::{Emit, MapReduce};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let lengths = MapReduce::new()
///     .map_emit(|word: &String, emit: &mut Emit<'_, String, usize>| {
///         emit.by_ref(word.as_str(), word.len()); // a `String` is made of it if it is new
///         emit.one("all".to_owned(), word.len());
///     })
///     .combine(|total: &mut usize, length| *total += length);
/// let lengths = lengths.run(["to", "be", "to"].map(String::from)).await?;
/// assert_eq!((lengths["to"], lengths["all"]), (4, 6));
/// # Ok(()) }
/// ```
pub struct Emit<'a, K, V> {
    sink: Sink<'a, K, V>,
}

enum Sink<'a, K, V> {
    Combining(&'a mut Set<K, V, V>, &'a Combining<V>),
    Listing(&'a mut Set<K, V, Values<V>>, &'a Listing),
}

/// A key that the mapper has made.
struct Owned<K>(K);

/// A key that is made if it is not there.
struct ByRef<'q, Q: ?Sized>(&'q Q);

impl<'a, K, V> Emit<'a, K, V> {
    pub(super) fn combining(set: &'a mut Set<K, V, V>, form: &'a Combining<V>) -> Self {
        Self { sink: Sink::Combining(set, form) }
    }

    pub(super) fn listing(set: &'a mut Set<K, V, Values<V>>, form: &'a Listing) -> Self {
        Self { sink: Sink::Listing(set, form) }
    }
}

impl<K: Eq + Hash + 'static, V: Send + 'static> Emit<'_, K, V> {
    /// Gives a pair.
    ///
    /// # Complexity
    /// A hash and one look-up, or only the hash where nearly all keys have turned out to be different.
    #[inline]
    pub fn one(&mut self, key: K, value: V) {
        let (key, value) = (Kept::new(Owned(key)), Kept::new(value));
        let hash = self.seed().hash_one(&key.get().0);
        self.add(hash, key, value);
    }

    /// Gives a pair whose key is borrowed: a key is made of it only when it is new to this worker.
    ///
    /// For `String`, `Box<str>`, `Arc<str>` by `str`, `Vec<u8>` by `[u8]`, and whatever else is borrowed as `Q` and made of
    /// `&Q`. For numbers and other keys that cost nothing to make use [`one`](Self::one).
    ///
    /// # Complexity
    /// As for [`one`](Self::one), and no allocation for a key that has come before.
    #[inline]
    pub fn by_ref<Q>(&mut self, key: &Q, value: V)
    where
        K: Borrow<Q> + for<'q> From<&'q Q>,
        Q: Hash + Eq + ?Sized,
    {
        let value = Kept::new(value);
        let hash = self.seed().hash_one(key);
        self.add(hash, Kept::new(ByRef(key)), value);
    }

    fn seed(&self) -> &RandomState {
        match &self.sink {
            Sink::Combining(set, _) => set.seed(),
            Sink::Listing(set, _) => set.seed(),
        }
    }

    #[inline]
    fn add<Q: Key<K>>(&mut self, hash: u64, key: Kept<Q>, value: Kept<V>) {
        match &mut self.sink {
            Sink::Combining(set, form) => set.add(*form, hash, key, value),
            Sink::Listing(set, form) => set.add(*form, hash, key, value),
        }
    }
}

impl<K, V> Emit<'_, K, V> {
    /// Tells whether a limit of memory keeps more from being held.
    pub(super) fn is_over(&self) -> bool {
        match &self.sink {
            Sink::Combining(set, _) => set.is_over(),
            Sink::Listing(set, _) => set.is_over(),
        }
    }
}

impl<K: Eq> Key<K> for Owned<K> {
    fn is(&self, key: &K) -> bool {
        self.0 == *key
    }

    fn into_key(self) -> K {
        self.0
    }
}

impl<K, Q> Key<K> for ByRef<'_, Q>
where
    K: Borrow<Q> + for<'q> From<&'q Q>,
    Q: Eq + ?Sized,
{
    fn is(&self, key: &K) -> bool {
        key.borrow() == self.0
    }

    fn into_key(self) -> K {
        self.0.into()
    }
}

impl<K, V> fmt::Debug for Emit<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.sink {
            Sink::Combining(..) => "combining",
            Sink::Listing(..) => "listing",
        };
        f.debug_struct("Emit").field("form", &form).finish_non_exhaustive()
    }
}
