//! Why a promise gave no value.

use std::error::Error;
use std::fmt;

use crate::error::{Cancelled, Panicked};

/// A future is polled although it has given its output.
#[track_caller]
pub(super) fn polled_after_end(what: &str) -> ! {
    panic!("{what}: a future is not polled after its end")
}

/// A promise was settled, but not with a value.
///
/// Everybody who waits gets it, so awaiting by value asks for `E: Clone`. Adapters and combinators that add a way to
/// fail to a future of the caller's use it, too.
///
/// # Examples
/// ```
/// use regatta::promise::{PromiseError, promise};
/// use std::num::ParseIntError;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (writer, future) = promise::<u32, ParseIntError>();
/// writer.settle("seven".parse());
/// let error = future.await.unwrap_err();
/// assert_eq!(error.to_string(), "the promise was rejected: invalid digit found in string");
///
/// let (writer, future) = promise::<u32, ParseIntError>();
/// drop(writer);
/// assert_eq!(future.await, Err(PromiseError::Broken));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromiseError<E> {
    /// The work said so: its own error.
    Rejected(E),
    /// The writer was dropped before it had settled the promise.
    Broken,
    /// The code that was to give the value panicked.
    Panicked(Panicked),
    /// The work was stopped before its end: by its owner, by a token, or because its runtime went away.
    Cancelled(Cancelled),
}

impl<E> PromiseError<E> {
    /// The work's own error, if that is what it is.
    #[must_use]
    pub fn rejected(self) -> Option<E> {
        match self {
            Self::Rejected(error) => Some(error),
            _ => None,
        }
    }

    /// The same with another error of the work.
    #[must_use]
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> PromiseError<F> {
        match self {
            Self::Rejected(error) => PromiseError::Rejected(change(error)),
            Self::Broken => PromiseError::Broken,
            Self::Panicked(panicked) => PromiseError::Panicked(panicked),
            Self::Cancelled(cancelled) => PromiseError::Cancelled(cancelled),
        }
    }

    /// Tells whether the work gave an error of its own.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Tells whether the writer was dropped.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken)
    }

    /// Tells whether the work panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the work was stopped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl<E> PromiseError<PromiseError<E>> {
    /// Makes one error of two layers: of a promise that failed because another one did.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::{PromiseError, PromiseFuture, ResultFutureExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let stock = PromiseFuture::<u32, &str>::rejected("sold out");
    /// let caught = stock.catch_panic().await; // adds a layer to the error of the promise
    /// assert_eq!(caught.map_err(PromiseError::flatten), Err(PromiseError::Rejected("sold out")));
    /// # }
    /// ```
    #[must_use]
    pub fn flatten(self) -> PromiseError<E> {
        match self {
            Self::Rejected(error) => error,
            Self::Broken => PromiseError::Broken,
            Self::Panicked(panicked) => PromiseError::Panicked(panicked),
            Self::Cancelled(cancelled) => PromiseError::Cancelled(cancelled),
        }
    }
}

impl<E> From<Panicked> for PromiseError<E> {
    fn from(panicked: Panicked) -> Self {
        Self::Panicked(panicked)
    }
}

impl<E> From<Cancelled> for PromiseError<E> {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

impl<E: fmt::Display> fmt::Display for PromiseError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(error) => write!(f, "the promise was rejected: {error}"),
            Self::Broken => f.write_str("the promise was broken: its writer was dropped before it settled it"),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for PromiseError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(error) => Some(error),
            Self::Broken => None,
            Self::Panicked(panicked) => Some(panicked),
            Self::Cancelled(cancelled) => Some(cancelled),
        }
    }
}
