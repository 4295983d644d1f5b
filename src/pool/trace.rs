//! What a trace hook is told of each job that begins.

use std::fmt;
use std::sync::Arc;

/// What is called when a job begins.
pub(super) type Hook = Box<dyn Fn(&JobEvent) + Send + Sync>;

/// A job begins at a worker; given to the hook of [`PoolBuilder::on_job`](super::PoolBuilder::on_job).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobEvent {
    /// The job's number, as [`JobHandle::id`](super::JobHandle::id) gives it.
    pub job: u64,
    /// The number of the worker, from 0.
    pub worker: usize,
    /// The name of the worker.
    pub worker_name: Arc<str>,
    /// Where the worker found the job.
    pub source: Source,
}

/// Where a worker found a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// In the pool's common queue, at its front.
    Injector,
    /// At its own end: the newest of what jobs of this worker have spawned.
    Own,
    /// Among what would like to run here, the oldest.
    Preferred,
    /// Among what is bound to this worker, the oldest.
    Bound,
    /// At the other end of another worker's line, the oldest there.
    Stolen {
        /// The number of that worker.
        from: usize,
    },
    /// Nowhere: another job of this worker awaits it, and has begun it where it waits.
    Awaited,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Injector => f.write_str("from the common queue"),
            Self::Own => f.write_str("from its own end"),
            Self::Preferred => f.write_str("placed here"),
            Self::Bound => f.write_str("bound to it"),
            Self::Stolen { from } => write!(f, "stolen from worker {from}"),
            Self::Awaited => f.write_str("where it is awaited"),
        }
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, worker_name, source, .. } = self;
        write!(f, "job {job} begins at worker `{worker_name}`, {source}")
    }
}
