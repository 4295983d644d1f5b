//! A reader that remembers what it has read.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::books::Line;
use super::cell::{Cell, Current};
use super::core::{Core, Home};
use super::snapshot::Snapshot;
use crate::error::Closed;
use crate::task::Ticket;

/// The fastest way to read a [`Rcu`](super::Rcu) over and over: one relaxed load and a comparison while nothing changes.
///
/// Each task or thread has its own. It keeps the version that it has read last, so one that is not used for long keeps
/// an old version in memory and holds up [`synchronize`](super::Rcu::synchronize), its own task's too: call
/// [`get`](Self::get) or drop it first.
///
/// # Examples
/// ```
/// use regatta::sync::Rcu;
///
/// let limit = Rcu::new(10);
/// let mut reader = limit.reader();
/// assert_eq!(*reader.get(), 10);
/// limit.store(20);
/// assert_eq!(*reader.get(), 20);
/// ```
pub struct RcuReader<T> {
    core: Arc<Core<T>>,
    memory: <Current<T> as Cell<T>>::Memory<Home<T>>,
    /// The version that was read last.
    seen: u64,
}

/// Waits until there is a version that the reader has not read; made by [`RcuReader::changed`].
///
/// # Cancel safety
/// Nothing is lost by dropping it: the reader has not read the new version.
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct ReaderChangedFuture<'a, T> {
    reader: &'a mut RcuReader<T>,
    ticket: Option<Ticket>,
}

impl<T> RcuReader<T> {
    pub(super) fn new(core: &Arc<Core<T>>) -> Self {
        let mut memory = Current::remember(Home(core.clone()));
        let seen = <Current<T> as Cell<T>>::refresh(&mut memory).number;
        Self { core: core.clone(), memory, seen }
    }

    /// The current value.
    ///
    /// # Ordering
    /// Who has learned of a publication, by any means, finds it or a later one.
    #[inline]
    pub fn get(&mut self) -> &T {
        let version = <Current<T> as Cell<T>>::refresh(&mut self.memory);
        self.seen = version.number;
        version
    }

    /// The current value with its version, to keep.
    pub fn snapshot(&mut self) -> Snapshot<T> {
        let version = <Current<T> as Cell<T>>::refresh(&mut self.memory);
        self.seen = version.number;
        Snapshot::new(version.clone())
    }

    /// The number of the version that was read last.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.seen
    }

    /// Waits until there is a version that this reader has not read; [`get`](Self::get) then gives it, or a later one.
    ///
    /// Versions that come faster than they are read are skipped.
    ///
    /// # Errors
    /// [`Closed`] when the last [`Rcu`](super::Rcu) is gone and everything is read: nothing will ever come.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::Rcu;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = Rcu::new(10);
    /// let mut reader = limit.reader();
    /// limit.store(20);
    /// reader.changed().await?;
    /// assert_eq!(*reader.get(), 20);
    /// drop(limit);
    /// assert!(reader.changed().await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn changed(&mut self) -> ReaderChangedFuture<'_, T> {
        ReaderChangedFuture { reader: self, ticket: None }
    }
}

impl<T> Future for ReaderChangedFuture<'_, T> {
    type Output = Result<(), Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let seen = this.reader.seen;
        let is_new = ready!(this.reader.core.books.poll(Line::Watchers, &mut this.ticket, cx, |pages| {
            match (pages.number > seen, pages.writers) {
                (true, _) => Some(true),
                (false, 0) => Some(false),
                _ => None,
            }
        }));
        Poll::Ready(match is_new {
            true => Ok(()),
            false => Err(Closed::new(this.reader.core.books.name())),
        })
    }
}

impl<T> Drop for ReaderChangedFuture<'_, T> {
    fn drop(&mut self) {
        self.reader.core.books.leave(Line::Watchers, &mut self.ticket);
    }
}

impl<T> Clone for RcuReader<T> {
    fn clone(&self) -> Self {
        Self { seen: self.seen, ..Self::new(&self.core) }
    }
}

impl<T> fmt::Debug for RcuReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcuReader").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ReaderChangedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderChangedFuture").field("seen", &self.reader.seen).finish_non_exhaustive()
    }
}
