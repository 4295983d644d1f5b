//! Sending several items at once.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::error::SendError;
use super::producer::Producer;
use super::wait::{Line, Slot};
use crate::error::drop_quietly;
use crate::task::block_on;

/// Sends several items as room comes; made by [`Producer::send_many`].
///
/// # Cancel safety
/// What was sent stays sent. Dropped before it is ready it drops the rest, one by one and sparing the caller a destructor
/// that panics; [`into_inner`](Self::into_inner) gives the rest back instead.
///
/// # Panics
/// When it is polled again after it was ready.
#[must_use = "nothing is sent unless the future is awaited"]
pub struct SendManyFuture<'a, T> {
    producer: &'a Producer<T>,
    /// What is not sent yet; absent once it is ready.
    items: Option<VecDeque<T>>,
    slot: Slot,
}

// The items are moved, never pinned.
impl<T> Unpin for SendManyFuture<'_, T> {}

impl<T> Producer<T> {
    /// Sends several items in their order, with one lock for as many as there is room for; waits for more room if the
    /// [overflow policy](crate::policy::Overflow) says so.
    ///
    /// The way to send when items are small and many, as [`recv_many`](super::Consumer::recv_many) is to receive them. A
    /// `Vec`, an array or a `VecDeque` can be sent, and may be larger than the capacity.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(8);
    /// producer.send_many(vec![1, 2, 3]).await?;
    /// assert_eq!(consumer.recv_many(8).await.expect("three are queued").into_items().sum::<i32>(), 6);
    ///
    /// consumer.close();
    /// let error = producer.send_many([4, 5]).await.unwrap_err();
    /// assert_eq!(error.into_inner(), [4, 5]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SendError`] with what was not sent, the first items of which may have been: closed, when the queue is closed or
    /// was closed meanwhile; full, when the policy is to reject.
    ///
    /// # Cancel safety
    /// What was sent stays sent, and a future dropped while it waits takes the rest along; see
    /// [`SendManyFuture::into_inner`] to keep it.
    ///
    /// # Ordering
    /// The items are queued in their order. Where the batch has to wait, items of others may come in between.
    ///
    /// # Fairness
    /// A batch that waits for more room keeps the front of the line until all of it is sent.
    ///
    /// # Complexity
    /// The lock is held for O(items that there is room for).
    #[doc(alias = "send_all")]
    #[doc(alias = "extend")]
    pub fn send_many(&self, items: impl Into<VecDeque<T>>) -> SendManyFuture<'_, T> {
        SendManyFuture { producer: self, items: Some(items.into()), slot: Slot::default() }
    }

    /// Sends as many of the items as is possible at once, in their order.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// let (producer, _consumer) = queue::bounded(2);
    /// let error = producer.try_send_many([1, 2, 3]).unwrap_err();
    /// assert!(error.is_full());
    /// assert_eq!((producer.len(), error.into_inner()), (2, vec![3]));
    /// ```
    ///
    /// # Errors
    /// [`SendError`] with what was not sent: full or closed. A policy that drops items is never full.
    pub fn try_send_many(&self, items: impl Into<VecDeque<T>>) -> Result<(), SendError<Vec<T>>> {
        self.ring.try_send_many(items.into(), &self.origin)
    }

    /// Sends several items; blocks this thread until there was room for all, if the
    /// [overflow policy](crate::policy::Overflow) says so. [`send_many`](Self::send_many) for threads that run no async
    /// code.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// let (producer, consumer) = queue::bounded(2);
    /// let worker = std::thread::spawn(move || {
    ///     let items = std::iter::from_fn(|| consumer.recv_blocking()).map(queue::Delivery::into_inner);
    ///     items.sum::<i32>()
    /// });
    /// producer.send_many_blocking(vec![1, 2, 3, 4, 5])?;
    /// drop(producer);
    /// assert_eq!(worker.join().expect("no panic"), 15);
    /// # Ok::<(), queue::SendError<Vec<i32>>>(())
    /// ```
    ///
    /// # Errors
    /// As [`send_many`](Self::send_many).
    ///
    /// # Panics
    /// As [`send_blocking`](Self::send_blocking).
    #[track_caller]
    pub fn send_many_blocking(&self, items: impl Into<VecDeque<T>>) -> Result<(), SendError<Vec<T>>> {
        block_on(self.send_many(items))
    }
}

impl<T> SendManyFuture<'_, T> {
    /// Gives up waiting and gives back what was not sent, in its order; nothing if the future was ready already.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use tokio_test::{assert_pending, task};
    ///
    /// let (producer, _consumer) = queue::bounded(2);
    /// let mut send = producer.send_many([1, 2, 3, 4]);
    /// assert_pending!(task::spawn(&mut send).poll());
    /// assert_eq!((producer.len(), send.into_inner()), (2, vec![3, 4]));
    /// ```
    #[must_use = "dropping the items loses them"]
    pub fn into_inner(mut self) -> Vec<T> {
        self.items.take().unwrap_or_default().into()
    }
}

impl<T> Future for SendManyFuture<'_, T> {
    type Output = Result<(), SendError<Vec<T>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { producer, items, slot } = self.get_mut();
        assert!(items.is_some(), "a SendManyFuture was polled after it was ready");
        producer.ring.poll_send_many(slot, cx, items, &producer.origin)
    }
}

impl<T> Drop for SendManyFuture<'_, T> {
    fn drop(&mut self) {
        self.producer.ring.lock.retire(Line::Senders, &mut self.slot);
        // One by one: two destructors that panic in one drop would end the process.
        self.items.take().into_iter().flatten().for_each(drop_quietly);
    }
}

impl<T> std::fmt::Debug for SendManyFuture<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, left) = (self.producer.name(), self.items.as_ref().map_or(0, VecDeque::len));
        f.debug_struct("SendManyFuture").field("queue", &name).field("left", &left).finish_non_exhaustive()
    }
}
