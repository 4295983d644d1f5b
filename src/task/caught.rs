//! A user's future that cannot unwind into whoever polls it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::{Panicked, catch};

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

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("a future is not polled after its end");
        };
        let polled = match catch(this.place, || future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        // What the future captured goes now, not when the wrapper does; a destructor may panic too.
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        Poll::Ready(match (polled, dropped) {
            (Ok(_), Err(payload)) => Err(Panicked::from_payload(this.place.clone(), payload)),
            (polled, _) => polled,
        })
    }
}
