//! The ends for code that is not async: a plain thread, or a closure on one of tokio's blocking threads.
//!
//! Each waits for the future of its async form, in the same line, so the two mix on one queue. Nothing needs a runtime, and
//! time is real time, whatever tokio's clock does.

use std::time::Duration;

use super::batch::Batch;
use super::consumer::Consumer;
use super::delivery::Delivery;
use super::error::SendError;
use super::producer::Producer;
use crate::error::Elapsed;
use crate::task::{block_on, block_on_timeout};

impl<T> Producer<T> {
    /// Sends one item; blocks this thread until there is room, if the [overflow policy](crate::policy::Overflow) says so.
    ///
    /// For threads that run no async code. In async code use [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::thread;
    ///
    /// let (producer, consumer) = queue::bounded::<u32>(1);
    /// let worker = thread::spawn(move || {
    ///     let mut sum = 0;
    ///     while let Some(number) = consumer.recv_blocking() {
    ///         sum += number.into_inner();
    ///     }
    ///     sum
    /// });
    /// for number in 1..=4 {
    ///     producer.send_blocking(number).expect("the worker lives");
    /// }
    /// producer.close();
    /// assert_eq!(worker.join().expect("no panic"), 10);
    /// assert!(producer.send_blocking(5).unwrap_err().is_closed());
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send): [`SendError`] with the item, closed or full.
    ///
    /// # Panics
    /// On a thread that drives async tasks, with tokio's message, also when there is room; the item is dropped. Inside
    /// `spawn_blocking` and `block_in_place` it is allowed.
    #[doc(alias = "blocking_send")]
    #[track_caller]
    pub fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        block_on(self.send(item))
    }

    /// Sends one item; blocks this thread for at most `limit` of real time.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::time::Duration;
    ///
    /// let (producer, _consumer) = queue::bounded(1);
    /// producer.send_blocking_timeout(1, Duration::MAX).expect("there is room");
    /// let error = producer.send_blocking_timeout(2, Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_elapsed());
    /// assert_eq!(error.into_inner(), 2);
    /// ```
    ///
    /// # Errors
    /// As [`send_timeout`](Self::send_timeout): [`SendError`] with the item, elapsed, closed or full.
    ///
    /// # Panics
    /// As [`send_blocking`](Self::send_blocking).
    #[track_caller]
    pub fn send_blocking_timeout(&self, item: T, limit: Duration) -> Result<(), SendError<T>> {
        let mut send = self.send(item);
        match block_on_timeout(&mut send, limit) {
            Some(sent) => sent,
            None => send.give_up(limit),
        }
    }
}

impl<T> Consumer<T> {
    /// Receives one item; blocks this thread until there is one. Gives nothing after the end, as [`recv`](Self::recv),
    /// whose form for threads that run no async code it is; [`send_blocking`](Producer::send_blocking) shows both.
    ///
    /// A thread that holds a delivery itself while it waits for the end waits for ever.
    ///
    /// # Panics
    /// On a thread that drives async tasks, with tokio's message, also when an item is queued. Inside `spawn_blocking` and
    /// `block_in_place` it is allowed.
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(&self) -> Option<Delivery<T>> {
        block_on(self.recv())
    }

    /// Receives one item; blocks this thread for at most `limit` of real time. Gives nothing after the end.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::time::Duration;
    ///
    /// let (producer, consumer) = queue::Builder::new(1).name("mails").build::<String>();
    /// let elapsed = consumer.recv_blocking_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(elapsed.to_string(), "queue `mails` took longer than 1ms");
    /// producer.close();
    /// assert!(consumer.recv_blocking_timeout(Duration::MAX).expect("the end is not late").is_none());
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`] when nothing came in time.
    ///
    /// # Panics
    /// As [`recv_blocking`](Self::recv_blocking).
    #[doc(alias = "recv_timeout")]
    #[track_caller]
    pub fn recv_blocking_timeout(&self, limit: Duration) -> Result<Option<Delivery<T>>, Elapsed> {
        block_on_timeout(self.recv(), limit).ok_or_else(|| Elapsed::new(self.ring.place().clone(), limit))
    }

    /// Receives all that are queued, at most `max`; blocks this thread until there is one. Gives nothing after the end, as
    /// [`recv_many`](Self::recv_many).
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// let (producer, consumer) = queue::bounded(8);
    /// for number in 1..=5 {
    ///     producer.send_blocking(number)?;
    /// }
    /// drop(producer);
    /// let mut sizes = Vec::new();
    /// while let Some(batch) = consumer.recv_many_blocking(3) {
    ///     sizes.push(batch.len());
    ///     batch.done();
    /// }
    /// assert_eq!(sizes, [3, 2]);
    /// # Ok::<(), queue::SendError<i32>>(())
    /// ```
    ///
    /// # Panics
    /// When `max` is zero, and as [`recv_blocking`](Self::recv_blocking).
    #[track_caller]
    pub fn recv_many_blocking(&self, max: usize) -> Option<Batch<T>> {
        block_on(self.recv_many(max))
    }

    /// Receives all that are queued, at most `max`; blocks this thread for at most `limit` of real time until there is one.
    /// Gives nothing after the end.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::time::Duration;
    ///
    /// let (producer, consumer) = queue::bounded(8);
    /// producer.try_send("work").expect("there is room");
    /// let batch = consumer.recv_many_blocking_timeout(8, Duration::MAX)?.expect("the queue is open");
    /// assert_eq!(batch.len(), 1);
    /// batch.done();
    /// assert!(consumer.recv_many_blocking_timeout(8, Duration::from_millis(1)).is_err());
    /// # Ok::<(), regatta::error::Elapsed>(())
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`] when nothing came in time.
    ///
    /// # Panics
    /// As [`recv_many_blocking`](Self::recv_many_blocking).
    #[track_caller]
    pub fn recv_many_blocking_timeout(&self, max: usize, limit: Duration) -> Result<Option<Batch<T>>, Elapsed> {
        block_on_timeout(self.recv_many(max), limit).ok_or_else(|| Elapsed::new(self.ring.place().clone(), limit))
    }
}
