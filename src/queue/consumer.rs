//! The end that takes items.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;

use super::delivery::Delivery;
use super::ends::both_ends;
use super::error::TryRecvError;
use super::recv::{RecvFuture, RecvManyFuture};
use super::ring::{Anchor, Ring};
use super::wait::{Line, Slot};
use crate::error::{Elapsed, refuse_zero};

/// Takes items from a queue; made by [`bounded`](super::bounded) or a [`Builder`](super::Builder), and cloned: each item
/// goes to one of the clones.
///
/// It is a [`Stream`] of deliveries as well. Dropping the last one closes the queue and discards what is queued; the
/// count is logged as a warning.
///
/// # Fairness
/// Receivers that wait are woken in the order they came, one for each item. A receiver that comes at the right moment may
/// take the item first (“barging”); the one that was woken then waits on at the front. A future that was woken and is
/// dropped passes its wake-up on; one that is neither polled nor dropped holds one wake-up, but no item.
///
/// As a stream the consumer itself is what waits, not the future of `next`: one that is given up, in `select!` for
/// example, leaves the consumer in its place, with the wake-up that it may get there. The place is given up, and the
/// wake-up passed on, when the consumer receives in another way or is dropped; the next poll as a stream keeps it. A task
/// that goes on to do something else for long should use [`recv`](Self::recv) in its `select!`.
#[doc(alias = "Receiver")]
pub struct Consumer<T> {
    pub(super) ring: Arc<Anchor<T>>,
    stream: StreamPlace,
}

/// Where a consumer waits as a stream: between two polls there is no future to keep the place in.
#[derive(Default)]
struct StreamPlace {
    /// Whether there is anything in `slot`: spares every other receive the lock. Written by `&mut self`, or under the
    /// lock; who reads it through `&self` was synchronised with that by whatever ended the `&mut` borrow.
    is_waiting: AtomicBool,
    slot: Mutex<Slot>,
}

both_ends!(Consumer);

impl<T> Consumer<T> {
    /// A consumer that the queue counts already.
    pub(super) fn first(ring: Arc<Ring<T>>) -> Self {
        Self { ring: Arc::new(Anchor(ring)), stream: StreamPlace::default() }
    }

    /// Receives one item; gives nothing when the queue has ended: closed, empty, and nothing in flight.
    ///
    /// Which one is next: see [lanes](super#lanes).
    ///
    /// While a delivery is out it may come back, so the end is not reached before the last one is finished. A task that
    /// holds a delivery itself while it waits for the end waits for ever.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(8);
    /// producer.send("work").await?;
    /// drop(producer);
    ///
    /// let delivery = consumer.recv().await.expect("an item is queued");
    /// delivery.nack(); // it failed: once more
    /// let delivery = consumer.recv().await.expect("it was put back");
    /// assert_eq!((*delivery, delivery.attempt()), ("work", 2));
    /// delivery.done();
    /// assert!(consumer.recv().await.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// Safe in `select!`: no item leaves the queue before the future is ready, and a wake-up it was given goes to the
    /// next receiver.
    #[doc(alias = "get")]
    #[doc(alias = "pop")]
    pub fn recv(&self) -> RecvFuture<'_, T> {
        self.leave_stream();
        RecvFuture::new(self)
    }

    /// Receives one item if one is queued.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] when nothing is queued now, [`TryRecvError::Closed`] after the end.
    #[doc(alias = "get_nowait")]
    pub fn try_recv(&self) -> Result<Delivery<T>, TryRecvError> {
        self.leave_stream();
        let (item, mark) = self.ring.try_recv()?;
        Ok(Delivery::new(item, mark, self.ring.clone()))
    }

    /// Receives one item, and waits at most `limit` for it; gives nothing after the end.
    ///
    /// # Errors
    /// [`Elapsed`] when nothing came in time.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv): nothing is lost.
    ///
    /// # Panics
    /// Outside a tokio runtime with a timer.
    pub async fn recv_timeout(&self, limit: Duration) -> Result<Option<Delivery<T>>, Elapsed> {
        let received = tokio::time::timeout(limit, self.recv()).await;
        received.map_err(|_| Elapsed::new(self.ring.place().clone(), limit))
    }

    /// Waits for at least one item and receives all that are queued, at most `max`; gives nothing after the end.
    ///
    /// One lock for all of them: the way to receive when items are small and many. It does not wait for a batch to fill.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(8);
    /// for number in 1..=5 {
    ///     producer.send(number).await?;
    /// }
    /// drop(producer);
    ///
    /// let batch = consumer.recv_many(3).await.expect("five are queued");
    /// batch.nack(); // all three failed: once more
    /// let mut sum = 0;
    /// while let Some(batch) = consumer.recv_many(usize::MAX).await {
    ///     sum += batch.into_items().sum::<i32>();
    /// }
    /// assert_eq!(sum, 15);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `max` is zero.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv): nothing is lost.
    ///
    /// # Complexity
    /// O(1) under the lock when all are taken and are fresh and of normal priority, which swaps buffers; else O(items).
    /// Buffers are used again: no allocation once they have grown, unless items are of another priority or were put back.
    ///
    /// # Ordering
    /// A batch has the order in which [`recv`](Self::recv) would have given the items.
    #[doc(alias = "drain")]
    #[track_caller]
    pub fn recv_many(&self, max: usize) -> RecvManyFuture<'_, T> {
        refuse_zero("Consumer::recv_many", "max", max);
        self.leave_stream();
        RecvManyFuture::new(self, max)
    }

    /// Gives up the place in line of the stream, which is not the form this consumer is used in now.
    #[inline]
    fn leave_stream(&self) {
        if self.stream.is_waiting.load(Ordering::Relaxed) {
            self.take_from_line();
        }
    }

    #[cold]
    fn take_from_line(&self) {
        let mut slot = {
            let mut slot = self.stream.slot.lock().unwrap_or_else(PoisonError::into_inner);
            self.stream.is_waiting.store(false, Ordering::Relaxed);
            std::mem::take(&mut *slot)
        };
        self.ring.lock.retire(Line::Receivers, &mut slot);
    }
}

/// Receives deliveries one by one, as [`Consumer::recv`] does; ends when the queue has ended, and stays ended.
///
/// # Cancel safety
/// No item is lost when a future of `next` is dropped, but the consumer stays in line: until it is polled again, receives
/// with [`recv`](Consumer::recv), [`try_recv`](Consumer::try_recv) or [`recv_many`](Consumer::recv_many), or is dropped,
/// it may hold a wake-up that another receiver waits for.
impl<T> Stream for Consumer<T> {
    type Item = Delivery<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery<T>>> {
        let Self { ring, stream } = self.get_mut();
        let slot = stream.slot.get_mut().unwrap_or_else(PoisonError::into_inner);
        let polled = ring.poll_recv(slot, cx);
        *stream.is_waiting.get_mut() = slot.is_waiting();
        polled.map(|taken| taken.map(|(item, mark)| Delivery::new(item, mark, ring.clone())))
    }
}

impl<T> Clone for Consumer<T> {
    fn clone(&self) -> Self {
        self.ring.add_consumer();
        Self::first(Arc::clone(&self.ring.0))
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave_stream();
        self.ring.remove_consumer();
    }
}
