//! Why a value was not exchanged, or not made.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::error::{BoxError, Cancelled, Panicked};

/// The value was not exchanged, because another one is there than was expected. It is handed back.
///
/// # Examples
/// ```
/// use regatta::sync::CasCell;
///
/// let owner = CasCell::new("nobody");
/// owner.compare_and_swap(&"nobody", "me").expect("it was free");
/// let conflict = owner.compare_and_swap(&"nobody", "you").unwrap_err();
/// assert_eq!(**conflict.current(), "me");
/// assert_eq!(conflict.to_string(), "not exchanged: the value has changed and is at version 1; look at it and try again");
/// assert_eq!(conflict.into_inner(), "you");
/// ```
#[must_use = "dropping the conflict drops the value that was not stored"]
pub struct Conflict<T> {
    value: T,
    current: Snapshot<T>,
}

impl<T> Conflict<T> {
    pub(super) fn new(value: T, current: Snapshot<T>) -> Self {
        Self { value, current }
    }

    /// What was there instead.
    #[must_use]
    pub fn current(&self) -> &Snapshot<T> {
        &self.current
    }

    /// The version that was there instead.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.version()
    }

    /// Gives back the value that was not stored.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for Conflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conflict").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Conflict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version();
        write!(f, "not exchanged: the value has changed and is at version {version}; look at it and try again")
    }
}

impl<T: Send + Sync + 'static> Error for Conflict<T> {}

/// Why a value was not initialised. All who waited for the same attempt get the same one; the next call tries again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum InitError {
    /// The initialiser gave an error. One, shared by all who waited.
    Failed(InitFailure),
    /// The initialiser panicked.
    Panicked(Panicked),
    /// The task of the initialiser was dropped before its end, with its runtime.
    Cancelled(Cancelled),
    /// The initialiser waits for itself, directly or through initialisers of other cells that wait for each other.
    ///
    /// The initialiser gets it, where it asks. One that hands it on by `?` fails with it, so those who wait for that
    /// initialiser get [`Failed`](Self::Failed), around it: [`downcast_ref`](Self::downcast_ref) finds it as an
    /// [`InitError`].
    Reentrant(Reentrant),
}

/// The error that an initialiser gave, behind a shared pointer; made of whatever turns into a [`BoxError`].
#[derive(Debug, Clone)]
pub struct InitFailure {
    place: Arc<str>,
    error: Arc<BoxError>,
}

/// An initialiser that would wait for itself for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reentrant {
    /// The cell whose initialiser asked.
    pub place: Arc<str>,
}

impl InitFailure {
    pub(super) fn new(place: Arc<str>, error: BoxError) -> Self {
        Self { place, error: Arc::new(error) }
    }

    /// The initialiser's own error, if it is of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }

    /// Tells whether both came from one attempt.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.error, &other.error)
    }
}

impl InitError {
    /// The initialiser's own error, if it gave one of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Failed(failure) => failure.downcast_ref(),
            _ => None,
        }
    }

    /// Tells whether the initialiser gave an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Tells whether the initialiser panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the initialiser's task was dropped before its end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Tells whether the initialiser would have waited for itself; not of an initialiser that failed because of that.
    #[must_use]
    pub fn is_reentrant(&self) -> bool {
        matches!(self, Self::Reentrant(_))
    }
}

impl fmt::Display for InitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be initialised: {}", self.place, self.error)
    }
}

impl fmt::Display for Reentrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is being initialised by code that waits for it; break the circle of initialisers", self.place)
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
            Self::Reentrant(reentrant) => reentrant.fmt(f),
        }
    }
}

impl Error for InitFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.error)
    }
}

impl Error for Reentrant {}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => failure.source(),
            // The word is the whole message already, so it is not repeated as a source.
            _ => None,
        }
    }
}
