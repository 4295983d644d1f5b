//! Where a job goes, and how urgent it is.

use crate::policy::Priority;

/// Which worker of a pool gets a job.
///
/// | | runs | order |
/// |---|---|---|
/// | [`Injector`](Self::Injector) | wherever a worker comes free first | first in, first out, by [`Priority`] |
/// | [`Random`](Self::Random), [`RoundRobin`](Self::RoundRobin), [`Prefer`](Self::Prefer) | at the worker that was picked, unless another has nothing to do and steals it | the same, in that worker's line |
/// | [`Worker`](Self::Worker) | always at that worker | the same; one at a time |
///
/// Workers have numbers from 0 up to the limit of the pool. [`Random`](Self::Random) and [`RoundRobin`](Self::RoundRobin)
/// pick among as many as the queue has places, at the most.
///
/// # Examples
/// ```
/// use regatta::pool::{CpuPool, Placement};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = CpuPool::new(4);
/// let there = pool.submit_with(Placement::Worker(2), |cx| cx.worker()).await?;
/// assert_eq!(there.await?, 2);
///
/// let refused = pool.submit_with(Placement::Worker(4), |cx| cx.worker()).await.unwrap_err();
/// assert!(refused.is_no_worker());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Placement {
    /// The pool's common queue.
    #[default]
    Injector,
    /// Any worker, each as likely as the others.
    Random,
    /// One worker after the other.
    RoundRobin,
    /// This worker and no other, for data that stays with it, or jobs that must not overlap. The job waits until that
    /// worker is free, whatever the others do.
    ///
    /// When the pool [shrinks](super::CpuPool::resize) below this worker, what is bound to worker *i* moves to worker
    /// *i* modulo the new limit, together and in order, after the job that runs there. They stay there when the pool grows
    /// again: that jobs of one worker keep their order and do not overlap holds between two resizes.
    Worker(usize),
    /// This worker if it is free in time: for data that may still be in its cache. A wish: where the pool has no such worker,
    /// any will do, as with [`Injector`](Self::Injector).
    Prefer(usize),
}

/// What `submit_with` is told of a job: a [`Placement`], a [`Priority`], or both.
///
/// # Examples
/// ```
/// use regatta::policy::Priority;
/// use regatta::pool::{CpuPool, JobOptions, Placement};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = CpuPool::new(2);
/// pool.submit_with(Priority::Low, |_| ()).await?.await?;
/// pool.submit_with(Placement::Prefer(1), |_| ()).await?.await?;
/// pool.submit_with(JobOptions::new().placement(Placement::Worker(1)).priority(Priority::High), |_| ()).await?.await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[must_use = "options do nothing until they are given to `submit_with`"]
pub struct JobOptions {
    pub(super) placement: Placement,
    pub(super) priority: Priority,
}

impl JobOptions {
    /// Any worker, normal priority.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which worker gets the job.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets the lane in which the job waits, in the common queue or in its worker's line.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }
}

impl From<Placement> for JobOptions {
    fn from(placement: Placement) -> Self {
        Self::new().placement(placement)
    }
}

impl From<Priority> for JobOptions {
    fn from(priority: Priority) -> Self {
        Self::new().priority(priority)
    }
}
