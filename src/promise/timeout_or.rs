//! A limit to waiting.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::error::polled_after_end;

pin_project_lite::pin_project! {
    /// A future that has only so long; made by [`timeout_or`](super::ResultFutureExt::timeout_or) and
    /// [`deadline_or`](super::ResultFutureExt::deadline_or).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct TimeoutOrFuture<F, C> {
        #[pin]
        future: Option<F>,
        // There once there is something to wait for. Unconstrained: the future may use up the task's budget every time.
        #[pin]
        sleep: Option<Unconstrained<Sleep>>,
        limit: Limit,
        late: Option<C>,
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// From the first poll on.
    After(Duration),
    At(Instant),
}

impl<F, C> TimeoutOrFuture<F, C> {
    pub(super) fn new(future: F, limit: Limit, late: C) -> Self {
        Self { future: Some(future), sleep: None, limit, late: Some(late) }
    }
}

impl Limit {
    fn place(self) -> &'static str {
        match self {
            Self::After(_) => "timeout_or",
            Self::At(_) => "deadline_or",
        }
    }

    fn sleep(self) -> Sleep {
        match self {
            Self::After(limit) => sleep(limit),
            Self::At(deadline) => sleep_until(deadline),
        }
    }
}

impl<F, C, T, E> Future for TimeoutOrFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce() -> E,
{
    type Output = Result<T, E>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { polled_after_end(this.limit.place()) };
        // The future first: a result that is there is never late.
        if let Poll::Ready(result) = future.poll(cx) {
            this.future.set(None);
            return Poll::Ready(result);
        }
        if this.sleep.is_none() {
            this.sleep.set(Some(unconstrained(this.limit.sleep())));
        }
        match this.sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
            Some(Poll::Ready(())) => {}
            _ => return Poll::Pending,
        }
        // What it held is free again before anything else happens.
        this.future.set(None);
        match this.late.take() {
            Some(late) => Poll::Ready(Err(late())),
            None => Poll::Pending,
        }
    }
}

impl<F, C> fmt::Debug for TimeoutOrFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutOrFuture").field("limit", &self.limit).finish_non_exhaustive()
    }
}
