//! A future that tells its group how it ended, whichever way that is.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::ledger::{Ending, Ledger};
use crate::error::{Panicked, catch};

pin_project_lite::pin_project! {
    /// Runs a user's future: panics become values, and the group learns of the end after the future is dropped.
    pub(super) struct Tracked<F> {
        // Dropped before the guard: fields drop in the order they are declared.
        #[pin]
        future: Option<F>,
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
        Self { future: Some(future), guard }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("a task is not polled after its end");
        };
        let polled = match catch(&this.guard.place, || future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panicked) => Err(panicked),
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        let output = match (polled, dropped) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(panicked), _) => Err(panicked),
            (Ok(_), Err(payload)) => Err(Panicked::from_payload(this.guard.place.clone(), payload)),
        };
        this.guard.leave(match &output {
            Ok(_) => Ending::Finished,
            Err(panicked) => Ending::Panicked(panicked.clone()),
        });
        Poll::Ready(output)
    }
}

impl Guard {
    pub(super) fn new(ledger: Arc<Ledger>, place: Arc<str>, id: u64) -> Self {
        Self { ledger, place, id, has_left: false }
    }

    /// Runs a blocking closure under this guard.
    pub(super) fn run<R>(mut self, run: impl FnOnce() -> R) -> Result<R, Panicked> {
        let result = catch(&self.place, run);
        self.leave(match &result {
            Ok(_) => Ending::Finished,
            Err(panicked) => Ending::Panicked(panicked.clone()),
        });
        result
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
