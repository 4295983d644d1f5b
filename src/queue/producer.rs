//! The end that offers items.

use std::sync::Arc;
use std::time::Duration;

use super::ends::both_ends;
use super::error::SendError;
use super::ring::Ring;
use super::send::SendFuture;
use super::tally::Origin;
use crate::policy::Priority;

/// Offers items to a queue; made by [`bounded`](super::bounded) or a [`Builder`](super::Builder), and cloned.
///
/// Dropping the last one closes the queue.
///
/// # Fairness
/// Senders that wait are woken in the order they came. A sender that comes at the right moment may take the room first
/// (“barging”); the one that was woken then waits on at the front. No room is ever set aside for a sleeper, so a future
/// that is alive but not polled keeps nobody else out.
///
/// [Priority](Self::with_priority) orders what is queued, not who waits: senders of all priorities stand in one line.
#[doc(alias = "Sender")]
pub struct Producer<T> {
    pub(super) ring: Arc<Ring<T>>,
    pub(super) origin: Origin,
}

both_ends!(Producer);

impl<T> Producer<T> {
    /// The producer that a new queue counts already.
    pub(super) fn first(ring: Arc<Ring<T>>) -> Self {
        Self { ring, origin: Origin::PLAIN }
    }

    /// A producer whose items are counted by themselves.
    pub(super) fn tagged(&self, tag: usize) -> Self {
        self.of(Origin { tag, ..self.origin })
    }

    fn of(&self, origin: Origin) -> Self {
        self.ring.add_producer(origin.tag);
        Self { ring: self.ring.clone(), origin }
    }

    /// A clone that sends with this priority, in every way there is to send. Clones of it keep the priority.
    ///
    /// The lanes share the capacity: when the queue is full, it is full for all. To keep urgent work from waiting behind
    /// the rest in front of a full queue, give it a queue of its own.
    ///
    /// # Ordering
    /// Within a lane, first in, first out. Which lane is next is [`Priority`]'s to say: no lane is ever starved. What is
    /// put back keeps its priority: see [lanes](super#lanes).
    ///
    /// # Examples
    /// ```
    /// use regatta::policy::Priority;
    /// use regatta::queue;
    ///
    /// let (producer, consumer) = queue::bounded(8);
    /// let urgent = producer.with_priority(Priority::High);
    /// producer.try_send("report").expect("there is room");
    /// urgent.try_send("alarm").expect("there is room");
    ///
    /// let first = consumer.try_recv().expect("two are queued");
    /// assert_eq!((*first, first.priority()), ("alarm", Priority::High));
    /// first.nack(); // it comes back as what it was
    /// assert_eq!(consumer.stats().queued_in(Priority::High), 1);
    /// ```
    #[doc(alias = "lane")]
    #[must_use = "it is the clone that sends with this priority"]
    pub fn with_priority(&self, priority: Priority) -> Self {
        self.of(Origin { priority, ..self.origin })
    }

    /// The priority its items are sent with: [`Priority::Normal`], if no other was asked for.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.origin.priority
    }

    /// Sends one item; waits for room if the [overflow policy](crate::policy::Overflow) says so.
    ///
    /// To wait no longer than some time use [`send_timeout`](Self::send_timeout), not to wait at all
    /// [`try_send`](Self::try_send).
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(8);
    /// producer.send("work").await?;
    /// drop(consumer);
    /// let error = producer.send("late").await.unwrap_err();
    /// assert!(error.is_closed());
    /// assert_eq!(error.into_inner(), "late");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SendError`] with the item: closed, when the queue is closed or was closed meanwhile; full, when the policy is
    /// to reject.
    ///
    /// # Cancel safety
    /// Nothing is sent before the future is ready. A future dropped while it waits takes its item along; see
    /// [`SendFuture::into_inner`] to keep it.
    #[doc(alias = "put")]
    #[doc(alias = "push")]
    pub fn send(&self, item: T) -> SendFuture<'_, T> {
        SendFuture::new(self, item)
    }

    /// Sends one item if that is possible at once.
    ///
    /// # Errors
    /// [`SendError`] with the item: full or closed. A policy that drops items is never full.
    #[doc(alias = "put_nowait")]
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.ring.try_send(item, &self.origin)
    }

    /// Sends one item, and waits at most `limit` for room.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let (producer, _consumer) = queue::bounded(1);
    /// producer.send_timeout(1, Duration::from_secs(1)).await.expect("there is room");
    /// let error = producer.send_timeout(2, Duration::from_secs(1)).await.unwrap_err();
    /// assert!(error.is_elapsed());
    /// assert_eq!(error.into_inner(), 2);
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError`] with the item: elapsed, full or closed.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send): dropped while it waits it takes the item along.
    ///
    /// # Panics
    /// Outside a tokio runtime with a timer.
    pub async fn send_timeout(&self, item: T, limit: Duration) -> Result<(), SendError<T>> {
        let mut send = self.send(item);
        match tokio::time::timeout(limit, &mut send).await {
            Ok(sent) => sent,
            Err(_) => send.give_up(limit),
        }
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        self.of(self.origin)
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.ring.remove_producer();
    }
}
