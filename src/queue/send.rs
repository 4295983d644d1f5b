//! Waiting for room.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::error::SendError;
use super::producer::Producer;
use super::wait::{Line, Slot};

/// Sends one item when there is room; made by [`Producer::send`].
///
/// # Cancel safety
/// Nothing is sent before the future is ready. Dropped earlier it drops its item; [`into_inner`](Self::into_inner) gives
/// the item back instead.
///
/// # Panics
/// When it is polled again after it was ready.
#[must_use = "nothing is sent unless the future is awaited"]
pub struct SendFuture<'a, T> {
    producer: &'a Producer<T>,
    /// Present until it is sent or handed back.
    item: Option<T>,
    slot: Slot,
}

// The item is moved, never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(producer: &'a Producer<T>, item: T) -> Self {
        Self { producer, item: Some(item), slot: Slot::default() }
    }

    /// Gives up waiting and gives the item back; nothing if the future was ready already.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use tokio_test::{assert_pending, task};
    ///
    /// let (producer, _consumer) = queue::bounded(1);
    /// producer.try_send(1).expect("there is room");
    /// let mut send = producer.send(2);
    /// assert_pending!(task::spawn(&mut send).poll());
    /// assert_eq!(send.into_inner(), Some(2));
    /// ```
    #[must_use = "dropping the item loses it"]
    pub fn into_inner(mut self) -> Option<T> {
        self.item.take()
    }

    /// Gives up after so long a time; an item that is gone was sent.
    pub(super) fn give_up(mut self, limit: Duration) -> Result<(), SendError<T>> {
        let place = self.producer.ring.place();
        self.item.take().map_or(Ok(()), |item| Err(SendError::elapsed(item, place.clone(), limit)))
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(this.item.is_some(), "a SendFuture was polled after it was ready");
        this.producer.ring.poll_send(&mut this.slot, cx, &mut this.item, &this.producer.origin)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.producer.ring.lock.retire(Line::Senders, &mut self.slot);
    }
}

impl<T> std::fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendFuture").field("queue", &self.producer.name()).finish_non_exhaustive()
    }
}
