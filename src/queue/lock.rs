//! One lock around the [`State`], and a wait that is a loop around a try.
//!
//! Invariants:
//! 1. Whoever is called up by a change is woken after the lock is gone.
//! 2. Wakers leave the lock before they are dropped, and are cloned without it: their code may call back into the queue.
//! 3. The form that waits runs the same body as the form that does not, and takes a place in line under the same lock that
//!    told it to: when that is told it has no waker to wait with yet, it clones one and asks again.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use super::builder::Limits;
use super::loom::{Mutex, MutexGuard};
use super::state::State;
use super::wait::{Line, Slot, Wakes};
use crate::error::drop_quietly;

/// Keeps what every operation writes off the cache lines of the reference counts and of the settings, which others only
/// read. Two lines of 64 bytes, because processors fetch them in pairs.
#[repr(align(128))]
pub(super) struct Lock<T>(Mutex<State<T>>);

/// Runs an attempt; when it gives nothing, waits in line until it is worth trying again. The attempt is written out twice,
/// so that the one that need not wait is compiled into its caller.
macro_rules! poll_line {
    ($lock:expr, $line:expr, $slot:expr, $cx:expr, $attempt:expr) => {{
        // An end that is always ready must still let its neighbours run.
        let budget = std::task::ready!(tokio::task::coop::poll_proceed($cx));
        let result = match $slot.is_waiting() {
            true => None,
            false => $lock.change($attempt),
        };
        let polled = match result {
            Some(result) => Poll::Ready(result),
            None => $lock.wait_in_line($line, $slot, $cx, $attempt),
        };
        if polled.is_ready() {
            budget.made_progress();
        }
        polled
    }};
}

pub(super) use poll_line;

impl<T> Lock<T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Mutex::new(State::new(limits)))
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No foreign code runs under the lock, so the books are whole even if a panic passed by.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes whom the change has called up.
    #[inline]
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State<T>, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let result = change(&mut self.lock(), &mut wakes);
        wakes.wake();
        result
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&State<T>) -> R) -> R {
        look(&self.lock())
    }

    /// Takes a place in line, or keeps it, until the attempt gives something.
    #[cold]
    pub(super) fn wait_in_line<R>(
        &self,
        line: Line,
        slot: &mut Slot,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut State<T>, &mut Wakes) -> Option<R>,
    ) -> Poll<R> {
        // Who has a place was most likely called up, and needs no waker any more.
        let mut waker = (!slot.is_waiting()).then(|| cx.waker().clone());
        loop {
            let can_wait = waker.is_some();
            let mut left = None;
            let result = self.change(|state, wakes| {
                let result = attempt(state, wakes);
                if result.is_some() {
                    left = state.leave(line, slot);
                } else if let Some(waker) = waker.take() {
                    left = state.wait(line, slot, waker);
                }
                result
            });
            drop_waker(left);
            match result {
                Some(result) => {
                    drop_waker(waker);
                    return Poll::Ready(result);
                }
                None if can_wait => return Poll::Pending,
                None => waker = Some(cx.waker().clone()),
            }
        }
    }

    /// Gives up a wait, if there is one.
    #[inline]
    pub(super) fn retire(&self, line: Line, slot: &mut Slot) {
        if slot.is_waiting() {
            self.give_up(line, slot);
        }
    }

    #[cold]
    fn give_up(&self, line: Line, slot: &mut Slot) {
        drop_waker(self.change(|state, wakes| state.retire(line, slot, wakes)));
    }
}

/// Should it panic, an item that was just taken would be lost.
#[inline]
fn drop_waker(waker: Option<Waker>) {
    if let Some(waker) = waker {
        drop_quietly(waker);
    }
}
