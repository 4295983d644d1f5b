//! Why a map-reduce gave no results.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use crate::pool::JobError;

/// Why a [`MapReduce`](super::MapReduce) gave no results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapReduceError<E = Infallible> {
    /// The mapper returned an error, and the [policy](super::OnRecordError) is to fail.
    Failed {
        /// The record's place in the input, from 0; of a text, the number of its piece. Where several fail at about the same
        /// time, it is that of one of them.
        record: u64,
        /// What the mapper returned.
        error: E,
    },
    /// More memory would be taken than is allowed.
    MemoryLimit(MemoryLimit),
    /// The work could not be done, or user code panicked.
    Job(JobError),
}

/// More memory would be taken than [`memory_limit`](super::MapReduce::memory_limit) allows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimit {
    /// How many bytes were allowed.
    pub limit: u64,
    /// How many would have been held.
    pub reached: u64,
    /// How many records had been worked on, without those of pieces that were in hand.
    pub records: u64,
}

impl<E> MapReduceError<E> {
    /// The mapper's own error, if it returned one.
    #[must_use]
    pub fn into_failed(self) -> Option<E> {
        match self {
            Self::Failed { error, .. } => Some(error),
            Self::MemoryLimit(_) | Self::Job(_) => None,
        }
    }

    /// Tells whether the limit of memory was reached.
    #[must_use]
    pub fn is_memory_limit(&self) -> bool {
        matches!(self, Self::MemoryLimit(_))
    }

    /// Tells whether user code panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Job(JobError::Panicked(_)))
    }

    /// Tells whether the mapper returned an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// Tells whether jobs of others pushed the work out of the pool's queue.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Job(JobError::Full(_)))
    }

    /// Tells whether the pool was, or became, closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Job(JobError::Closed(_)))
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, reached, records } = self;
        write!(
            f,
            "`map_reduce` would hold {reached} bytes after {records} records, and {limit} are allowed; raise its memory \
             limit, combine values, or emit fewer keys"
        )
    }
}

impl Error for MemoryLimit {}

impl<E: fmt::Display> fmt::Display for MapReduceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { record, error } => write!(f, "record {record} failed: {error}"),
            Self::MemoryLimit(limit) => limit.fmt(f),
            Self::Job(error) => error.fmt(f),
        }
    }
}

// What is inside is the whole message already, so it is not repeated as a source.
impl<E: fmt::Debug + fmt::Display> Error for MapReduceError<E> {}
