//! A value that is read without locks and replaced as a whole.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::builder::RcuBuilder;
use super::core::Core;
use super::reader::RcuReader;
use super::snapshot::{Guard, Snapshot};
use super::turns;
use super::version::drop_in_place;
use super::wait::{ChangedFuture, SynchronizeFuture};

/// A value that any number of tasks read without locks, while others replace it as a whole: read, copy, update.
///
/// For what is read much more often than it is changed, such as configuration, routes or a list of peers. Clones are
/// handles to the same cell. For a table whose entries change one by one use [`RcuMap`](super::RcuMap); for one value that
/// is changed as often as it is read, [`std::sync::Mutex`].
///
/// | to read | cost | keep it |
/// |---|---|---|
/// | [`load`](Self::load) | a few nanoseconds, no lock | for a moment |
/// | [`snapshot`](Self::snapshot) | and a reference count | as long as you like, across awaits |
/// | [`reader`](Self::reader) | a comparison, while nothing changes | one for each task |
///
/// # Examples
/// ```
/// use regatta::sync::Rcu;
///
/// let peers = Rcu::new(vec!["a"]);
/// let before = peers.snapshot();
/// let version = peers.update(|peers| peers.iter().copied().chain(["b"]).collect());
/// assert_eq!((version, peers.load().len(), before.len()), (1, 2, 1)); // a snapshot never changes
///
/// let refused = peers.try_update(|peers| if peers.len() > 1 { Err("enough") } else { Ok(Vec::new()) });
/// assert_eq!((refused, peers.version()), (Err("enough"), 1));
/// ```
#[doc(alias = "read-copy-update")]
#[doc(alias = "arc-swap")]
#[doc(alias = "watch")]
pub struct Rcu<T> {
    core: Arc<Core<T>>,
}

