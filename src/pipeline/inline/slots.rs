//! The futures of an inline stage, each in a place of its own that is used again: no allocation for an item, and only what
//! was woken is polled.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::attempt::{Attempt, Ended, Ticket};
use crate::error::BoxError;
use crate::pipeline::loom::{AtomicBool, AtomicWaker, Mutex, MutexGuard, register};

pub(super) struct Slots<I, F> {
    slots: Vec<Slot<I, F>>,
    free: Vec<usize>,
    /// Woken, and to be polled.
    due: Vec<usize>,
    bell: Arc<Bell>,
}

struct Slot<I, F> {
    attempt: Pin<Box<Attempt<I, F>>>,
    tongue: Arc<Tongue>,
    /// Of the tongue: made once.
    waker: Waker,
}

/// What the wakers of all slots ring.
struct Bell {
    woken: Mutex<Vec<usize>>,
    /// The task of the run.
    task: AtomicWaker,
}

/// The waker of one slot, whoever is in it: one that comes late wakes its successor, which is polled in vain then.
struct Tongue {
    slot: usize,
    is_woken: AtomicBool,
    bell: Arc<Bell>,
}

impl<I, F> Slots<I, F> {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell { woken: Mutex::new(Vec::new()), task: AtomicWaker::new() });
        Self { slots: Vec::new(), free: Vec::new(), due: Vec::new(), bell }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Which slot is to be polled next. `None` when none is, and whoever is woken wakes the task.
    pub(super) fn next_woken(&mut self, cx: &mut Context<'_>) -> Option<usize> {
        if self.due.is_empty() {
            // First the waker, then the look: who rings in between is seen, or wakes us.
            register(&self.bell.task, cx.waker());
            std::mem::swap(&mut self.due, &mut self.bell.woken());
            self.due.reverse();
        }
        self.due.pop()
    }
}

impl<I, F, U> Slots<I, F>
where
    F: Future<Output = Result<U, BoxError>>,
{
    /// Puts an attempt into a slot: its number.
    pub(super) fn put(&mut self, attempt: Attempt<I, F>) -> usize {
        if let Some(number) = self.free.pop() {
            self.slots[number].attempt.set(attempt);
            return number;
        }
        let slot = self.slots.len();
        let tongue = Arc::new(Tongue { slot, is_woken: AtomicBool::new(false), bell: self.bell.clone() });
        self.slots.push(Slot { attempt: Box::pin(attempt), waker: tongue.clone().into(), tongue });
        slot
    }

    /// Polls what is in a slot, which is free when it has ended.
    pub(super) fn poll(&mut self, number: usize) -> Poll<(Ticket<I>, Ended<U>)> {
        let Slot { attempt, tongue, waker } = &mut self.slots[number];
        // Before the poll: a wake-up during it is for the next. Acquire: pairs with the Release of who woke it.
        tongue.is_woken.swap(false, Ordering::Acquire);
        if attempt.has_ended() {
            return Poll::Pending;
        }
        let polled = attempt.as_mut().poll(&mut Context::from_waker(waker));
        if polled.is_ready() {
            self.free.push(number);
        }
        polled
    }
}

impl Bell {
    fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Tongue {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquire of the poll, which sees what was done before the wake-up.
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.bell.woken().push(self.slot);
            self.bell.task.wake();
        }
    }
}
