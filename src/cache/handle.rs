//! The cache, as its users hold it.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::builder::CacheBuilder;
use super::core::Core;
use super::reader::CacheReader;
use super::rules::Age;
use super::snapshot::CacheSnapshot;
use super::stats::CacheStats;
use crate::error::{Kept, drop_quietly};
use crate::observe::{Observe, Registry};
use crate::task::{ShutdownReport, TaskGroup};

/// Values by key, at most so many, read without locks and loaded once however many ask for them.
///
/// A handle: clones share one cache, and dropping the last one aborts the loads that still run. See [the module](super) for
/// what it promises, and what to choose instead.
///
/// # Examples
/// ```
/// use regatta::cache::Cache;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # struct User;
/// # async fn fetch(_id: u64) -> Result<Arc<User>, std::io::Error> { Ok(Arc::new(User)) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::cache::LoadError> {
/// let users: Cache<u64, Arc<User>> = Cache::builder(10_000).time_to_live(Duration::from_secs(60)).name("users").build();
///
/// let user = users.try_get_or_load(&7, fetch).await?; // loads
/// let again = users.try_get_or_load(&7, fetch).await?; // does not
/// assert!(Arc::ptr_eq(&user, &again));
///
/// users.invalidate(&7);
/// assert!(users.get(&7).is_none());
/// # Ok(()) }
/// ```
#[doc(alias = "singleflight")]
#[doc(alias = "memoize")]
#[doc(alias = "LRU")]
pub struct Cache<K, V, S = RandomState> {
    pub(super) core: Arc<Core<K, V, S>>,
    /// Owns the loads.
    pub(super) tasks: Arc<TaskGroup>,
}

impl<K, V> Cache<K, V>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Creates a cache of at most so many entries, which never get too old.
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: u64) -> Self {
        Self::builder(capacity).build()
    }

    /// Begins a cache of at most so many entries, or with a [weigher](CacheBuilder::weigher) entries of so much weight.
    ///
    /// When it is full, those go first that were read least: what is new has to be read soon, or to come back, to stay.
    ///
    /// No memory is taken before there are entries, but for some 25 bytes for each four of the capacity, up to 50 kB for each of 16
    /// shards. Time is that of the runtime it is made in, or the system's outside: a cache belongs to one clock, which matters in
    /// tests that pause theirs.
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[doc(alias = "max_capacity")]
    #[track_caller]
    pub fn builder(capacity: u64) -> CacheBuilder<K, V> {
        CacheBuilder::new(capacity)
    }
}

impl<K, V, S> Cache<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Send + Sync + 'static,
{
    pub(super) fn new_from(name: Option<Arc<str>>, make: impl FnOnce(Arc<str>, Arc<str>) -> Core<K, V, S>) -> Self {
        let registry = Registry::current();
        let id = registry.reserve();
        let name = name.unwrap_or_else(|| format!("cache#{id}").into());
        let core = Arc::new(make(format!("cache `{name}`").into(), format!("loader of cache `{name}`").into()));
        let subject: Weak<Core<K, V, S>> = Arc::downgrade(&core);
        let subject: Weak<dyn Observe> = subject;
        // Both are ours alone so far, so they are empty.
        let _ = core.registration.set(registry.enroll(id, "cache", &name, None, subject));
        let _ = core.name.set(name.clone());
        Self { core, tasks: Arc::new(TaskGroup::unobserved(name, CancellationToken::new())) }
    }
}

