//! Whoever calls workers, and the way of a job from its submitter into the queue.

use std::sync::Arc;

use super::body::Body;
use super::core::Core;
use super::entry::{Owed, Spot};
use super::error::JobError;
use super::handle::JobHandle;
use super::job::{Job, cancelled};
use super::work::{Reach, Work};

/// Why a pool is stopped whose workers were dropped with their runtime.
pub(super) const RUNTIME_IS_GONE: &str = "its runtime was shut down";

/// Calls workers for a pool. The caller has raised `active`, and so owes one.
pub(super) trait Crew: Send + Sync {
    fn core(&self) -> &Arc<Core>;

    /// Starts one worker, at this slot if it is free when it comes.
    fn call(&self, slot: Option<usize>);
}

impl dyn Crew {
    /// Queues the job of a submitter that was admitted, and calls the worker that it owes.
    pub(super) fn enqueue<B: Body>(&self, body: B, spot: Spot, calls_worker: bool) -> JobHandle<B::Output> {
        let (core, id) = (self.core(), self.core().books.accepted());
        let job = Arc::new(Job::new(core.clone(), body, id, Some(&spot)));
        let Owed { count, slot } = core.push(job.clone(), spot, calls_worker);
        if count > 0 {
            self.call(slot);
            self.call_all(count - 1);
        }
        JobHandle::new(job)
    }

    /// Accepts a job and drops it: there is no room, and by policy nobody waits for it.
    pub(super) fn drop_newest<B: Body>(&self, body: B) -> JobHandle<B::Output> {
        let core = self.core();
        let job = Arc::new(Job::new(core.clone(), body, core.books.accepted(), None));
        job.stop(&core.dropped(), Reach::Queued);
        JobHandle::new(job)
    }

    /// Starts as many workers, anywhere.
    pub(super) fn call_all(&self, count: usize) {
        (0..count).for_each(|_| self.call(None));
    }

    /// Changes the limit, and starts the workers that there is work for.
    pub(super) fn resize(&self, limit: usize) {
        self.call_all(self.core().resize(limit));
    }

    /// A worker will never come: closes the pool, and lets nobody wait for it.
    pub(super) fn runtime_is_gone(&self) {
        let core = self.core();
        core.stops_because(RUNTIME_IS_GONE);
        core.close();
        core.forgo(None, &JobError::Closed(core.closed()));
    }

    /// A worker could not be started; others may be, later.
    pub(super) fn worker_is_refused(&self) {
        let core = self.core();
        core.forgo(None, &cancelled(core));
    }
}
