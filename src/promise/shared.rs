//! Several writers, of whom the first one wins.

use std::fmt;
use std::sync::Arc;

use super::abandoned::AbandonedFuture;
use super::error::PromiseError;
use super::writer::Promise;

/// One of several who may settle a promise; made by [`Promise::into_shared`].
///
/// The first one wins, and each other gets back what it wanted to settle the promise with. When the last clone is
/// dropped and none has settled it, the promise is [broken](PromiseError::Broken).
///
/// # Examples
/// ```
/// use regatta::promise::promise;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (writer, future) = promise::<&str, ()>();
/// let cache = writer.into_shared();
/// let network = cache.clone();
/// assert_eq!(cache.try_resolve("from the cache"), Ok(()));
/// assert_eq!(network.try_resolve("from the network"), Err("from the network"));
/// assert_eq!(future.await, Ok("from the cache"));
/// # }
/// ```
#[must_use = "dropping the last writer breaks the promise"]
pub struct SharedPromise<T, E> {
    writer: Arc<Promise<T, E>>,
}

impl<T, E> SharedPromise<T, E> {
    pub(super) fn new(writer: Promise<T, E>) -> Self {
        Self { writer: Arc::new(writer) }
    }

    /// Settles the promise with a value, if nobody has settled it.
    ///
    /// # Errors
    /// The value, when the promise is settled already.
    pub fn try_resolve(&self, value: T) -> Result<(), T> {
        match self.writer.cell.settle(Ok(value)) {
            Ok(()) | Err(Err(_)) => Ok(()),
            Err(Ok(value)) => Err(value),
        }
    }

    /// Settles the promise with an error, if nobody has settled it.
    ///
    /// # Errors
    /// The error, when the promise is settled already.
    pub fn try_reject(&self, error: E) -> Result<(), E> {
        match self.writer.cell.settle(Err(PromiseError::Rejected(error))) {
            Err(Err(PromiseError::Rejected(error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// Settles the promise with a value or an error, if nobody has settled it.
    ///
    /// # Errors
    /// The result, when the promise is settled already.
    pub fn try_settle(&self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        match result {
            Ok(value) => self.try_resolve(value).map_err(Ok),
            Err(error) => self.try_reject(error).map_err(Err),
        }
    }

    /// Tells whether somebody has settled the promise.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.writer.cell.outcome().is_some()
    }

    /// Tells whether nobody waits any more, as [`Promise::is_abandoned`].
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.writer.is_abandoned()
    }

    /// Waits until nobody waits for the value any more, as [`Promise::abandoned`]. Also after the promise is settled:
    /// then it is ready when the last one has taken its value, or has gone.
    ///
    /// # Cancel safety
    /// As [`Promise::abandoned`].
    pub fn abandoned(&self) -> AbandonedFuture<'_, T, E> {
        self.writer.abandoned()
    }
}

impl<T, E> Clone for SharedPromise<T, E> {
    fn clone(&self) -> Self {
        Self { writer: self.writer.clone() }
    }
}

impl<T, E> fmt::Debug for SharedPromise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is_settled, is_abandoned) = (self.is_settled(), self.is_abandoned());
        f.debug_struct("SharedPromise")
            .field("is_settled", &is_settled)
            .field("is_abandoned", &is_abandoned)
            .finish_non_exhaustive()
    }
}
