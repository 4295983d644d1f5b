//! A future of an inline stage: it knows the number of its item, and cannot unwind into its neighbours.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::drop_quietly;
use crate::pipeline::segment::Payload;

pin_project_lite::pin_project! {
    /// As [`Caught`](crate::task::Caught), without a name for each item: whose panic it was is known where it is polled.
    pub(super) struct Numbered<F> {
        number: u64,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Numbered<F> {
        fn drop(this: Pin<&mut Self>) {
            // A destructor that panics must not keep its neighbours from being dropped.
            if let Err(payload) = this.end() {
                drop_quietly(payload);
            }
        }
    }
}

impl<F> Numbered<F> {
    pub(super) fn new(number: u64, future: F) -> Self {
        Self { number, future: Some(future) }
    }

    fn end(self: Pin<&mut Self>) -> Result<(), Payload> {
        let mut this = self.project();
        if this.future.is_none() {
            return Ok(());
        }
        catch_unwind(AssertUnwindSafe(|| this.future.set(None)))
    }
}

impl<F: Future> Future for Numbered<F> {
    type Output = (u64, Result<F::Output, Payload>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let number = *this.number;
        let Some(future) = this.future.as_pin_mut() else {
            unreachable!("a future is not polled after its end");
        };
        let output = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        // What the future captured goes before its result arrives.
        match (output, self.end()) {
            (Ok(output), Err(payload)) => {
                drop_quietly(output);
                Poll::Ready((number, Err(payload)))
            }
            (output, _) => Poll::Ready((number, output)),
        }
    }
}
