//! Waiting for items.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::batch::Batch;
use super::consumer::Consumer;
use super::delivery::Delivery;
use super::wait::{Line, Slot};

/// Receives one item; made by [`Consumer::recv`].
///
/// # Cancel safety
/// No item leaves the queue before the future is ready. A wake-up it was given goes to the next receiver.
#[must_use = "nothing is received unless the future is awaited"]
pub struct RecvFuture<'a, T> {
    consumer: &'a Consumer<T>,
    slot: Slot,
}

/// Receives several items at once; made by [`Consumer::recv_many`].
///
/// # Cancel safety
/// No item leaves the queue before the future is ready. A wake-up it was given goes to the next receiver.
#[must_use = "nothing is received unless the future is awaited"]
pub struct RecvManyFuture<'a, T> {
    consumer: &'a Consumer<T>,
    max: usize,
    slot: Slot,
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(consumer: &'a Consumer<T>) -> Self {
        Self { consumer, slot: Slot::default() }
    }
}

impl<'a, T> RecvManyFuture<'a, T> {
    pub(super) fn new(consumer: &'a Consumer<T>, max: usize) -> Self {
        Self { consumer, max, slot: Slot::default() }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<Delivery<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let taken = ready!(this.consumer.ring.poll_recv(&mut this.slot, cx));
        Poll::Ready(taken.map(|(item, mark)| Delivery::new(item, mark, this.consumer.ring.clone())))
    }
}

impl<T> Future for RecvManyFuture<'_, T> {
    type Output = Option<Batch<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let taken = ready!(this.consumer.ring.poll_recv_many(&mut this.slot, cx, this.max));
        Poll::Ready(taken.map(|taken| Batch::new(taken, this.consumer.ring.clone())))
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.ring.lock.retire(Line::Receivers, &mut self.slot);
    }
}

impl<T> Drop for RecvManyFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.ring.lock.retire(Line::Receivers, &mut self.slot);
    }
}

impl<T> std::fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvFuture").field("queue", &self.consumer.name()).finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for RecvManyFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.consumer.name();
        f.debug_struct("RecvManyFuture").field("queue", &name).field("max", &self.max).finish_non_exhaustive()
    }
}
