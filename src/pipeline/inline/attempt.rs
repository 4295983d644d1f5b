//! One attempt at an item of an inline stage: a future that knows whose it is, and cannot unwind into its neighbours; and what
//! lies between two attempts.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, Timeout, timeout};

use crate::error::{BoxError, drop_quietly};
use crate::pipeline::error::PipelineError;
use crate::pipeline::keys::Mark;
use crate::pipeline::on_error::Sending;
use crate::pipeline::segment::Payload;
use crate::policy::Delays;

/// An item that is worked on, without the item.
pub(super) struct Ticket<I> {
    pub(super) mark: Mark,
    /// The item again, where the rules ask for it.
    pub(super) kept: Option<I>,
    /// From the second attempt on; apart, so that others are small.
    pub(super) again: Option<Box<Again>>,
}

/// An item that is tried again.
pub(super) struct Again {
    /// So often so far.
    pub(super) attempts: u32,
    pub(super) delays: Option<Delays>,
}

/// How an attempt has ended.
pub(super) enum Ended<U> {
    Returned(Result<U, BoxError>),
    Panicked(Payload),
    Elapsed,
}

pin_project_lite::pin_project! {
    /// As [`Caught`](crate::task::Caught), without a name for each item: whose panic it was is known where it is polled.
    pub(super) struct Attempt<I, F> {
        ticket: Option<Ticket<I>>,
        #[pin]
        future: Option<Limited<F>>,
    }

    impl<I, F> PinnedDrop for Attempt<I, F> {
        fn drop(this: Pin<&mut Self>) {
            // A destructor that panics must not keep its neighbours from being dropped.
            if let Err(payload) = this.end() {
                drop_quietly(payload);
            }
        }
    }
}

pin_project_lite::pin_project! {
    #[project = LimitedPinned]
    pub(super) enum Limited<F> {
        Free { #[pin] future: F },
        // Boxed: it is many times as large.
        Bound { future: Pin<Box<Timeout<F>>> },
    }
}

impl<I, F> Attempt<I, F> {
    pub(super) fn new(ticket: Ticket<I>, future: Limited<F>) -> Self {
        Self { ticket: Some(ticket), future: Some(future) }
    }
}

impl<F: Future> Limited<F> {
    pub(super) fn new(future: F, limit: Option<Duration>) -> Self {
        match limit {
            None => Self::Free { future },
            Some(limit) => Self::Bound { future: Box::pin(timeout(limit, future)) },
        }
    }
}

impl<I, F> Attempt<I, F> {
    pub(super) fn has_ended(&self) -> bool {
        self.future.is_none()
    }

    fn end(self: Pin<&mut Self>) -> Result<(), Payload> {
        let mut this = self.project();
        let kept = this.ticket.take().map(|ticket| ticket.kept);
        if this.future.is_none() {
            return Ok(());
        }
        drop_quietly(kept);
        catch_unwind(AssertUnwindSafe(|| this.future.set(None)))
    }
}

impl<I, F, U> Future for Attempt<I, F>
where
    F: Future<Output = Result<U, BoxError>>,
{
    type Output = (Ticket<I>, Ended<U>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("a future is not polled after its end");
        };
        let ended = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => ready!(polled),
            Err(payload) => Ended::Panicked(payload),
        };
        let Some(ticket) = this.ticket.take() else { unreachable!("it has it until its end") };
        // What the future captured goes before its result arrives.
        match (ended, self.end()) {
            (Ended::Returned(output), Err(payload)) => {
                drop_quietly(output);
                Poll::Ready((ticket, Ended::Panicked(payload)))
            }
            (ended, _) => Poll::Ready((ticket, ended)),
        }
    }
}

impl<F, U> Limited<F>
where
    F: Future<Output = Result<U, BoxError>>,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<U>> {
        match self.project() {
            LimitedPinned::Free { future } => future.poll(cx).map(Ended::Returned),
            LimitedPinned::Bound { future } => {
                future.as_mut().poll(cx).map(|output| output.map_or(Ended::Elapsed, Ended::Returned))
            }
        }
    }
}

/// An item between two attempts, or behind the last one.
pub(super) enum Pause<I> {
    /// It is tried again after this.
    Retry(Pin<Box<Sleep>>, Option<(Ticket<I>, I)>),
    /// Its dead letter waits for room.
    Letter(Sending, Mark),
}

/// What comes after a pause.
pub(super) enum Resumed<I> {
    Again(Ticket<I>, I),
    Settled(Mark, Option<PipelineError>),
}

impl<I> Pause<I> {
    pub(super) fn retry(pause: Sleep, ticket: Ticket<I>, item: I) -> Self {
        Self::Retry(Box::pin(pause), Some((ticket, item)))
    }
}

// What is pinned is boxed.
impl<I> Unpin for Pause<I> {}

impl<I> Future for Pause<I> {
    type Output = Resumed<I>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Retry(sleep, item) => {
                ready!(sleep.as_mut().poll(cx));
                let Some((ticket, item)) = item.take() else { unreachable!("a pause is not polled after its end") };
                Poll::Ready(Resumed::Again(ticket, item))
            }
            Self::Letter(sending, mark) => sending.as_mut().poll(cx).map(|error| Resumed::Settled(*mark, error)),
        }
    }
}

/// Users' values are dropped one by one, whatever their destructors do.
impl<I> Drop for Pause<I> {
    fn drop(&mut self) {
        match self {
            Self::Retry(_, item) => drop_quietly(item.take()),
            Self::Letter(sending, _) => drop_quietly(std::mem::replace(sending, Box::pin(std::future::ready(None)))),
        }
    }
}
