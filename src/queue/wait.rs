//! How one future waits: its place in a line, and the wakers a change of state has called up.

use std::task::Waker;

use crate::error::wake_quietly;
use crate::task::{Ticket, Waiters};

/// The four lines a task can stand in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    Senders,
    Receivers,
    Joiners,
    Closers,
}

/// The waiters of a queue, line by line; lives under its lock.
pub(super) struct Lines([Waiters; 4]);

/// The place of one future. Whoever holds it retires it through its ring, so that a wake-up it was given is passed on.
#[derive(Debug, Default)]
pub(super) struct Slot {
    ticket: Option<Ticket>,
}

/// Wakers to be called after the lock is gone.
#[derive(Default)]
#[must_use = "whoever is not woken sleeps for ever"]
pub(super) struct Wakes {
    /// Most changes wake one task: no allocation for it.
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Waiters::new()))
    }

    /// Calls up the longest waiter; tells whether there was one.
    #[inline]
    pub(super) fn call_one(&mut self, line: Line, wakes: &mut Wakes) -> bool {
        // Most of the time nobody waits: not worth a call.
        !self.is_empty(line) && self.call_first(line, wakes)
    }

    fn call_first(&mut self, line: Line, wakes: &mut Wakes) -> bool {
        match self.0[line as usize].notify_one() {
            Some(waker) => {
                wakes.add(waker);
                true
            }
            None => false,
        }
    }

    #[inline]
    pub(super) fn call_all(&mut self, line: Line, wakes: &mut Wakes) {
        while self.call_one(line, wakes) {}
    }

    /// Takes a place, or keeps it. Gives the waker that was there; to be dropped without the lock.
    pub(super) fn wait(&mut self, line: Line, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        self.0[line as usize].register(&mut slot.ticket, waker)
    }

    /// Ends a wait, if there is one: whether it had been called up, and the waker if it had not.
    #[inline]
    pub(super) fn leave(&mut self, line: Line, slot: &mut Slot) -> Option<(bool, Option<Waker>)> {
        let left = self.0[line as usize].leave(slot.ticket.take()?);
        Some((left.was_notified, left.waker))
    }

    #[inline]
    pub(super) fn is_empty(&self, line: Line) -> bool {
        self.0[line as usize].is_empty()
    }
}

impl Slot {
    pub(super) fn is_waiting(&self) -> bool {
        self.ticket.is_some()
    }
}

impl Wakes {
    fn add(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.more.push(waker),
        }
    }

    /// Wakes them in the order they were called up; a waker that panics takes nothing from the others, nor from who
    /// calls. By reference: moving this much costs more than the usual answer.
    #[inline]
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.first.take() {
            wake_quietly(waker);
            self.more.drain(..).for_each(wake_quietly);
        }
    }
}
