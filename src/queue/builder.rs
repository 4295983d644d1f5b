//! How a queue is set up.

use std::sync::Arc;

use super::consumer::Consumer;
use super::dead_letters::DeadLetters;
use super::letter::DeadLetter;
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
    /// Whether dead letters go anywhere.
    pub(super) has_letters: bool,
}

/// Sets up a queue: its name, what happens when it is full, how often an item is tried.
///
/// [`bounded`] is enough when the defaults will do: wait for room, redeliver what is abandoned, for ever.
///
/// A plain `Builder` builds a queue of anything. One that knows where dead letters go is a `Builder<DeadLetters<T>>`, and
/// builds queues of `T`; the other settings can be made before and after.
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
pub struct Builder<D = ()> {
    capacity: usize,
    name: Option<Arc<str>>,
    overflow: Overflow,
    attempts: Option<u32>,
    on_drop: OnDrop,
    letters: D,
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
        let (overflow, on_drop) = (Overflow::Wait, OnDrop::Redeliver);
        Self { capacity, name: None, overflow, attempts: None, on_drop, letters: () }
    }

    /// Sends what is given up after its last [attempt](Self::attempts) to another queue, as a [`DeadLetter`].
    ///
    /// For a service that looks at what failed later, or tries it again in another way. To do something with it at once use
    /// [`on_dead_letter`](Self::on_dead_letter). Without either a dead letter is a number,
    /// [`Flow::failed`](crate::observe::Flow::failed), and a line in the log.
    ///
    /// Nobody waits for room in the other queue: a letter that it refuses, because it is full or closed, is dropped with its
    /// item, counted as [`letters_lost`](super::Stats::letters_lost) and logged as an error. Give it the room, or the
    /// [`Overflow`], that this calls for. Letters go to the lane of the producer that is given here. It keeps the other
    /// queue open as long as there are ends or deliveries of this one, or clones of this builder.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue::{self, Reason};
    ///
    /// let (letters, failed) = queue::bounded(100);
    /// let (producer, consumer) = queue::Builder::new(8).name("mails").attempts(2).dead_letters(letters).build();
    /// producer.try_send("broken").expect("there is room");
    /// consumer.try_recv().expect("first attempt").nack();
    /// drop(consumer.try_recv().expect("second attempt"));
    ///
    /// let letter = failed.try_recv().expect("it was given up").into_inner();
    /// assert_eq!((letter.item, letter.attempts, letter.reason), ("broken", 2, Reason::Abandoned));
    /// assert_eq!(&*letter.queue, "mails");
    /// drop((producer, consumer));
    /// assert!(failed.is_closed());
    /// ```
    ///
    /// # Ordering
    /// The item counts as `failed` before its letter can be received. [`join`](Producer::join) and the end of the queue wait
    /// for letters on their way: who has seen either finds all letters where they go.
    pub fn dead_letters<T: Send + 'static>(self, letters: Producer<DeadLetter<T>>) -> Builder<DeadLetters<T>> {
        self.with(DeadLetters::to_queue(letters))
    }

    /// Hands what is given up after its last [attempt](Self::attempts) to a callback, as a [`DeadLetter`].
    ///
    /// It runs on the thread that ended the last delivery, often a worker of the runtime, and without any lock, so it may
    /// use the queue: it must return soon, and not wait for [`join`](Producer::join) or for the end, which wait for it. To
    /// handle letters in async code use [`dead_letters`](Self::dead_letters).
    ///
    /// A callback that holds an end of the queue keeps the queue alive, and a producer keeps it open, until somebody
    /// closes it.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    /// use std::sync::{Arc, Mutex};
    ///
    /// let failed = Arc::new(Mutex::new(Vec::new()));
    /// let list = failed.clone();
    /// let (producer, consumer) = queue::Builder::new(8)
    ///     .attempts(1)
    ///     .on_dead_letter(move |letter| list.lock().expect("nobody panics with the lock").push(letter.item))
    ///     .build();
    /// producer.try_send("broken").expect("there is room");
    /// consumer.try_recv().expect("the only attempt").nack();
    /// assert_eq!(*failed.lock().expect("nobody panics with the lock"), ["broken"]);
    /// ```
    ///
    /// # Panics
    /// Not with the callback: its panic is caught, counted as [`letters_panicked`](super::Stats::letters_panicked) and
    /// logged as an error.
    ///
    /// # Ordering
    /// As with [`dead_letters`](Self::dead_letters).
    pub fn on_dead_letter<T: Send + 'static>(
        self,
        callback: impl Fn(DeadLetter<T>) + Send + Sync + 'static,
    ) -> Builder<DeadLetters<T>> {
        self.with(DeadLetters::to_callback(callback))
    }

    fn with<D>(self, letters: D) -> Builder<D> {
        let Self { capacity, name, overflow, attempts, on_drop, letters: () } = self;
        Builder { capacity, name, overflow, attempts, on_drop, letters }
    }

    /// Creates the queue, and enters it in the current [`Registry`](crate::observe::Registry).
    #[must_use = "without its ends the queue is gone"]
    pub fn build<T: Send + 'static>(self) -> (Producer<T>, Consumer<T>) {
        self.with(None).create()
    }
}

impl<T: Send + 'static> Builder<DeadLetters<T>> {
    /// Creates the queue, and enters it in the current [`Registry`](crate::observe::Registry).
    ///
    /// # Panics
    /// When there is no limit on [`attempts`](Self::attempts): nothing would ever be given up.
    #[must_use = "without its ends the queue is gone"]
    #[track_caller]
    pub fn build(self) -> (Producer<T>, Consumer<T>) {
        assert!(self.attempts.is_some(), "queue::Builder: dead letters need a limit, call `attempts`");
        let Self { capacity, name, overflow, attempts, on_drop, letters } = self;
        Builder { capacity, name, overflow, attempts, on_drop, letters: Some(letters) }.create()
    }
}

impl<D> Builder<D> {
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
    /// counted as `failed` and logged as an error; [`dead_letters`](Builder::dead_letters) says where it goes.
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
}

impl<T: Send + 'static> Builder<Option<DeadLetters<T>>> {
    fn create(self) -> (Producer<T>, Consumer<T>) {
        let Self { capacity, name, overflow, attempts, on_drop, letters } = self;
        let limits = Limits { capacity, overflow, attempts, on_drop, has_letters: letters.is_some() };
        let ring = Ring::new(limits, letters, name);
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
