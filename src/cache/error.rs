//! Why there is no value.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error::{BoxError, Closed, Elapsed, Panicked};
use crate::sync::Reentrant;

/// Why a value could not be loaded. All who waited for the same load get the same one.
///
/// It is not kept, and the next call loads again, unless the cache has a
/// [`negative_time_to_live`](super::CacheBuilder::negative_time_to_live).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoadError {
    /// The loader gave an error. One, shared by all who waited.
    Failed(LoadFailure),
    /// The loader panicked, or a closure of the cache did: its weigher or its expiry.
    Panicked(Panicked),
    /// The loader took longer than the cache's [`load_timeout`](super::CacheBuilder::load_timeout).
    Elapsed(Elapsed),
    /// The cache is closed, was aborted, or the runtime that the loader ran on went away.
    Closed(Closed),
    /// The loader waits for itself, directly or through other loaders that wait for each other.
    ///
    /// It gets this where it asks. One that hands it on by `?` fails with it, so those who wait for that loader get
    /// [`Failed`](Self::Failed), around it.
    Reentrant(Reentrant),
}

/// The error that a loader gave, behind a shared pointer; made of whatever turns into a [`BoxError`].
#[derive(Debug, Clone)]
pub struct LoadFailure {
    place: Arc<str>,
    error: Arc<BoxError>,
}

impl LoadFailure {
    pub(super) fn new(place: Arc<str>, error: BoxError) -> Self {
        Self { place, error: Arc::new(error) }
    }

    /// The loader's own error, if it is of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }

    /// Tells whether both came from one load.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.error, &other.error)
    }
}

impl LoadError {
    /// The loader's own error, if it gave one of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Failed(failure) => failure.downcast_ref(),
            _ => None,
        }
    }

    /// Tells whether the loader gave an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Tells whether the loader panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the loader took too long.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self, Self::Elapsed(_))
    }

    /// Tells whether the cache, or the loader's runtime, was at its end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Tells whether the loader would have waited for itself; not of one that failed because of that.
    #[must_use]
    pub fn is_reentrant(&self) -> bool {
        matches!(self, Self::Reentrant(_))
    }
}

impl fmt::Display for LoadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not load a value: {}", self.place, self.error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Elapsed(elapsed) => elapsed.fmt(f),
            Self::Closed(closed) => closed.fmt(f),
            Self::Reentrant(reentrant) => {
                write!(
                    f,
                    "{} loads a value by a loader that waits for it; break the circle of loaders",
                    reentrant.place
                )
            }
        }
    }
}

impl Error for LoadFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.error)
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => failure.source(),
            // The word is the whole message already, so it is not repeated as a source.
            _ => None,
        }
    }
}
