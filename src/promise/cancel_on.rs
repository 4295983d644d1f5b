//! An end from outside.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::error::{PromiseError, polled_after_end};
use crate::error::Cancelled;

pin_project_lite::pin_project! {
    /// A future that a token can end; made by [`cancel_on`](super::ResultFutureExt::cancel_on).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct CancelOnFuture<F> {
        #[pin]
        future: Option<F>,
        #[pin]
        cancelled: WaitForCancellationFutureOwned,
        token: CancellationToken,
        has_begun: bool,
        caller: &'static Location<'static>,
    }
}

impl<F> CancelOnFuture<F> {
    pub(super) fn new(future: F, token: CancellationToken, caller: &'static Location<'static>) -> Self {
        let cancelled = token.clone().cancelled_owned();
        Self { future: Some(future), cancelled, token, has_begun: false, caller }
    }
}

impl<F, T, E> Future for CancelOnFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, PromiseError<E>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { polled_after_end("cancel_on") };
        // Work that is unwanted from the start does not begin; a result that is there is not thrown away.
        if *this.has_begun || !this.token.is_cancelled() {
            *this.has_begun = true;
            if let Poll::Ready(result) = future.poll(cx) {
                this.future.set(None);
                return Poll::Ready(result.map_err(PromiseError::Rejected));
            }
        }
        if this.cancelled.poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.future.set(None);
        Poll::Ready(Err(PromiseError::Cancelled(Cancelled::new(format!("future at {}", this.caller)))))
    }
}

impl<F> fmt::Debug for CancelOnFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelOnFuture").field("caller", &self.caller).finish_non_exhaustive()
    }
}
