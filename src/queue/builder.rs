//! How a queue is set up.

use std::sync::Arc;

use super::consumer::Consumer;
use super::producer::Producer;
use super::ring::Ring;
use crate::error::refuse_zero;
use crate::policy::Overflow;

/// What dropping a [`Delivery`](super::Delivery) or a [`Batch`](super::Batch) means when nothing was said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnDrop {
    /// The work was abandoned: the item is put back and delivered again. At least once.
    #[default]
    Redeliver,
    /// The work is done. At most once: an item whose handler panics is counted as done.
    Done,
}

/// The settings that never change.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    /// How often an item may be delivered; no bound if absent.
    pub(super) attempts: Option<u32>,
    pub(super) on_drop: OnDrop,
}

/// Sets up a queue: its name, what happens when it is full, how often an item is tried.
///
/// [`bounded`] is enough when the defaults will do: wait for room, redeliver what is abandoned, for ever.
///
/// # Examples
/// ```
/// use regatta::policy::Overflow;
/// use regatta::queue;
///
/// let (producer, consumer) = queue::Builder::new(2).name("samples").overflow(Overflow::DropOldest).build();
/// for sample in 1..=3 {
///     producer.try_send(sample).expect("dropping the oldest, there is always room");
/// }
/// assert_eq!(*consumer.try_recv().expect("two are queued"), 2); // 1 was dropped, and counted:
/// assert_eq!(producer.stats().flow.dropped, 1);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    capacity: usize,
    name: Option<Arc<str>>,
    overflow: Overflow,
    attempts: Option<u32>,
    on_drop: OnDrop,
}

impl Builder {
    /// Starts with the defaults of [`bounded`]. `capacity` counts items queued, not those being worked on; memory is
    /// taken as items come, so that `usize::MAX` is how to spell “no bound”. What is put back may exceed it, within
    /// [bounds](super#bounds).
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        refuse_zero("queue::Builder", "capacity", capacity);
        Self { capacity, name: None, overflow: Overflow::Wait, attempts: None, on_drop: OnDrop::Redeliver }
    }

    /// Names the queue in errors, traces and snapshots. Without a name it is called `queue#` and a number.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets what happens to an item that is offered while the queue is full. The default is to wait.
    ///
    /// With [`Overflow::DropOldest`] what is dropped is the oldest item of the lowest [lane](super#lanes) that holds
    /// anything, whatever the priority of the one that is offered, which always gets in. Within a lane an item that was put
    /// back counts as older than any that was never delivered; and when one is put back and there is no room, the oldest is
    /// dropped then.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets how often an item is delivered, the first time included. Put back after its last attempt it is given up:
    /// counted as `failed` and logged as an error.
    ///
    /// The default is no limit: nothing is lost, and an item that always fails comes back for ever (in turn with the
    /// others, so it starves nobody). Set a limit wherever a handler can fail for good.
    ///
    /// # Panics
    /// When `attempts` is zero.
    #[track_caller]
    pub fn attempts(mut self, attempts: u32) -> Self {
        refuse_zero("queue::Builder", "attempts", attempts as usize);
        self.attempts = Some(attempts);
        self
    }

    /// Sets what a bare drop of a delivery means. The default is to redeliver.
    pub fn on_drop(mut self, on_drop: OnDrop) -> Self {
        self.on_drop = on_drop;
        self
    }

    /// Creates the queue, and enters it in the current [`Registry`](crate::observe::Registry).
    #[must_use = "without its ends the queue is gone"]
    pub fn build<T: Send + 'static>(self) -> (Producer<T>, Consumer<T>) {
        let Self { capacity, name, overflow, attempts, on_drop } = self;
        let ring = Ring::new(Limits { capacity, overflow, attempts, on_drop }, name);
        (Producer::first(ring.clone()), Consumer::first(ring))
    }
}

/// Creates a queue of at most `capacity` waiting items; both ends can be cloned.
///
/// Senders wait for room, abandoned deliveries come back without a limit on attempts. [`Builder`] sets anything else.
///
/// # Examples
/// ```
/// use regatta::queue;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (producer, consumer) = queue::bounded(8);
/// producer.send("work").await?;
/// producer.close();
/// assert!(producer.send("late").await.unwrap_err().is_closed());
///
/// while let Some(delivery) = consumer.recv().await {
///     assert_eq!(*delivery, "work");
///     delivery.done();
/// }
/// # Ok(()) }
/// ```
///
/// # Panics
/// When `capacity` is zero.
#[doc(alias = "channel")]
#[doc(alias = "backpressure")]
#[must_use = "without its ends the queue is gone"]
#[track_caller]
pub fn bounded<T: Send + 'static>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    refuse_zero("queue::bounded", "capacity", capacity);
    Builder::new(capacity).build()
}
