//! What is done at the end, whatever the end is.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use super::error::polled_after_end;
use crate::error::{catch, log_quietly};

pin_project_lite::pin_project! {
    /// A future, and a closure that runs at its end; made by [`finally`](super::ResultFutureExt::finally).
    ///
    /// # Cancel safety
    /// Dropping it drops the future, then runs the closure.
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing but the closure runs unless the future is awaited"]
    pub struct FinallyFuture<F, C>
    where
        C: FnOnce(),
    {
        #[pin]
        future: Option<F>,
        last: Last<C>,
    }

    impl<F, C> PinnedDrop for FinallyFuture<F, C>
    where
        C: FnOnce(),
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Should this unwind, `last` still runs: it is a field, and its own drop is that.
            this.future.set(None);
        }
    }
}

/// Runs its closure when it is dropped, if not before.
struct Last<C: FnOnce()>(Option<C>);

impl<F, C: FnOnce()> FinallyFuture<F, C> {
    pub(super) fn new(future: F, last: C) -> Self {
        Self { future: Some(future), last: Last(Some(last)) }
    }
}

impl<C: FnOnce()> Last<C> {
    fn run(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

impl<C: FnOnce()> Drop for Last<C> {
    fn drop(&mut self) {
        match thread::panicking() {
            true => quietly("the closure of `finally`", || self.run()),
            false => self.run(),
        }
    }
}

impl<F: Future, C: FnOnce()> Future for FinallyFuture<F, C> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { polled_after_end("finally") };
        let output = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(payload),
        };
        let output = and_then(output, "the future of `finally`", || this.future.set(None));
        match and_then(output, "the closure of `finally`", || this.last.run()) {
            Ok(output) => Poll::Ready(output),
            Err(payload) => resume_unwind(payload),
        }
    }
}

/// Runs what comes next, also beside a panic. The first panic goes on, and takes the output along, whose destructor may
/// panic as well.
fn and_then<R>(output: thread::Result<R>, place: &str, run: impl FnOnce()) -> thread::Result<R> {
    match output {
        Ok(output) => match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => Ok(output),
            Err(payload) => {
                quietly("the output of `finally`", || drop(output));
                Err(payload)
            }
        },
        Err(payload) => {
            quietly(place, run);
            Err(payload)
        }
    }
}

/// Beside a panic that goes on: a second one would take its place, or end the process.
fn quietly(place: &str, run: impl FnOnce()) {
    if let Err(panicked) = catch(&Arc::from(place), run) {
        log_quietly(|| tracing::error!(target: "regatta::promise", %panicked, "after another panic"));
    }
}

impl<F, C: FnOnce()> fmt::Debug for FinallyFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinallyFuture").field("has_ended", &self.last.0.is_none()).finish_non_exhaustive()
    }
}
