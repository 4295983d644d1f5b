//! Waiting for the queue as a whole.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ring::Ring;
use super::wait::{Line, Slot};

/// Waits until everything accepted is finished; made by [`Producer::join`](super::Producer::join) and
/// [`Consumer::join`](super::Consumer::join).
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct JoinFuture<'a, T> {
    ring: &'a Ring<T>,
    slot: Slot,
}

/// Waits until the queue is closed; made by [`Producer::closed`](super::Producer::closed) and
/// [`Consumer::closed`](super::Consumer::closed).
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct ClosedFuture<'a, T> {
    ring: &'a Ring<T>,
    slot: Slot,
}

impl<'a, T> JoinFuture<'a, T> {
    pub(super) fn new(ring: &'a Ring<T>) -> Self {
        Self { ring, slot: Slot::default() }
    }
}

impl<'a, T> ClosedFuture<'a, T> {
    pub(super) fn new(ring: &'a Ring<T>) -> Self {
        Self { ring, slot: Slot::default() }
    }
}

impl<T> Future for JoinFuture<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.ring.poll_join(&mut this.slot, cx)
    }
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.ring.poll_closed(&mut this.slot, cx)
    }
}

impl<T> Drop for JoinFuture<'_, T> {
    fn drop(&mut self) {
        self.ring.lock.retire(Line::Joiners, &mut self.slot);
    }
}

impl<T> Drop for ClosedFuture<'_, T> {
    fn drop(&mut self) {
        self.ring.lock.retire(Line::Closers, &mut self.slot);
    }
}

impl<T> std::fmt::Debug for JoinFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinFuture").field("queue", &self.ring.name()).finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClosedFuture").field("queue", &self.ring.name()).finish_non_exhaustive()
    }
}
