//! Coming in: a place in the queue, the line of those who wait for one, and where the job goes then.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::atomics::yield_now;
use super::core::{Core, Desk};
use super::error::JobError;
use super::job::Work;
use super::placement::{JobOptions, Placement};
use super::slot::Slot;
use super::word::{Admission, Calls, Entry, Levels};
use crate::error::{Full, drop_quietly, wake_quietly};
use crate::policy::{Overflow, Priority};
use crate::task::Ticket;

/// Where a job will wait.
#[derive(Clone)]
pub(super) enum Spot {
    Injector(Priority),
    /// In the line of a worker, until that worker or another takes it.
    Preferred(Arc<Slot>, Priority),
    /// In the line of a worker that alone may take it.
    Bound(usize, Priority),
    /// At the own end of the worker whose job has spawned it.
    Own(Arc<Slot>),
}

/// The worker that a submitter owes the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a unit of `active` is a promise that a worker comes"]
pub(super) enum Call {
    Nobody,
    /// One, to this slot if it is free.
    Worker(Option<usize>),
}

impl Spot {
    fn is_bound(&self) -> bool {
        matches!(self, Self::Bound(..))
    }

    pub(super) fn bound_to(&self) -> Option<usize> {
        match self {
            Self::Bound(index, _) => Some(*index),
            _ => None,
        }
    }
}

impl Core {
    /// Picks where a job goes; the limit, where there is no such worker. Slots are made here, not later: whoever has
    /// taken a place runs no code of the user's before the job is queued.
    pub(super) fn spot(&self, options: JobOptions) -> Result<Spot, usize> {
        let JobOptions { placement, priority } = options;
        let limit = self.levels().limit();
        let index = match placement {
            Placement::Injector => return Ok(Spot::Injector(priority)),
            Placement::Random => (scatter(self.pick()) % limit as u64) as usize,
            Placement::RoundRobin => (self.pick() % limit as u64) as usize,
            Placement::Worker(index) | Placement::Prefer(index) => index,
        };
        if index >= limit {
            return Err(limit);
        }
        let slot = self.slot(index);
        Ok(match placement {
            Placement::Worker(_) => Spot::Bound(index, priority),
            _ => Spot::Preferred(slot, priority),
        })
    }

    /// Takes a place without waiting, also where nobody waits for one by policy.
    pub(super) fn try_enter(&self, spot: &Spot) -> Admission {
        // A child does not queue up behind those who wait for its parent to end.
        let is_let_in = matches!(spot, Spot::Own(_));
        let entry = self.entry(spot, is_let_in, false);
        if !spot.is_bound() {
            return self.word.admit(entry);
        }
        self.admit(&mut self.desk(), spot, entry)
    }

    fn entry(&self, spot: &Spot, is_let_in: bool, waits: bool) -> Entry {
        let calls = if spot.is_bound() { Calls::Nobody } else { self.settings.calls };
        Entry { capacity: self.settings.capacity, is_let_in, waits, calls }
    }

    /// Takes a place under the lock, where bound jobs are counted.
    fn admit(&self, desk: &mut Desk, spot: &Spot, entry: Entry) -> Admission {
        let admission = self.word.admit(entry);
        if spot.is_bound() && matches!(admission, Admission::Admitted { .. }) {
            desk.floor.hold();
            self.note(&desk.floor);
        }
        admission
    }

    /// Takes a place, or queues up for one; the answer is never [`Admission::Full`].
    pub(super) fn poll_enter(&self, spot: &Spot, ticket: &mut Option<Ticket>, cx: &Context<'_>) -> Poll<Admission> {
        if ticket.is_none() {
            match self.try_enter(spot) {
                Admission::Full => {}
                answer => return Poll::Ready(answer),
            }
        }
        let waker = cx.waker().clone();
        let mut desk = self.desk();
        let is_let_in = ticket.as_ref().is_some_and(|ticket| desk.submitters.is_notified(ticket));
        let (polled, displaced) = match self.admit(&mut desk, spot, self.entry(spot, is_let_in, true)) {
            Admission::Full => (Poll::Pending, desk.submitters.register(ticket, waker)),
            answer => {
                let left = ticket.take().and_then(|ticket| desk.submitters.leave(ticket).waker);
                self.waited_for(&desk);
                (Poll::Ready(answer), left)
            }
        };
        drop(desk);
        drop_quietly(displaced);
        polled
    }

