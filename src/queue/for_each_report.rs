//! What the workers of a `for_each` did.

use std::fmt;

/// How often a handler was run, and how that ended; made by [`Consumer::for_each`](super::Consumer::for_each).
///
/// It counts deliveries, not items: one that is put back twice and then handled is counted three times. What became of
/// the items is in [`Stats::flow`](super::Stats::flow).
#[must_use = "the report says how many handlers failed or panicked"]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ForEachReport {
    /// The handler returned `Ok`; the item is done.
    pub handled: u64,
    /// The handler returned an error; the delivery was handed in with `nack`.
    pub nacked: u64,
    /// The handler panicked; the delivery was dropped.
    pub panicked: u64,
    /// The same by worker: one for each that was started, so no more than items were ever in hand at once, and one.
    pub workers: Vec<WorkerReport>,
}

/// What one worker did; see [`ForEachReport::workers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerReport {
    /// The handler returned `Ok`; the item is done.
    pub handled: u64,
    /// The handler returned an error; the delivery was handed in with `nack`.
    pub nacked: u64,
    /// The handler panicked; the delivery was dropped.
    pub panicked: u64,
}

impl ForEachReport {
    pub(super) fn of(workers: Vec<WorkerReport>) -> Self {
        let total = |count: fn(&WorkerReport) -> u64| workers.iter().map(count).sum();
        Self {
            handled: total(|worker| worker.handled),
            nacked: total(|worker| worker.nacked),
            panicked: total(|worker| worker.panicked),
            workers,
        }
    }
}

impl fmt::Display for ForEachReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handled, nacked, panicked, .. } = self;
        write!(f, "{handled} handled, {nacked} nacked, {panicked} panicked")
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handled, nacked, panicked } = self;
        write!(f, "{handled} handled, {nacked} nacked, {panicked} panicked")
    }
}
