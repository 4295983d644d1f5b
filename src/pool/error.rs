//! Why a job was not taken in, or gave no value.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error::{Cancelled, Closed, Elapsed, Full, Panicked};

/// The pool did not take the job; the closure, or the future, is handed back.
pub struct SubmitError<F> {
    job: F,
    reason: Reason,
}

/// Why a job is not taken in.
#[derive(Debug)]
pub(super) enum Reason {
    Full(Full),
    /// Others wait for what may be free.
    FullBehind(Full),
    /// Asked for from inside a job of the pool, which must not wait for it.
    FullInside(Full),
    Closed(Closed),
    /// With how many places were taken, of how many.
    Elapsed(Elapsed, [usize; 2]),
    NoWorker(NoWorker),
}

/// The pool has no worker of this number.
#[derive(Debug)]
pub(super) struct NoWorker {
    pool: Arc<str>,
    worker: usize,
    limit: usize,
}

impl<F> SubmitError<F> {
    pub(super) fn new(job: F, reason: Reason) -> Self {
        Self { job, reason }
    }

    /// Gives back the closure, or the future, that was not submitted.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.job
    }

    /// Tells whether the queue had no room: trying again later may help.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.reason, Reason::Full(_) | Reason::FullBehind(_) | Reason::FullInside(_))
    }

    /// Tells whether the pool accepts nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.reason, Reason::Closed(_))
    }

    /// Tells whether the time allowed was over before there was room.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.reason, Reason::Elapsed(..))
    }

    /// Tells whether the job was meant for a worker that the pool does not have, or no longer.
    #[must_use]
    pub fn is_no_worker(&self) -> bool {
        matches!(self.reason, Reason::NoWorker(_))
    }

    /// What somebody is told who waits for the job's value, not for its admission.
    pub(crate) fn into_job_error(self) -> JobError {
        match self.reason {
            Reason::Full(full) | Reason::FullBehind(full) | Reason::FullInside(full) => JobError::Full(full),
            Reason::Closed(closed) => JobError::Closed(closed),
            Reason::Elapsed(..) | Reason::NoWorker(_) => unreachable!("a map sets no limit and picks no worker"),
        }
    }

    fn word(&self) -> &(dyn Error + 'static) {
        match &self.reason {
            Reason::Full(full) | Reason::FullBehind(full) | Reason::FullInside(full) => full,
            Reason::Closed(closed) => closed,
            Reason::Elapsed(elapsed, _) => elapsed,
            Reason::NoWorker(no_worker) => no_worker,
        }
    }
}

impl NoWorker {
    pub(super) fn new(pool: Arc<str>, worker: usize, limit: usize) -> Self {
        Self { pool, worker, limit }
    }
}

impl fmt::Display for NoWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, worker, limit } = self;
        write!(f, "{pool} has no worker {worker}: its limit is {limit}, and the first worker is 0")
    }
}

impl Error for NoWorker {}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job was not submitted: ")?;
        match &self.reason {
            Reason::Full(full) => write!(f, "{full}; try again later, or raise its capacity"),
            Reason::FullBehind(full) => write!(f, "{full}; others wait for room, and come first"),
            Reason::FullInside(full) => {
                write!(f, "{full}; a job does not wait for room in its own pool, but it can do the work itself")
            }
            Reason::Elapsed(Elapsed { place, limit, .. }, [taken, capacity]) => {
                write!(f, "no room in {place} within {limit:?}: {taken} of {capacity} taken")
            }
            Reason::Closed(_) | Reason::NoWorker(_) => write!(f, "{}", self.word()),
        }
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
    /// It was cancelled: by [`JobHandle::cancel`](super::JobHandle::cancel), or because the operating system refused the
    /// pool its only thread.
    Cancelled(Cancelled),
    /// The queue was full, and the pool's [overflow policy](crate::policy::Overflow) dropped it.
    Full(Full),
    /// The pool stopped before the job could end; the [cause](Closed::cause) says why: aborted, dropped, out of time in a
    /// shutdown, or its runtime is gone.
    Closed(Closed),
}

impl JobError {
    /// Tells whether the job's code panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Tells whether the job was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Tells whether the overflow policy dropped the job.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Tells whether the pool stopped before the job could end.
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
            Self::Full(full) => write!(f, "the job was dropped by the overflow policy: {full}"),
            Self::Closed(closed) if closed.cause.is_some() => write!(f, "the job was stopped: {closed}"),
            Self::Closed(closed) => closed.fmt(f),
        }
    }
}

// The word is the whole message already, so it is not repeated as a source.
impl Error for JobError {}
