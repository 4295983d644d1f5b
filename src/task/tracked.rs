//! A future that tells its group how it ended, whichever way that is.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::caught::Caught;
use super::error::TaskError;
use super::ledger::{Ending, Ledger};
use crate::error::{Panicked, catch};

pin_project_lite::pin_project! {
    /// Runs a user's future: panics become values, and the group learns of the end after the future is dropped, also of a
    /// panic in its destructor.
    pub(super) struct Tracked<F> {
        #[pin]
        future: Caught<F>,
        guard: Guard,
    }

    impl<F> PinnedDrop for Tracked<F> {
        // Before its end: the task was aborted, or its runtime goes away.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Err(panicked) = this.future.end() {
                let message = panicked.message.to_string();
                this.guard.leave(Ending::Panicked(panicked));
                // For the task's handle, by way of tokio, which catches it.
                if !std::thread::panicking() {
                    resume_unwind(Box::new(message));
                }
            }
        }
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
