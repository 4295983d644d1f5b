//! Waiting until nobody waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cell::Cell;
use crate::task::Ticket;

/// Waits until nobody waits for the value any more; made by [`Promise::abandoned`](super::Promise::abandoned).
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct AbandonedFuture<'a, T, E> {
    cell: &'a Cell<T, E>,
    ticket: Option<Ticket>,
}

impl<'a, T, E> AbandonedFuture<'a, T, E> {
    pub(super) fn new(cell: &'a Cell<T, E>) -> Self {
        Self { cell, ticket: None }
    }
}

impl<T, E> Future for AbandonedFuture<'_, T, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.cell.poll_abandoned(&mut this.ticket, cx)
    }
}

impl<T, E> Drop for AbandonedFuture<'_, T, E> {
    fn drop(&mut self) {
        self.cell.forget_abandoned(&mut self.ticket);
    }
}

impl<T, E> fmt::Debug for AbandonedFuture<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbandonedFuture").field("is_abandoned", &self.cell.is_abandoned()).finish_non_exhaustive()
    }
}
