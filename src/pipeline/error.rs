//! How a pipeline fails.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::shared::look_through;
use crate::error::{BoxError, Cancelled, Full, Panicked};

/// Why a pipeline ended without its result.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineError {
    /// A closure returned an error and its stage's policy is [`OnError::Stop`](super::OnError::Stop).
    #[non_exhaustive]
    Failed {
        /// The stage and its pipeline.
        place: Arc<str>,
        /// What the closure returned. Behind a fan out several branches may share it, as a type of ours: then
        /// [`downcast_ref`](PipelineError::downcast_ref) and `source` look through that.
        error: BoxError,
    },
    /// A closure, an iterator or a stream panicked.
    Panicked(Panicked),
    /// A buffer with [`Overflow::Reject`](crate::policy::Overflow::Reject) had no room.
    Full(Full),
    /// The pipeline was aborted, or its runtime went away.
    Cancelled(Cancelled),
}

impl PipelineError {
    /// The error of the user's closure, where that is the cause, as the type it was.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Failed { error, .. } => look_through(error).downcast_ref(),
            _ => None,
        }
    }

    /// Tells whether user code panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the pipeline was stopped from outside.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { place, .. } => write!(f, "{place} failed"),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Full(full) => full.fmt(f),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
        }
    }
}

impl Error for PipelineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { error, .. } => Some(look_through(error)),
            // The words are the whole message already.
            Self::Panicked(_) | Self::Full(_) | Self::Cancelled(_) => None,
        }
    }
}
