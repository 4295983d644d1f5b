//! How a pipeline fails, and what a stage does about its own failures.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::shared::look_through;
use crate::error::{BoxError, Cancelled, Full, Panicked};

/// Why a pipeline ended without its result.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineError {
    /// A closure returned an error and its stage's policy is [`OnError::Stop`].
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

/// What a stage does with an item whose closure fails, by an error or by a panic. It holds for this stage alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The pipeline ends with the error. Nothing new is started; an ordered stage still emits everything before the
    /// failed item, an unordered one what was started before the failure.
    #[default]
    Stop,
    /// The item is left out, counted as `failed` and logged as a warning; the stage goes on.
    Skip,
    /// As [`Skip`](Self::Skip), and the stage begins anew: what it has made of the items before, such as the state of a
    /// [`scan`](super::Pipeline::scan), is dropped and made again. A stage that remembers nothing skips.
    Reset,
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
