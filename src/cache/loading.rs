//! Reading what may have to be loaded first: one load for each key, in a task that belongs to the cache.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::clock::{Moment, NEVER};
use super::entry::Entry;
use super::error::{LoadError, LoadFailure};
use super::flight::{Flight, Guest};
use super::handle::Cache;
use super::leader::Leader;
use super::rules::Age;
use super::shard::{Compared, Located};
use crate::error::{BoxError, Closed, Elapsed, Kept, Panicked, catch, log_quietly};
use crate::sync::{Reentrant, circles};
use crate::task::{Caught, runtime};

/// What somebody finds who wants a value that was not there.
enum Boarding<K, V> {
    Found(Arc<Entry<K, V>>),
    Waits(Guest<K, V>),
    /// The flight that there is was given up by the last who waited for it.
    Missed(Arc<Flight<K, V>>),
    Closed,
    /// There is no runtime to load on.
    Stranded,
    Leads(Guest<K, V>),
}

/// Whoever has it, and nobody else, is to load an entry again. Dropped, somebody else is, a little later.
struct Claim<'a, K, V> {
    entry: &'a Entry<K, V>,
    now: Moment,
}

impl<'a, K, V> Claim<'a, K, V> {
    fn new(entry: &'a Entry<K, V>, now: Moment) -> Option<Self> {
        entry.claim_refresh(now).then_some(Self { entry, now })
    }

    /// From here on it is the leader's.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl<K, V> Drop for Claim<'_, K, V> {
    fn drop(&mut self) {
        self.entry.refresh_later(self.now);
    }
}

/// An entry that the caller is to load again.
type Aging<K, V> = Arc<Entry<K, V>>;

