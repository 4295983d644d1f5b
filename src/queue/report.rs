//! What a run of producers and consumers came to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{BoxError, Panicked, drop_quietly};
use crate::observe::Flow;
use crate::task::TaskError;

/// What each worker of a [`ProducerConsumer`](super::ProducerConsumer) did, and what went wrong.
///
/// `sum(produced) = sum(consumed) + failed + flow.discarded`: each item is in exactly one place.
#[derive(Debug)]
#[must_use = "the report says whether every item was handled"]
#[non_exhaustive]
pub struct Report {
    /// How many items each producer has enqueued, by id.
    pub produced: Vec<u64>,
    /// How many items each consumer has handled with success, by id.
    pub consumed: Vec<u64>,
    /// How many items failed: their handler returned an error, or panicked. As in [`flow`](Self::flow).
    pub failed: u64,
    /// The same for each consumer, by id.
    pub failed_by: Vec<u64>,
    /// How many of those had their delivery abandoned, because the handler panicked.
    pub abandoned: u64,
    /// The same for each consumer, by id.
    pub abandoned_by: Vec<u64>,
    /// How many producers ended because the queue was closed under them.
    pub stopped_early: usize,
    /// How many errors workers returned.
    pub error_count: u64,
    /// The first errors of each worker, by kind and id, at most [`Report::ERRORS_KEPT`] in all.
    pub errors: Vec<WorkerError>,
    /// How many workers' functions panicked, or the conversions of their errors, counting each item.
    pub panic_count: u64,
    /// The first panics, in the same order and number.
    pub panics: Vec<Panicked>,
    /// What became of the items, as the queue counted them.
    pub flow: Flow,
    /// How long the run took, by tokio's clock.
    pub elapsed: Duration,
}

/// An error that a worker returned, with the worker's name.
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkerError {
    /// `producer 3` or `consumer 0`.
    pub worker: Arc<str>,
    /// What it returned.
    pub error: BoxError,
}

/// What went wrong in one worker, or in several.
#[derive(Default)]
pub(super) struct Troubles {
    pub(super) error_count: u64,
    pub(super) errors: Vec<WorkerError>,
    pub(super) panic_count: u64,
    pub(super) panics: Vec<Panicked>,
}

impl Report {
    /// How many errors, and how many panics, are kept; the rest are only counted.
    pub const ERRORS_KEPT: usize = 16;

    /// Tells whether every producer ran to its end and every item was handled.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.error_count == 0 && self.panic_count == 0 && self.stopped_early == 0 && self.flow.discarded == 0
    }
}

impl Troubles {
    pub(super) fn error(&mut self, worker: &Arc<str>, error: BoxError) {
        self.error_count += 1;
        if self.errors.len() < Report::ERRORS_KEPT {
            self.errors.push(WorkerError { worker: worker.clone(), error });
        } else {
            // The destructor is the user's.
            drop_quietly(error);
        }
    }

    pub(super) fn panic(&mut self, panicked: Panicked) {
        self.panic_count += 1;
        if self.panics.len() < Report::ERRORS_KEPT {
            self.panics.push(panicked);
        }
    }

    /// The task itself did not end as it should: the runtime is going away.
    pub(super) fn task(&mut self, worker: &Arc<str>, error: TaskError) {
        match error {
            TaskError::Panicked(panicked) => self.panic(panicked),
            TaskError::Cancelled(cancelled) => self.error(worker, cancelled.into()),
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.error_count += other.error_count;
        self.panic_count += other.panic_count;
        let mut errors = other.errors.into_iter();
        self.errors.extend(errors.by_ref().take(Report::ERRORS_KEPT.saturating_sub(self.errors.len())));
        errors.for_each(drop_quietly);
        self.panics.extend(other.panics);
        self.panics.truncate(Report::ERRORS_KEPT);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (produced, consumed) = (self.produced.iter().sum::<u64>(), self.consumed.iter().sum::<u64>());
        let Self { failed, abandoned, error_count, panic_count, elapsed, .. } = self;
        write!(
            f,
            "{produced} produced, {consumed} consumed, {failed} failed ({abandoned} abandoned), {error_count} errors, {panic_count} panics, in {elapsed:.1?}"
        )
    }
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.worker, self.error)
    }
}

impl std::error::Error for WorkerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}
