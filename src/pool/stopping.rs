//! The ways a pool stops, and how those who wait for it are told.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::atomics::yield_now;
use super::core::Core;
use super::error::JobError;
use super::word::Levels;
use super::work::{Reach, Work};
use crate::error::{drop_quietly, log_quietly, wake_quietly};
use crate::task::Ticket;

/// Jobs that are taken off the queue, or out of the workers' hands, and are yet to be dropped. Dropped itself it drops
/// them all.
pub(super) struct Abort {
    core: Arc<Core>,
    jobs: Vec<Arc<dyn Work>>,
    why: JobError,
}

impl Abort {
    /// Drops the next job; false when there is none.
    pub(super) fn drop_one(&mut self) -> bool {
        let job = self.jobs.pop();
        if let Some(job) = &job {
            job.stop(&self.why, Reach::Final);
        }
        job.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.jobs.is_empty()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        while self.drop_one() {}
        self.core.drop_ends();
    }
}

impl Core {
    /// Admits nobody from here on; tells whether it was open before.
    pub(super) fn close(&self) -> bool {
        let was_open = self.word.close();
        if was_open {
            let refused = {
                let mut desk = self.desk();
                let refused = desk.submitters.notify_all();
                self.waited_for(&desk);
                refused
            };
            refused.into_iter().for_each(wake_quietly);
            log_quietly(|| tracing::debug!(target: "regatta::pool", pool = %self.names().name, "closed"));
        }
        was_open
    }

    /// Closes, discards every queued job, drops the async jobs that are not just making a step, and asks the others to
    /// stop. What has to be dropped goes with what it gives.
    pub(super) fn abort(self: &Arc<Self>, cause: impl Into<Arc<str>>) -> Abort {
        self.stops_because(cause);
        self.set_aborted();
        self.close();
        self.drop_begins();
        let mut jobs = self.take_queued();
        // Dropped first: they hold more than those that never began.
        jobs.extend(self.slots().iter().flat_map(|slot| slot.in_hand()));
        Abort { core: self.clone(), jobs, why: JobError::Closed(self.closed()) }
    }

    /// Discards every queued job. Nothing unwinds from here: a destructor or a waker that panics is caught where the job is
    /// stopped, so whoever begins to drop also ends.
    pub(super) fn drain(&self, why: &JobError) {
        self.drop_begins();
        for job in self.take_queued() {
            job.stop(why, Reach::Queued);
        }
        self.drop_ends();
    }

    /// Takes every queued job, so that no worker begins one while others are being dropped.
    fn take_queued(&self) -> Vec<Arc<dyn Work>> {
        let mut jobs = self.take_all();
        while self.word.levels().queued() > 0 {
            // Somebody is between admission and push, or between pop and take: a few instructions.
            yield_now();
            jobs.extend(self.take_all());
        }
        jobs
    }

    /// Says that a job is about to be dropped; nobody is told that the pool has stopped until it is.
    pub(super) fn drop_begins(&self) {
        self.desk().dropping += 1;
    }

    pub(super) fn drop_ends(&self) {
        let watchers = {
            let mut desk = self.desk();
            desk.dropping -= 1;
            if desk.dropping == 0 { desk.watchers.notify_all() } else { Vec::new() }
        };
        watchers.into_iter().for_each(wake_quietly);
    }

    /// Waits until `is_over`, which is given the levels and how many are dropping jobs. The pool must be closed.
    pub(super) fn poll_settled(
        &self,
        is_over: fn(Levels, usize) -> bool,
        ticket: &mut Option<Ticket>,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut desk = self.desk();
        // Under the lock: whoever changes the levels tells the watchers under it, before or after this look.
        let (polled, displaced) = if is_over(self.word.levels(), desk.dropping) {
            (Poll::Ready(()), ticket.take().and_then(|ticket| desk.watchers.leave(ticket).waker))
        } else {
            (Poll::Pending, desk.watchers.register(ticket, waker))
        };
        drop(desk);
        drop_quietly(displaced);
        polled
    }

    pub(super) fn stop_watching(&self, ticket: Ticket) {
        let left = self.desk().watchers.leave(ticket);
        drop_quietly(left.waker);
    }

    pub(super) fn tell_watchers(&self) {
        let watchers = self.desk().watchers.notify_all();
        watchers.into_iter().for_each(wake_quietly);
    }
}
