//! A user's future that cannot unwind into whoever polls it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::{Panicked, catch, drop_quietly};

pin_project_lite::pin_project! {
    /// Gives the future's output, or its panic as a value; either way the future is dropped before that.
    #[derive(Debug)]
    pub(crate) struct Caught<F> {
        #[pin]
        future: Option<F>,
        place: Arc<str>,
    }
}

impl<F> Caught<F> {
    pub(crate) fn new(place: Arc<str>, future: F) -> Self {
        Self { future: Some(future), place }
    }
}

impl<F> Caught<F> {
    /// Tells whether it has given its output.
    pub(crate) fn has_ended(&self) -> bool {
        self.future.is_none()
    }

    /// Drops the future, if it is still there, and what it captured; a destructor may panic.
    pub(crate) fn end(self: Pin<&mut Self>) -> Result<(), Panicked> {
        let mut this = self.project();
        catch(this.place, || this.future.set(None))
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("a future is not polled after its end");
        };
        let polled = match catch(this.place, || future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        // What the future captured goes now, not when the wrapper does; a destructor may panic too.
        let dropped = self.end();
        Poll::Ready(match (polled, dropped) {
            (Ok(output), Err(panicked)) => {
                drop_quietly(output);
                Err(panicked)
            }
            (polled, _) => polled,
        })
    }
}
