//! Why a task was not spawned, or gave no value.

use std::error::Error;
use std::fmt;

use crate::error::{Cancelled, Closed, Panicked};

/// The group is closed; the future is handed back.
pub struct SpawnError<F> {
    future: F,
    closed: Closed,
}

impl<F> SpawnError<F> {
    pub(super) fn new(future: F, closed: Closed) -> Self {
        Self { future, closed }
    }

    /// Gives back the future that was not spawned.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task was not spawned: {}", self.closed)
    }
}

impl<F> Error for SpawnError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.closed)
    }
}

/// Why a task ended without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskError {
    /// Its code panicked.
    Panicked(Panicked),
    /// It was aborted: by its handle, by its group, or because the runtime went away.
    Cancelled(Cancelled),
}

impl TaskError {
    /// Tells whether the task's code panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the task was aborted.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
        }
    }
}

// The word is the whole message already, so it is not repeated as a source.
impl Error for TaskError {}
