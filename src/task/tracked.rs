//! A future that tells its group how it ended, whichever way that is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::caught::Caught;
use super::error::TaskError;
use super::ledger::{Ending, Ledger};
use crate::error::{Panicked, catch};

pin_project_lite::pin_project! {
    /// Runs a user's future: panics become values, and the group learns of the end after the future is dropped.
    pub(super) struct Tracked<F> {
        // Dropped before the guard: fields drop in the order they are declared.
        #[pin]
        future: Caught<F>,
        guard: Guard,
    }
}

/// Takes a task out of the book; as aborted, unless something else is known.
pub(super) struct Guard {
    ledger: Arc<Ledger>,
    place: Arc<str>,
    id: u64,
    has_left: bool,
}

impl<F> Tracked<F> {
    pub(super) fn new(future: F, guard: Guard) -> Self {
        Self { future: Caught::new(guard.place.clone(), future), guard }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Result<F::Output, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        this.guard.leave(Ending::of(&output));
        Poll::Ready(output.map_err(TaskError::Panicked))
    }
}

impl Guard {
    pub(super) fn new(ledger: Arc<Ledger>, place: Arc<str>, id: u64) -> Self {
        Self { ledger, place, id, has_left: false }
    }

    /// Runs a blocking closure under this guard.
    pub(super) fn run<R>(mut self, run: impl FnOnce() -> R) -> Result<R, Panicked> {
        let output = catch(&self.place, run);
        self.leave(Ending::of(&output));
        output
    }

    fn leave(&mut self, ending: Ending) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.ledger.leave(self.id, ending);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.leave(Ending::Aborted);
    }
}
