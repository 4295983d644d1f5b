//! Which chunks are missing, and when that is too many.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Elapsed, Panicked};
use crate::pool::JobError;

/// Why a chunk has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It was not there when the results were gathered: the time was over, or a quorum was.
    Late,
    /// The worker function panicked on it.
    Panicked(Panicked),
}

/// Why too few chunks have a result, for [`ScatterGatherPartly`](super::ScatterGatherPartly).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScatterError {
    /// So many chunks failed that the quorum cannot be reached.
    Quorum {
        /// What was done, and where.
        place: Arc<str>,
        /// How many results were wanted.
        wanted: usize,
        /// How many chunks there are.
        chunks: usize,
        /// The first panic.
        first: Panicked,
    },
    /// The time was over before the quorum was reached.
    Elapsed {
        /// What was done, where, and how long it was allowed to take.
        elapsed: Elapsed,
        /// How many results were wanted.
        wanted: usize,
        /// How many were there.
        reached: usize,
    },
    /// The pool did not do the work, or gathering panicked.
    Job(JobError),
}

impl ScatterError {
    /// Tells whether so many chunks failed that the quorum cannot be reached.
    #[must_use]
    pub fn is_quorum(&self) -> bool {
        matches!(self, Self::Quorum { .. })
    }

    /// Tells whether the time was over before the quorum was reached.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self, Self::Elapsed { .. })
    }

    /// Tells whether gathering panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Job(JobError::Panicked(_)))
    }

    /// Tells whether the pool was, or became, closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Job(JobError::Closed(_)))
    }

    pub(super) fn elapsed(place: Arc<str>, limit: Duration, wanted: usize, reached: usize) -> Self {
        Self::Elapsed { elapsed: Elapsed::new(place, limit), wanted, reached }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("not there when the results were gathered"),
            Self::Panicked(panicked) => panicked.fmt(f),
        }
    }
}

impl fmt::Display for ScatterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quorum { place, wanted, chunks, first } => {
                write!(f, "{place} cannot reach its quorum of {wanted} of {chunks} chunks: {first}")
            }
            Self::Elapsed { elapsed, wanted, reached } => {
                write!(f, "{elapsed}: {reached} of the {wanted} results that are needed were there")
            }
            Self::Job(error) => error.fmt(f),
        }
    }
}

impl Error for ScatterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Quorum { first, .. } => Some(first),
            Self::Elapsed { elapsed, .. } => Some(elapsed),
            Self::Job(error) => error.source(),
        }
    }
}
