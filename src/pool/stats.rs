//! The numbers of a pool.

use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::observe::{Flow, Histogram};

/// What a pool has done and what it holds; made by [`CpuPool::stats`](super::CpuPool::stats) and
/// [`TaskPool::stats`](super::TaskPool::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolStats {
    /// What became of the jobs: `failed` are those that panicked, and chunks of a map of which an item has, `dropped` those that the overflow policy dropped,
    /// `discarded` those that were cancelled, or could not end because the pool was stopped. A job is counted before its
    /// handle resolves.
    ///
    /// `in_flight` is what these leave of `accepted`, so [`is_conserved`](Flow::is_conserved) says nothing of a pool that
    /// is not so by itself. Check that it is 0 once the pool has shut down, or against the handles that are out.
    pub flow: Flow,
    /// How many places of the queue are taken.
    pub queued: usize,
    /// How many workers have a job in hand.
    pub running: usize,
    /// How many workers are out: running a job, looking for one, or on their way. Above the limit for a while after the
    /// pool has shrunk.
    pub active: usize,
    /// How many jobs may run at once.
    pub limit: usize,
    /// How many places the queue has.
    pub capacity: usize,
    /// How many of those discarded were cancelled by their handles.
    pub cancelled: u64,
    /// How often a worker took a job from another's line.
    pub stolen: u64,
    /// The workers that there have been, by number.
    pub workers: Vec<WorkerStats>,
    /// How long jobs waited for a worker, of one job in 64.
    pub wait: Timing,
    /// How long jobs took from their beginning to their end, of one job in 64.
    pub run: Timing,
}

/// What one worker of a pool has done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its name.
    pub name: Arc<str>,
    /// How many jobs it ran to their end.
    pub done: u64,
    /// How often it took a job from another's line.
    pub stolen: u64,
    /// How long it had jobs in hand, in real time; with the time between jobs that followed each other at once.
    pub busy: Duration,
    /// Whether it has one in hand now.
    pub is_running: bool,
}

/// A duration that was sampled.
///
/// `median` and `p99` are known to a quarter: each is the end of the bucket it lies in, see [`Histogram`], though never above
/// `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timing {
    /// How many samples there were.
    pub samples: u64,
    /// Their mean.
    pub mean: Duration,
    /// No more than half of them were longer.
    pub median: Duration,
    /// No more than one in a hundred was longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Timing {
    fn of(durations: &Histogram) -> Self {
        Self {
            samples: durations.samples(),
            mean: durations.mean(),
            median: durations.quantile(0.5),
            p99: durations.quantile(0.99),
            max: durations.max(),
        }
    }
}

impl PoolStats {
    pub(super) fn of(core: &Core) -> Self {
        let flow = core.books.flow();
        let levels = core.levels();
        let workers: Vec<WorkerStats> = core.slots().iter().map(|slot| slot.stats()).collect();
        let [wait, run] = core.samples().map(|samples| Timing::of(&samples.read()));
        Self {
            flow,
            queued: levels.queued() as usize,
            running: workers.iter().filter(|worker| worker.is_running).count(),
            active: levels.active(),
            limit: levels.limit(),
            capacity: core.capacity(),
            cancelled: core.books.cancelled(),
            stolen: workers.iter().map(|worker| worker.stolen).sum(),
            workers,
            wait,
            run,
        }
    }
}
