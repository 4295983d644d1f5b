//! Why a job was not taken in, or gave no value.

use std::error::Error;
use std::fmt;

use crate::error::{Cancelled, Closed, Full, Panicked};

/// The pool did not take the job; the closure is handed back.
pub struct SubmitError<F> {
    job: F,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Full(Full),
    Closed(Closed),
}

impl<F> SubmitError<F> {
    pub(super) fn full(job: F, full: Full) -> Self {
        Self { job, reason: Reason::Full(full) }
    }

    pub(super) fn closed(job: F, closed: Closed) -> Self {
        Self { job, reason: Reason::Closed(closed) }
    }

    /// Gives back the closure that was not submitted.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.job
    }

    /// Tells whether the queue had no room: trying again later may help.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.reason, Reason::Full(_))
    }

    /// Tells whether the pool accepts nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.reason, Reason::Closed(_))
    }

    /// What somebody is told who waits for the job's value, not for its admission.
    pub(super) fn into_job_error(self) -> JobError {
        // Whoever waits for admission is refused only by a closed pool.
        match self.reason {
            Reason::Closed(closed) => JobError::Closed(closed),
            Reason::Full(full) => JobError::Closed(Closed::new(full.place)),
        }
    }

    fn word(&self) -> &(dyn Error + 'static) {
        match &self.reason {
            Reason::Full(full) => full,
            Reason::Closed(closed) => closed,
        }
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the job was not submitted: {}", self.word())
    }
}

impl<F> Error for SubmitError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.word())
    }
}

/// Why a job ended without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// Its code panicked, or a destructor of what it captured did.
    Panicked(Panicked),
    /// It was cancelled before it began: by [`JobHandle::cancel`](super::JobHandle::cancel), or because the operating
    /// system refused the pool its only thread.
    Cancelled(Cancelled),
    /// The pool stopped before the job began: aborted, dropped, out of time in a shutdown, or its runtime is gone.
    Closed(Closed),
}

impl JobError {
    /// Tells whether the job's code panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the job was cancelled before it began.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Tells whether the pool stopped before the job began.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Cancelled(cancelled) => cancelled.fmt(f),
            Self::Closed(closed) => closed.fmt(f),
        }
    }
}

// The word is the whole message already, so it is not repeated as a source.
impl Error for JobError {}