impl<K, V, S> Cache<K, V, S>
where
    K: Clone + Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// The value of a key; if there is none, the first caller's loader brings it.
    ///
    /// `load` itself runs here, and may borrow; the future that it gives runs in a task of its own, which the cache owns. What
    /// happens to callers does not matter to it:
    ///
    /// | what happens | what becomes of it |
    /// |---|---|
    /// | the first caller leaves, or is not polled any more | the load goes on, the others get the value |
    /// | all callers leave | the same, or it is aborted: see [`CacheBuilder::abandoned`](super::CacheBuilder::abandoned) |
    /// | it panics | all who waited get the same error, and the next call loads anew, unless errors are kept |
    /// | the key is [invalidated](Self::invalidate) meanwhile | those who waited get the value, the cache does not; who comes later loads anew |
    /// | a value is [put in](Self::insert) meanwhile | those who waited get what was loaded, the cache keeps what was put in |
    /// | its runtime goes away, or the cache is aborted | all who waited get [`LoadError::Closed`] |
    /// | it asks for its own key, or for one whose loader waits for it, in its own task | it gets an error instead of a hang |
    /// | it never ends | nor does anybody's wait: limit it by [`CacheBuilder::load_timeout`](super::CacheBuilder::load_timeout) |
    ///
    /// The key is borrowed as for [`get`](Self::get), and made owned by [`ToOwned`] when it is loaded: `&str` for `String`, else a
    /// reference to the key itself. Different keys are loaded at the same time, however many; where the source cannot bear that,
    /// take a permit of a semaphore in the loader.
    ///
    /// # Errors
    /// - [`LoadError::Panicked`]: the loader panicked.
    /// - [`LoadError::Elapsed`]: it took longer than it may.
    /// - [`LoadError::Closed`]: the cache is closed and has no value, or the load was stopped.
    /// - [`LoadError::Reentrant`]: a loader waits for itself.
    /// - [`LoadError::Failed`]: another caller's loader, of [`try_get_or_load`](Self::try_get_or_load), failed.
    ///
    /// # Cancel safety
    /// Nothing is lost: the load goes on, unless the cache is told otherwise, and the next call finds its value or waits for
    /// it.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is something to load.
    ///
    /// # Examples
    /// ```
    /// use regatta::cache::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::cache::LoadError> {
    /// # #[derive(Clone)] struct Db;
    /// # impl Db { async fn count(&self, word: String) -> usize { word.len() } }
    /// # let db = Db;
    /// let counts: Cache<String, usize> = Cache::new(100);
    /// // The future outlives this call, so it takes what it needs along.
    /// let load = |word| {
    ///     let db = db.clone();
    ///     async move { db.count(word).await }
    /// };
    /// assert_eq!(counts.get_or_load("regatta", load).await?, 7);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "get_with")]
    pub async fn get_or_load<Q, F, R>(&self, key: &Q, load: F) -> Result<V, LoadError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce(K) -> R,
        R: Future<Output = V> + Send + 'static,
    {
        let load = |key| {
            let load = load(key);
            async { Ok::<V, Infallible>(load.await) }
        };
        self.look_or_load("Cache::get_or_load", key, load).await
    }

    /// The value of a key; if there is none, the first caller's loader brings it, or fails.
    ///
    /// # Errors
    /// As [`get_or_load`](Self::get_or_load), and [`LoadError::Failed`] with the error of the loader. All who wait for the
    /// same load get one shared error; it is not kept, unless the cache has a
    /// [`negative_time_to_live`](super::CacheBuilder::negative_time_to_live).
    ///
    /// # Cancel safety
    /// As [`get_or_load`](Self::get_or_load).
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is something to load.
    ///
    /// # Examples
    /// ```
    /// use regatta::cache::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let ports: Cache<String, u16> = Cache::new(100);
    /// let error = ports.try_get_or_load("8O80", |text| async move { text.parse() }).await.unwrap_err();
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// assert_eq!(ports.try_get_or_load("8O80", |text| async move { text.replace('O', "0").parse() }).await.ok(), Some(8080));
    /// # }
    /// ```
    #[doc(alias = "try_get_with")]
    pub async fn try_get_or_load<Q, F, R, E>(&self, key: &Q, load: F) -> Result<V, LoadError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce(K) -> R,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.look_or_load("Cache::try_get_or_load", key, load).await
    }

    async fn look_or_load<Q, F, R, E>(&self, what: &str, key: &Q, load: F) -> Result<V, LoadError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce(K) -> R,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let hash = self.core.hash(key);
        if let Some((value, aging)) = self.look(hash, key) {
            // Much of the user's runs beside them, and may panic.
            let (value, aging) = (Kept::new(value), Kept::new(aging));
            if let Some(aging) = aging.get() {
                self.refresh(aging, key, load);
            }
            return Ok(value.into_inner());
        }
        self.core.reads.miss();
        let guest = match self.join(what, hash, key, load) {
            ControlFlow::Break(found) => return found,
            ControlFlow::Continue(guest) => guest,
        };
        // Until the end: others see whom this code waits for.
        let _wait = circles::wait_for(guest.flight().id).map_err(|circles::Circle| self.reentrant())?;
        let outcome = Kept::new(guest.await);
        match &**outcome.get() {
            Ok(entry) => Ok(entry.value.clone()),
            Err(error) => Err(error.clone()),
        }
    }

    /// A value that is there, and whether the caller is to load it again.
    fn look<Q>(&self, hash: u64, key: &Q) -> Option<(V, Option<Aging<K, V>>)>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let table = self.core.shard(hash).directory.load(hash);
        let entry = table.as_deref()?.find(hash, key)?;
        if !self.core.reads_as(entry, Age::Stale) {
            return None;
        }
        self.core.reads.hit();
        let is_aging = entry.expires != NEVER && entry.wants_refresh(self.core.now());
        Some((entry.value.clone(), is_aging.then(|| entry.clone())))
    }

    /// Waits for the load of a key, which it begins if need be; or what it found instead.
    fn join<Q, F, R, E>(
        &self,
        what: &str,
        hash: u64,
        key: &Q,
        load: F,
    ) -> ControlFlow<Result<V, LoadError>, Guest<K, V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce(K) -> R,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let new = Arc::new(self.flight(hash, key.to_owned()));
        loop {
            match self.board(hash, key, &new) {
                Boarding::Found(entry) => return ControlFlow::Break(Ok(Kept::new(entry).get().value.clone())),
                Boarding::Waits(guest) => return ControlFlow::Continue(guest),
                // Given up, but not yet gone.
                Boarding::Missed(flight) => self.core.detach(&flight),
                Boarding::Closed => return ControlFlow::Break(Err(LoadError::Closed(self.closed()))),
                Boarding::Stranded => drop(runtime(what)),
                Boarding::Leads(guest) => {
                    self.start(&new, None, load);
                    return ControlFlow::Continue(guest);
                }
            }
        }
    }

    /// Looks once what there is of a key, and takes the seat for a new flight if there is nothing.
    fn board<Q>(&self, hash: u64, key: &Q, new: &Arc<Flight<K, V>>) -> Boarding<K, V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        // Dropped last, without the lock, whatever destructors do.
        let mut compared = Compared::new();
        let now = self.core.now();
        let Located { mut pages, entry, flight } = self.core.shard(hash).locate(hash, key, &mut compared);
        // Somebody may have been quicker.
        if let Some(entry) = entry.filter(|entry| self.core.rules.age(entry, now) != Age::Dead) {
            return Boarding::Found(entry);
        }
        if let Some((flight, until)) = flight {
            if until > now {
                let Some(guest) = flight.enter() else { return Boarding::Missed(flight) };
                let has_failed = until != NEVER;
                pages.counts.negative_hits += u64::from(has_failed);
                pages.counts.coalesced += u64::from(!has_failed);
                return Boarding::Waits(guest);
            }
            compared.keep(pages.seats.leave(&flight));
        }
        compared.keep(pages.seats.tidy(now).into_iter().flatten());
        if pages.is_closed {
            return Boarding::Closed;
        }
        if Handle::try_current().is_err() {
            return Boarding::Stranded;
        }
        let Some(guest) = new.enter() else { unreachable!("nobody has given it up yet") };
        pages.seats.take(new.clone());
        pages.counts.loads += 1;
        Boarding::Leads(guest)
    }

    /// Loads again what can still be had. Nobody waits for it.
    fn refresh<Q, F, R, E>(&self, aging: &Aging<K, V>, key: &Q, load: F)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce(K) -> R,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let hash = aging.hash;
        let new = Arc::new(self.flight(hash, key.to_owned()));
        let (has_runtime, mut compared) = (Handle::try_current().is_ok(), Compared::new());
        let now = self.core.now();
        let Some(claim) = Claim::new(aging, now) else { return };
        let is_begun = {
            let Located { mut pages, entry, flight } = self.core.shard(hash).locate(hash, key, &mut compared);
            let is_same = entry.is_some_and(|entry| Arc::ptr_eq(&entry, aging));
            let is_loading = flight.as_ref().is_some_and(|(_, until)| *until > now);
            let can_begin = is_same && !is_loading && !pages.is_closed && has_runtime;
            if can_begin {
                compared.keep(flight.and_then(|(failed, _)| pages.seats.leave(&failed)));
                pages.seats.take(new.clone());
                pages.counts.loads += 1;
                pages.counts.refreshes += 1;
            }
            can_begin
        };
        if is_begun {
            claim.keep();
            self.start(&new, Some(aging), load);
        }
    }

    fn flight(&self, hash: u64, key: K) -> Flight<K, V> {
        Flight::new(circles::next_id(), hash, key, self.core.rules.abandoned)
    }

    /// Spawns the loader.
    fn start<F, R, E>(&self, flight: &Arc<Flight<K, V>>, stale: Option<&Aging<K, V>>, load: F)
    where
        F: FnOnce(K) -> R,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let (id, place, limit) = (flight.id, self.core.rules.loader.clone(), self.core.rules.load_timeout);
        let leader = Leader::new(self.core.clone(), flight.clone(), stale.map(Arc::downgrade));
        let loading = match catch(&place, || circles::inside(id, || load(flight.key.get().clone()))) {
            Ok(loading) => loading,
            Err(panicked) => {
                leader.land(Err(LoadError::Panicked(panicked.clone())));
                return log_quietly(|| tracing::error!(target: "regatta::cache", %panicked, "a load did not begin"));
            }
        };
        let (failed, late) = (self.core.rules.place.clone(), place.clone());
        let loading = async move {
            let loaded = match limit {
                None => loading.await,
                Some(limit) => match timeout(limit, loading).await {
                    Ok(loaded) => loaded,
                    Err(_) => return Err(LoadError::Elapsed(Elapsed::new(late, limit))),
                },
            };
            loaded.map_err(|error| LoadError::Failed(LoadFailure::new(failed, error.into())))
        };
        let loading = circles::inside_future(id, Caught::new(place, loading));
        let spawned = self.tasks.spawn("load", async move {
            let (loaded, panicked) = match loading.await {
                Ok(loaded) => (loaded, None),
                Err(panicked) => (Err(LoadError::Panicked(panicked.clone())), Some(panicked)),
            };
            leader.land(loaded);
            // So that it is logged and reported as every panic of a task.
            if let Some(Panicked { message, .. }) = panicked {
                resume_unwind(Box::new(message.to_string()));
            }
        });
        // In a group that is closed the leader is gone already, and has said so.
        if let Ok(task) = spawned {
            flight.own(task.abort_handle());
        }
    }

    fn reentrant(&self) -> LoadError {
        LoadError::Reentrant(Reentrant { place: self.core.rules.place.clone() })
    }

    fn closed(&self) -> Closed {
        Closed::new(self.core.rules.place.clone()).because("it takes nothing more in")
    }
}
