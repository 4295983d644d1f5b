//! The ways a pool stops, and how those who wait for it are told.

use std::task::{Context, Poll};

use super::atomics::yield_now;
use super::core::Core;
use super::error::JobError;
use super::word::Levels;
use crate::error::{drop_quietly, log_quietly, wake_quietly};
use crate::task::Ticket;

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
    /// stop.
    pub(super) fn abort(&self) {
        self.set_aborted();
        self.close();
        let why = self.closed();
        self.drain(&why);
        for job in self.slots().iter().filter_map(|slot| slot.held()) {
            job.stop(&why, true);
        }
    }

    /// Discards every queued job: first takes them all, so that no worker begins one meanwhile, then drops them.
    pub(super) fn drain(&self, why: &JobError) {
        self.drop_begins();
        let mut jobs = Vec::new();
        while self.word.levels().queued() > 0 {
            match self.pop_lowest() {
                Some(job) => jobs.push(job),
                // Somebody is between admission and push, or between pop and take: a few instructions.
                None => yield_now(),
            }
        }
        for job in jobs {
            job.stop(why, false);
        }
        self.drop_ends();
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
