//! A blocking closure that is gone when its group says so, although the runtime still has its place in a queue.
//!
//! Invariants:
//! 1. Closure and guard go together: whoever takes them out of the slot runs the closure or drops it, and then enters
//!    the end. So a closure that has not begun is either in the slot, or being dropped by the one who aborts.
//! 2. No user code runs under the slot's lock.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::TaskError;
use super::tracked::Guard;
use crate::error::{Cancelled, drop_quietly};

pub(super) struct Slot<F>(Mutex<Option<(F, Guard)>>);

/// What is left of a slot for whoever can only abort.
pub(super) trait Discard: Send + Sync {
    /// Drops the closure, here and now, if it has not begun.
    fn discard(&self);
}

/// What the runtime has in its queue. Dropped there, as by a runtime that goes away, it takes the closure along.
pub(super) struct Lease<F> {
    slot: Arc<Slot<F>>,
    place: Arc<str>,
}

impl<F> Slot<F> {
    pub(super) fn new(run: F, guard: Guard) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some((run, guard)))))
    }

    fn take(&self) -> Option<(F, Guard)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn empty(&self) {
        if let Some((run, guard)) = self.take() {
            drop_quietly(run);
            drop(guard);
        }
    }
}

impl<F: Send> Discard for Slot<F> {
    fn discard(&self) {
        self.empty();
    }
}

impl<F> Lease<F> {
    pub(super) fn new(slot: Arc<Slot<F>>, place: Arc<str>) -> Self {
        Self { slot, place }
    }

    pub(super) fn run<R>(self) -> Result<R, TaskError>
    where
        F: FnOnce() -> R,
    {
        match self.slot.take() {
            Some((run, guard)) => guard.run(run).map_err(TaskError::Panicked),
            None => Err(TaskError::Cancelled(Cancelled::new(self.place.clone()))),
        }
    }
}

impl<F> Drop for Lease<F> {
    fn drop(&mut self) {
        self.slot.empty();
    }
}
