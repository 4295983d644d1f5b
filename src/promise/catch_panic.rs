//! A panic as a value.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use super::error::{PromiseError, polled_after_end};
use crate::error::Panicked;
use crate::task::Caught;

static PLACE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("a future"));

pin_project_lite::pin_project! {
    /// A future whose panic is a value; made by [`catch_panic`](super::ResultFutureExt::catch_panic).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct CatchPanicFuture<F> {
        #[pin]
        future: Caught<F>,
        caller: &'static Location<'static>,
    }
}

impl<F> CatchPanicFuture<F> {
    pub(super) fn new(future: F, caller: &'static Location<'static>) -> Self {
        Self { future: Caught::new(PLACE.clone(), future), caller }
    }
}

impl<F, T, E> Future for CatchPanicFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, PromiseError<E>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.future.has_ended() {
            polled_after_end("catch_panic");
        }
        Poll::Ready(match ready!(this.future.poll(cx)) {
            Ok(result) => result.map_err(PromiseError::Rejected),
            // Named only now, when it is worth the text.
            Err(Panicked { message, .. }) => {
                Err(PromiseError::Panicked(Panicked::new(format!("future at {}", this.caller), message)))
            }
        })
    }
}

impl<F> fmt::Debug for CatchPanicFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchPanicFuture").field("caller", &self.caller).finish_non_exhaustive()
    }
}
