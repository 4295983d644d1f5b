//! The write side.

use std::fmt;
use std::sync::Arc;

use super::abandoned::AbandonedFuture;
use super::cell::{Cell, Outcome};
use super::error::PromiseError;
use super::future::PromiseFuture;
use super::shared::SharedPromise;

/// Makes a promise: the end that settles it once, and the end that waits, of which there can be many.
///
/// For a value that one part of a program owes to others. To begin computing one now, in a task, use
/// [`PromiseFuture::spawn`]; for one value to one task that is certain to wait, [`tokio::sync::oneshot`] is enough.
///
/// # Examples
/// ```
/// use regatta::promise::{PromiseError, promise};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (writer, future) = promise::<u32, &str>();
/// let other = future.clone();
/// writer.resolve(7);
/// assert_eq!((future.await, other.await), (Ok(7), Ok(7)));
///
/// let (writer, future) = promise::<u32, &str>();
/// writer.reject("no luck");
/// assert_eq!(future.await, Err(PromiseError::Rejected("no luck")));
/// # }
/// ```
///
/// # Cancel safety
/// Dropping either end is safe at any time: without its writer the promise is broken, without futures it is abandoned.
///
/// # Complexity
/// One allocation; a second one for the first who has to wait.
#[must_use = "a promise whose writer is dropped is broken"]
pub fn promise<T, E>() -> (Promise<T, E>, PromiseFuture<T, E>) {
    let cell = Arc::new(Cell::new());
    (Promise { cell: cell.clone() }, PromiseFuture::new(cell))
}

/// The one who settles a promise, once: every way to do so takes it.
///
/// Dropping it unsettled breaks the promise: who waits gets [`PromiseError::Broken`].
///
/// Settling wakes those who wait, in the order in which they came, and then runs the [callbacks] on this thread, in the
/// order in which they were given; a callback that takes long delays who settles, not who waits.
///
/// [callbacks]: PromiseFuture::on_settled
#[doc(alias = "Resolver")]
#[doc(alias = "Deferred")]
#[must_use = "dropping the writer breaks the promise"]
pub struct Promise<T, E> {
    pub(super) cell: Arc<Cell<T, E>>,
}

impl<T, E> Promise<T, E> {
    /// Settles the promise with a value.
    ///
    /// If [nobody waits](Self::is_abandoned) the value is dropped, and counted as discarded.
    ///
    /// # Complexity
    /// O(waiters + callbacks); the lock is held for a constant time.
    #[doc(alias = "set_result")]
    #[doc(alias = "fulfill")]
    pub fn resolve(self, value: T) {
        self.settle_outcome(Ok(value));
    }

    /// Settles the promise with an error: who waits gets [`PromiseError::Rejected`].
    #[doc(alias = "set_exception")]
    pub fn reject(self, error: E) {
        self.settle_outcome(Err(PromiseError::Rejected(error)));
    }

    /// Settles the promise with a value or an error.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    /// use std::num::ParseIntError;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (writer, future) = promise::<u32, ParseIntError>();
    /// writer.settle("12".parse());
    /// assert_eq!(future.await, Ok(12));
    /// # }
    /// ```
    #[doc(alias = "complete")]
    pub fn settle(self, result: Result<T, E>) {
        self.settle_outcome(result.map_err(PromiseError::Rejected));
    }

    /// There is one writer, so it is the first.
    pub(super) fn settle_outcome(self, outcome: Outcome<T, E>) {
        drop(self.cell.settle(outcome));
    }

    /// Lets several parts of a program try to settle the promise; the first one wins.
    pub fn into_shared(self) -> SharedPromise<T, E> {
        SharedPromise::new(self)
    }

    /// Tells whether nobody waits any more: every future is gone, and no callback is left.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.cell.is_abandoned()
    }

    /// Waits until nobody waits for the value any more, so that the work for it can be given up.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (writer, future) = promise::<u32, &str>();
    /// let worker = tokio::spawn(async move {
    ///     tokio::select! {
    ///         () = writer.abandoned() => "given up",
    ///         () = std::future::pending() => "never",
    ///     }
    /// });
    /// drop(future);
    /// assert_eq!(worker.await.unwrap(), "given up");
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped; a later one is ready at once if nobody waits.
    #[doc(alias = "closed")]
    pub fn abandoned(&self) -> AbandonedFuture<'_, T, E> {
        AbandonedFuture::new(&self.cell)
    }
}

impl<T, E> Drop for Promise<T, E> {
    fn drop(&mut self) {
        if self.cell.outcome().is_none() {
            // In vain if another thread was quicker; this is its promise no less.
            drop(self.cell.settle(Err(PromiseError::Broken)));
        }
    }
}

impl<T, E> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("is_abandoned", &self.is_abandoned()).finish_non_exhaustive()
    }
}