impl<T> Rcu<T> {
    /// Creates a cell; its value is version 0.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::builder(value).build()
    }

    /// Begins a cell with a name, or with a [`Reclaimer`](super::Reclaimer) for its old values.
    pub fn builder(value: T) -> RcuBuilder<T> {
        RcuBuilder::new(value)
    }

    pub(super) fn from_core(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    pub(super) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// The current value, for a moment: no lock, and mostly not even a reference count.
    ///
    /// The guard stays on its thread, so that it cannot be held across an await in a task that moves; take a
    /// [`snapshot`](Self::snapshot) for that. A thread should hold no more than a few at once: from the ninth on each
    /// costs a reference count.
    #[inline]
    pub fn load(&self) -> Guard<'_, T> {
        Guard::new(self.core.load())
    }

    /// The current value, to keep.
    #[inline]
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<T> {
        Snapshot::new(self.core.load_full())
    }

    /// A reader that remembers what it has read: the fastest way to read over and over.
    #[must_use]
    pub fn reader(&self) -> RcuReader<T> {
        RcuReader::new(&self.core)
    }

    /// The number of the current version: 0 for the first, one more for each publication.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.core.number()
    }

    /// Publishes a value, whatever was there. Gives its version.
    ///
    /// # Ordering
    /// Whoever loads after this has returned finds this value or a later one.
    ///
    /// # Panics
    /// Inside an async change of the same cell, as [`update`](Self::update).
    #[track_caller]
    pub fn store(&self, value: T) -> u64 {
        self.refuse_inside("Rcu::store");
        self.core.store(value)
    }

    /// Publishes a value and gives the one that was there.
    ///
    /// # Panics
    /// Inside an async change of the same cell, as [`update`](Self::update).
    #[track_caller]
    pub fn swap(&self, value: T) -> Snapshot<T> {
        self.refuse_inside("Rcu::swap");
        Snapshot::new(self.core.swap(value))
    }

    /// Publishes what `change` makes of the current value. Gives the new version; the value that was replaced is what
    /// [`swap`](Self::swap) gives, and [`RcuMap::update`](super::RcuMap::update) for a key.
    ///
    /// `change` runs without any lock; when another writer was first, it runs again on the newer value, so it should do
    /// nothing but compute. It may use the cell. No update is lost.
    ///
    /// # Panics
    /// A panic of `change` arrives here, with nothing published and nothing locked. Inside an async change of the same
    /// cell ([`update_async`](Self::update_async)), which it would overtake, and make run again, for ever.
    ///
    /// # Fairness
    /// Some writer always gets on, but a `change` that takes long may be overtaken again and again by short ones.
    /// Writers that take long should use [`update_async`](Self::update_async), among which the first comes first.
    ///
    /// # Complexity
    /// `change`, an allocation, and one short lock that only writers take. The old value is dropped here, unless a
    /// reader has it.
    #[track_caller]
    pub fn update(&self, mut change: impl FnMut(&T) -> T) -> u64 {
        self.refuse_inside("Rcu::update");
        match self.core.try_update(|value| Ok::<_, Infallible>((Some(change(value)), ()))) {
            Ok((version, ())) => version,
            Err(never) => match never {},
        }
    }

    /// The same for a `change` that may decide against it.
    ///
    /// # Errors
    /// The first error of `change`; nothing is published.
    ///
    /// # Panics
    /// As [`update`](Self::update).
    #[track_caller]
    pub fn try_update<E>(&self, mut change: impl FnMut(&T) -> Result<T, E>) -> Result<u64, E> {
        self.refuse_inside("Rcu::try_update");
        let (version, ()) = self.core.try_update(|value| Ok((Some(change(value)?), ())))?;
        Ok(version)
    }

    /// Publishes what an async `change` makes of the current value. Gives the new version.
    ///
    /// Async updates take turns, in the order in which they were first polled, so among themselves each `change` runs
    /// once. When a sync writer ([`update`](Self::update), [`store`](Self::store)) publishes in the middle, `change` runs
    /// again on the newer value: waiting for it would block its thread, and overwriting it would lose its update.
    ///
    /// `change` may read the cell and publish to others; it must not publish to its own, nor wait for a task that does.
    /// Where changes of two cells publish to each other by `update_async`, they have to do so in one order, as with locks.
    ///
    /// # Cancel safety
    /// Dropped before its end it has no effect, and the turn passes to the next.
    ///
    /// # Panics
    /// A panic of `change` arrives at whoever polls, with nothing published; the turn passes on. Inside an async change of
    /// the same cell, when it is polled: it would wait for itself.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::Rcu;
    ///
    /// # async fn fetch(_: u64) -> u64 { 7 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let total = Rcu::new(1);
    /// let version = total.update_async(|total| async move { *total + fetch(*total).await }).await;
    /// assert_eq!((version, *total.load()), (1, 8));
    /// # }
    /// ```
    pub async fn update_async<F, R>(&self, mut change: F) -> u64
    where
        F: FnMut(Snapshot<T>) -> R,
        R: Future<Output = T>,
    {
        let updated = self.take_turn("Rcu::update_async", |value| {
            let change = change(value);
            async { Ok::<T, Infallible>(change.await) }
        });
        match updated.await {
            Ok(version) => version,
            Err(never) => match never {},
        }
    }

    /// The same for a `change` that may decide against it.
    ///
    /// # Errors
    /// The first error of `change`; nothing is published.
    ///
    /// # Cancel safety
    /// Dropped before its end it has no effect, and the turn passes to the next.
    ///
    /// # Panics
    /// As [`update_async`](Self::update_async).
    pub async fn try_update_async<F, R, E>(&self, change: F) -> Result<u64, E>
    where
        F: FnMut(Snapshot<T>) -> R,
        R: Future<Output = Result<T, E>>,
    {
        self.take_turn("Rcu::try_update_async", change).await
    }

    async fn take_turn<F, R, E>(&self, what: &str, mut change: F) -> Result<u64, E>
    where
        F: FnMut(Snapshot<T>) -> R,
        R: Future<Output = Result<T, E>>,
    {
        self.refuse_inside(what);
        let _turn = self.core.turn.lock().await;
        loop {
            let base = self.snapshot();
            let version = base.version();
            let change = turns::inside(self.address(), || change(base));
            let next = turns::inside_future(self.address(), change).await?;
            match self.core.try_publish(version, next) {
                Ok(version) => return Ok(version),
                Err(refused) => drop_in_place(refused),
            }
        }
    }

    /// Refuses what would never end.
    #[track_caller]
    fn refuse_inside(&self, what: &str) {
        if turns::is_inside(self.address()) {
            let name = self.core.books.name();
            panic!(
                "{what} of `{name}` inside an async change of the same cell would never end; give the value as the result of the change"
            );
        }
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    /// Waits for the next publication after this call. Gives it, or a later one.
    ///
    /// In a loop a publication between two calls would be missed: use [`RcuReader::changed`] there, or
    /// [`changed_since`](Self::changed_since).
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future, but a later call waits for a later publication.
    pub fn changed(&self) -> ChangedFuture<'_, T> {
        self.changed_since(self.version())
    }

    /// Waits for a version with a number above `version`, which is one of this cell: each counts its own. Gives it, or a
    /// later one.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::Rcu;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let config = Rcu::new("old");
    /// let seen = config.version();
    /// config.store("new"); // before anybody waits
    /// assert_eq!(*config.changed_since(seen).await, "new");
    /// # }
    /// ```
    pub fn changed_since(&self, version: u64) -> ChangedFuture<'_, T> {
        ChangedFuture::new(&self.core, version)
    }

    /// Waits until nobody reads a version that is older than the current one: the grace period.
    ///
    /// After a publication this tells when what the old value refers to can be taken away: every snapshot, guard and
    /// [`reader`](Self::reader) of older versions is gone, the caller's own included, so one that is kept across this
    /// await waits for ever. What is loaded later does not delay it.
    ///
    /// The old values are dropped by then, also those that nobody read; with a [`Reclaimer`](super::Reclaimer) they have
    /// been handed over, and it may still be dropping them.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::Rcu;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let peers = Rcu::new(vec!["a", "b"]);
    /// let reading = peers.snapshot();
    /// peers.store(vec!["a"]);
    /// let quiet = peers.synchronize();
    /// drop(reading);
    /// quiet.await; // nobody uses `b` any more
    /// # }
    /// ```
    pub fn synchronize(&self) -> SynchronizeFuture<'_> {
        SynchronizeFuture::new(&self.core.books)
    }
}

impl<T> Clone for Rcu<T> {
    fn clone(&self) -> Self {
        self.core.books.add_writer();
        Self { core: self.core.clone() }
    }
}

impl<T> Drop for Rcu<T> {
    fn drop(&mut self) {
        self.core.books.remove_writer();
    }
}

impl<T: fmt::Debug> fmt::Debug for Rcu<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.load();
        f.debug_struct("Rcu").field("version", &current.version()).field("value", &*current).finish()
    }
}