    /// Gives up a wait; a wake-up that was meant for this submitter goes to the next.
    pub(super) fn give_up_waiting(&self, ticket: Ticket) {
        let (left, next) = {
            let mut desk = self.desk();
            let left = desk.submitters.leave(ticket);
            let next = if left.was_notified { desk.submitters.notify_one() } else { None };
            self.waited_for(&desk);
            (left.waker, next)
        };
        next.into_iter().for_each(wake_quietly);
        drop_quietly(left);
    }

    /// Takes a place, and makes room for it if there is none, by dropping what has waited longest in the lowest lane.
    pub(super) fn enter_by_force(&self, spot: &Spot) -> Admission {
        loop {
            match self.try_enter(spot) {
                Admission::Full => {}
                answer => return answer,
            }
            match self.pop_lowest() {
                Some(victim) => {
                    victim.stop(&self.dropped(), false);
                }
                // All that is queued is just being taken, or brought in.
                None => yield_now(),
            }
        }
    }

    /// What a job is told that the overflow policy dropped.
    pub(super) fn dropped(&self) -> JobError {
        JobError::Full(Full::new(self.names().pool.clone(), self.capacity()))
    }

    /// Whether the policy makes a submitter wait.
    pub(super) fn waits_for_room(&self) -> bool {
        self.settings.overflow == Overflow::Wait
    }

    /// Queues the job of a submitter that was admitted; the worker it owes is to be called after that.
    pub(super) fn push(&self, job: Arc<dyn Work>, spot: Spot, calls_worker: bool) -> Call {
        let called_to = match spot {
            Spot::Injector(priority) => {
                self.queue.push(priority, job);
                None
            }
            Spot::Preferred(slot, priority) => {
                slot.push_preferred(priority, job);
                Some(slot.index)
            }
            Spot::Own(slot) => {
                slot.push_own(job);
                None
            }
            Spot::Bound(index, priority) => return self.bind(job, index, priority),
        };
        if calls_worker { Call::Worker(called_to) } else { Call::Nobody }
    }

    fn bind(&self, job: Arc<dyn Work>, index: usize, priority: Priority) -> Call {
        let mut desk = self.desk();
        let is_missing = desk.floor.bind(index, self.levels().limit(), priority, job);
        self.note(&desk.floor);
        if is_missing && self.word.raise() { Call::Worker(Some(index)) } else { Call::Nobody }
    }

    /// Takes the least urgent job off the queue, wherever it is.
    pub(super) fn pop_lowest(&self) -> Option<Arc<dyn Work>> {
        if let Some(job) = self.queue.pop_lowest() {
            self.took();
            return Some(job);
        }
        let slots = self.slots();
        if let Some(job) = slots.iter().find_map(|slot| slot.pop_lowest()) {
            self.took();
            return Some(job);
        }
        let (job, levels) = {
            let mut desk = self.desk();
            let job = desk.floor.pop_lowest()?;
            self.note(&desk.floor);
            (job, self.word.take())
        };
        self.freed(levels);
        Some(job)
    }

    /// Gives back the place of a job that was popped, to those who wait for one; the levels after that.
    pub(super) fn took(&self) -> Levels {
        let levels = self.word.take();
        self.freed(levels);
        levels
    }

    /// Whether a worker that has taken a job is to call another, since there is more to do. It owes that one then.
    pub(super) fn recruits(&self, levels: Levels) -> bool {
        if self.settings.calls != Calls::OneByOne
            || levels.queued() == 0
            || levels.active() >= levels.limit()
            || levels.is_called()
        {
            return false;
        }
        match self.held() {
            // Stale, it calls one too many, who leaves again.
            0 => self.word.recruit(0),
            // Stale, it could call one too few: under the lock the number is exact.
            _ => self.word.recruit(self.desk().floor.held()),
        }
    }

    pub(super) fn freed(&self, levels: Levels) {
        if levels.has_waiting() && levels.queued() <= self.low_water {
            let capacity = self.settings.capacity;
            let batch = if levels.queued() == self.low_water { capacity - self.low_water } else { 1 };
            let next: Vec<Waker> = {
                let mut desk = self.desk();
                let next = (0..batch).map_while(|_| desk.submitters.notify_one()).collect();
                self.waited_for(&desk);
                next
            };
            next.into_iter().for_each(wake_quietly);
        }
        if levels.is_closed() && levels.queued() == 0 {
            self.tell_watchers();
        }
    }

    /// Keeps the word in step with the list of submitters.
    pub(super) fn waited_for(&self, desk: &Desk) {
        if desk.submitters.is_empty() {
            self.word.clear_waiting();
        }
    }
}

/// Spreads numbers that follow each other evenly: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