impl<K, V, S> Cache<K, V, S> {
    /// The cache's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.core.name.get().map_or("", |name| name)
    }

    /// What it has done and what it holds.
    ///
    /// # Complexity
    /// One lock for each shard, held for a moment.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.core.stats()
    }

    /// How many entries there are, those included that are too old and not yet taken out.
    #[must_use]
    #[doc(alias = "entry_count")]
    pub fn len(&self) -> usize {
        self.core.shards().iter().map(|shard| shard.lock().len()).sum()
    }

    /// Tells whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that is there at one moment: a consistent cut.
    ///
    /// Whoever writes two entries, one after the other, is never seen to have written only the second. Entries that are too
    /// old are left out. It keeps what it shows: what is replaced later stays in memory as long as the snapshot does.
    ///
    /// # Complexity
    /// One pointer is copied for each four entries while all writers wait, about 15 ns each: 4 ms for a million entries.
    /// Readers don't wait.
    #[must_use]
    pub fn snapshot(&self) -> CacheSnapshot<K, V, S> {
        CacheSnapshot::take(self.core.clone())
    }

    /// A handle for one task, the fastest way to read over and over: a read takes no lock and writes no memory that others
    /// use.
    #[must_use]
    pub fn reader(&self) -> CacheReader<K, V, S> {
        CacheReader::new(self.core.clone())
    }

    /// Another handle, which does not keep the cache: for listeners and for tasks that look after it.
    #[must_use]
    pub fn downgrade(&self) -> WeakCache<K, V, S> {
        WeakCache { core: Arc::downgrade(&self.core), tasks: Arc::downgrade(&self.tasks) }
    }

    /// Takes out whatever is too old, now; tells how many there were.
    ///
    /// There is no task that does so: entries that are too old are not given to anybody, but stay in memory until others are
    /// written to their shard, or this is called.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    #[doc(alias = "run_pending_tasks")]
    pub fn remove_expired(&self) -> usize {
        self.core.remove_expired()
    }

    /// Takes out every entry that `predicate` holds for; tells how many.
    ///
    /// What is put in meanwhile by others stays. No load that has begun puts its value in any more, because nobody can say
    /// what it will be: those who wait for it get it. Errors that were kept are forgotten. `|_, _| true` takes out everything.
    ///
    /// # Cancel safety
    /// Dropped before its end, it has taken out some.
    ///
    /// # Panics
    /// A panic of `predicate` arrives here; it has taken out some.
    ///
    /// # Complexity
    /// Linear; it gives way to other tasks after each thousand entries or so.
    #[doc(alias = "invalidate_all")]
    #[doc(alias = "clear")]
    #[doc(alias = "retain")]
    pub async fn invalidate_if(&self, mut predicate: impl FnMut(&K, &V) -> bool) -> usize {
        let (mut count, mut seen) = (0, 0_usize);
        for shard in self.core.shards() {
            // What has begun to fly may have read what is about to be invalid. What begins later has not.
            let flights = shard.lock().seats.clear();
            flights.into_iter().for_each(drop_quietly);
            // A segment may be split meanwhile: what moves, moves to one that is yet to come. At the end the lock tells whether
            // one is just being split.
            let mut segment = 0;
            while segment < shard.directory.len() || segment < shard.len_settled() {
                count += self.core.invalidate_in(shard, segment, &mut predicate);
                segment += 1;
                seen += 1;
                if seen.is_multiple_of(256) {
                    yield_now().await;
                }
            }
        }
        count
    }

    /// Takes nothing more in and begins no load; what is being loaded is still put in. At once, any number of times; what is
    /// there can still be read.
    pub fn close(&self) {
        self.core.close();
        self.tasks.close();
    }

    /// Tells whether it takes nothing more in.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Closes the cache, waits for the loads that run until `deadline` from now, aborts the rest, and reports on all loads that
    /// ever ran.
    ///
    /// Those who wait for a load that is aborted get [`LoadError::Closed`](super::LoadError::Closed). What is there can be
    /// read until the last handle is gone.
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the cache closed, but aborts nothing; it may be called again.
    ///
    /// # Panics
    /// On a runtime without timers, if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.close();
        self.tasks.shutdown(deadline).await
    }

    /// Closes the cache and stops every load at its next await; those who wait for one get
    /// [`LoadError::Closed`](super::LoadError::Closed). Does not wait.
    pub fn abort(&self) {
        self.close();
        self.tasks.abort();
    }

    /// [Aborts](Self::abort) and waits until every load is gone.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again; the loads are aborted either way.
    pub async fn aborted(&self) -> ShutdownReport {
        self.close();
        self.tasks.aborted().await
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// The value of a key, if there is one that is not too old.
    ///
    /// # Complexity
    /// Constant, and no lock. The value is cloned: use an [`Arc`] for large ones, or [`reader`](Self::reader).
    #[inline]
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        let hash = self.core.hash(key);
        let table = self.core.shard(hash).directory.load(hash);
        match table.as_deref().and_then(|table| table.find(hash, key)) {
            Some(entry) if self.core.reads_as(entry, Age::Fresh) => {
                self.core.reads.hit();
                Some(entry.value.clone())
            }
            _ => {
                self.core.reads.miss();
                None
            }
        }
    }

    /// Tells whether there is a value that is not too old. It is not counted as a read, and keeps nothing alive for longer.
    #[must_use]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.core.hash(key);
        let table = self.core.shard(hash).directory.load(hash);
        let found = table.as_deref().and_then(|table| table.find(hash, key));
        found.is_some_and(|entry| self.core.rules.age(entry, self.core.now()) == Age::Fresh)
    }

    /// Puts a value in, in the place of what was there. A load of its key that runs just now ends elsewhere: those who wait
    /// for it get what it brings, and the cache keeps this value.
    ///
    /// When it returns, nobody who begins to read gets an older value. A closed cache takes nothing in, and counts what it
    /// [refused](CacheStats::refused).
    ///
    /// # Panics
    /// If the weigher or the expiry panics, or the key when it is hashed or compared; nothing is changed then.
    pub fn insert(&self, key: K, value: V) {
        // A hash may panic.
        let (key, value) = (Kept::new(key), Kept::new(value));
        let hash = self.core.hash(key.get());
        self.core.insert(self.core.rules.entry(hash, key.into_inner(), value.into_inner(), self.core.now()));
    }

    /// Takes a key's value out, and gives it if it was not too old. A load of the key that runs just now ends elsewhere.
    ///
    /// When it returns, nobody who begins to read gets the value, and nobody who begins to load gets one that was asked for
    /// before.
    #[doc(alias = "remove")]
    pub fn invalidate<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        let entry = Kept::new(self.core.invalidate(self.core.hash(key), key));
        entry.get().as_ref().map(|entry| entry.value.clone())
    }
}

/// A handle of a [`Cache`] that does not keep it; made by [`Cache::downgrade`].
pub struct WeakCache<K, V, S = RandomState> {
    core: Weak<Core<K, V, S>>,
    tasks: Weak<TaskGroup>,
}

impl<K, V, S> WeakCache<K, V, S> {
    /// The cache, if there is another handle of it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Cache<K, V, S>> {
        // The tasks first: they belong to the handles alone.
        let tasks = self.tasks.upgrade()?;
        Some(Cache { core: self.core.upgrade()?, tasks })
    }
}

impl<K, V, S> Clone for WeakCache<K, V, S> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), tasks: self.tasks.clone() }
    }
}

impl<K, V, S> fmt::Debug for WeakCache<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakCache").finish_non_exhaustive()
    }
}

impl<K, V, S> Clone for Cache<K, V, S> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), tasks: self.tasks.clone() }
    }
}

impl<K, V, S> fmt::Debug for Cache<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("name", &self.name()).field("len", &self.len()).finish_non_exhaustive()
    }
}
