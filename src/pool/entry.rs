//! Coming in: a place in the queue, the line of those who wait for one, and where the job goes then.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::atomics::yield_now;
use super::core::{Core, Desk};
use super::error::JobError;
use super::placement::{JobOptions, Placement};
use super::slot::Slot;
use super::word::{Admission, CAPACITY_MAX, Calls, Entry};
use super::work::{Reach, Work};
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

/// The workers that a submitter owes the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a unit of `active` is a promise that a worker comes"]
pub(super) struct Owed {
    pub(super) count: usize,
    /// Where the first should sit down, if it is free.
    pub(super) slot: Option<usize>,
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
        // Looked at once: it may change at any moment.
        let limit = self.levels().limit();
        // Among how many workers the pool picks: with more lines than places most would be empty.
        let lines = limit.min(self.capacity()) as u64;
        let index = match placement {
            Placement::Injector => return Ok(Spot::Injector(priority)),
            Placement::Random => (scatter(self.pick()) % lines) as usize,
            Placement::RoundRobin => (self.pick() % lines) as usize,
            // A wish that cannot be granted.
            Placement::Prefer(index) if index >= limit => return Ok(Spot::Injector(priority)),
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
        self.enter_now(spot, is_let_in)
    }

    fn enter_now(&self, spot: &Spot, is_let_in: bool) -> Admission {
        let entry = self.entry(spot, is_let_in, false);
        if !spot.is_bound() {
            return self.word.admit(entry);
        }
        self.admit(&mut self.desk(), spot, entry)
    }

    /// Takes a place also where there is none left, for who must not wait.
    pub(super) fn enter_above(&self, spot: &Spot) -> Admission {
        let entry = Entry { capacity: CAPACITY_MAX as u32, ..self.entry(spot, true, false) };
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

    /// Takes a place, and makes room for it if there is none, by dropping what has waited longest in the lowest lane. It
    /// passes those who wait, as maps do: behind them it would drop one job after the other, and get none of the places.
    pub(super) fn enter_by_force(&self, spot: &Spot) -> Admission {
        loop {
            match self.enter_now(spot, true) {
                Admission::Full => {}
                answer => return answer,
            }
            match self.take_lowest() {
                Some(victim) => {
                    victim.stop(&self.dropped(), Reach::Queued);
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
    pub(super) fn push(&self, job: Arc<dyn Work>, spot: Spot, calls_worker: bool) -> Owed {
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
        Owed { count: usize::from(calls_worker), slot: called_to }
    }

    fn bind(&self, job: Arc<dyn Work>, index: usize, priority: Priority) -> Owed {
        let mut desk = self.desk();
        desk.floor.bind(index, self.levels().limit(), priority, job);
        let count = self.settle(&desk.floor);
        self.note(&desk.floor);
        Owed { count, slot: Some(index) }
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
