//! Waiting without taking.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::cell::{Cell, Outcome};
use super::error::PromiseError;
use crate::task::Ticket;

/// Waits for the value and gives a reference to it; made by
/// [`PromiseFuture::wait_ref`](super::PromiseFuture::wait_ref).
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct WaitRefFuture<'a, T, E> {
    cell: &'a Cell<T, E>,
    ticket: Option<Ticket>,
}

impl<'a, T, E> WaitRefFuture<'a, T, E> {
    pub(super) fn new(cell: &'a Cell<T, E>) -> Self {
        Self { cell, ticket: None }
    }
}

impl<'a, T, E> Future for WaitRefFuture<'a, T, E> {
    type Output = Result<&'a T, &'a PromiseError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let cell = this.cell;
        Poll::Ready(Outcome::as_ref(ready!(cell.poll_outcome(&mut this.ticket, cx))))
    }
}

impl<T, E> Drop for WaitRefFuture<'_, T, E> {
    fn drop(&mut self) {
        self.cell.forget_outcome(&mut self.ticket);
    }
}

impl<T, E> fmt::Debug for WaitRefFuture<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitRefFuture").field("is_settled", &self.cell.outcome().is_some()).finish_non_exhaustive()
    }
}
