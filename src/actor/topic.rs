//! Publish and subscribe: everybody who has subscribed gets every message.
//!
//! Invariant: a subscriber that does not take its messages costs the others nothing. Only [`Topic::publish_lossless`] waits
//! for it.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use futures::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{Mutex, Notify};

use crate::error::{drop_quietly, wake_quietly};
use crate::observe::{Observe, Registration, Registry, Row};
use crate::task::{Ticket, Waiters};

/// Sends every message to all who have subscribed; clones publish to the same ones.
///
/// A subscriber that is too slow loses the oldest messages, [learns how many](Lagged), and goes on. One that is dropped is
/// gone: an actor takes a topic as a stream, which ends with its incarnation.
///
/// # Examples
/// ```
/// use regatta::actor::{Context, Lagged, Topic};
///
/// struct Board { topic: Topic<u32>, sum: u32 }
///
/// #[regatta::actor]
/// impl Board {
///     #[msg(from = u32)]
///     pub fn price(&mut self, price: u32) { self.sum += price; }
///
///     pub fn missed(&mut self, _by: u64) {}
///
///     pub fn sum(&self) -> u32 { self.sum }
///
///     async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), regatta::BoxError> {
///         cx.attach(self.topic.subscribe(), |got| match got {
///             Ok(price) => price.into(),
///             Err(Lagged { missed, .. }) => BoardMsg::Missed { _by: missed, reply: regatta::actor::Reply::nobody() },
///         });
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::actor::AskError> {
/// let prices = Topic::new("prices", 16);
/// let board = Board { topic: prices.clone(), sum: 0 }.spawn();
/// assert_eq!(board.sum().await?, 0); // it has subscribed
/// assert_eq!(prices.publish(3) + prices.publish(4), 2);
/// while board.sum().await? < 7 {}
/// # Ok(()) }
/// ```
///
/// # Complexity
/// A message is kept once, and cloned for each subscriber that takes it, under the lock of its place: whoever publishes into
/// that place waits for the clone. So a message is cheap to clone: `Topic<Arc<M>>` for what is large. Its `Clone` and its
/// `Drop` must not use the topic.
#[doc(alias = "broadcast")]
#[doc(alias = "pubsub")]
pub struct Topic<M> {
    core: Arc<Core<M>>,
}

struct Core<M> {
    name: Arc<str>,
    sender: broadcast::Sender<M>,
    capacity: usize,
    /// How many were published.
    count: AtomicU64,
    idle: Idle,
    /// Publications without a subscriber.
    unheard: AtomicU64,
    lagged: AtomicU64,
    /// One at a time waits for room.
    careful: Mutex<()>,
    /// Somebody has taken a message, or has left.
    taken: Notify,
    /// Somebody listens to `taken`.
    is_awaited: AtomicBool,
    registration: OnceLock<Registration>,
}

impl<M: Clone + Send + 'static> Topic<M> {
    /// A topic that keeps up to so many messages for its slowest subscriber; rounded up to a power of two, as tokio's
    /// channel does.
    ///
    /// # Panics
    /// When the capacity is zero.
    #[must_use]
    #[track_caller]
    pub fn new(name: impl Into<Arc<str>>, capacity: usize) -> Self {
        crate::error::refuse_zero("topic", "capacity", capacity);
        // Beyond that tokio has no numbers, and nobody the memory.
        let capacity = capacity.min(1 << 30).next_power_of_two();
        let core = Arc::new(Core {
            name: name.into(),
            sender: broadcast::Sender::new(capacity),
            capacity,
            count: AtomicU64::new(0),
            idle: Idle { is_anybody: AtomicBool::new(false), subscribers: std::sync::Mutex::new(Waiters::new()) },
            unheard: AtomicU64::new(0),
            lagged: AtomicU64::new(0),
            careful: Mutex::new(()),
            taken: Notify::new(),
            is_awaited: AtomicBool::new(false),
            registration: OnceLock::new(),
        });
        let registry = Registry::current();
        let subject: Weak<Core<M>> = Arc::downgrade(&core);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(registry.reserve(), "topic", &core.name, None, subject);
        // The cell is ours alone so far.
        let _ = core.registration.set(registration);
        Self { core }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Sends a message to all who have subscribed by now, without waiting; gives how many they are. With none it is
    /// dropped.
    #[allow(clippy::must_use_candidate, reason = "mostly nobody counts")]
    pub fn publish(&self, msg: M) -> usize {
        self.core.count.fetch_add(1, Ordering::Relaxed);
        let heard = self.core.sender.send(msg).unwrap_or(0);
        self.core.idle.call();
        if heard == 0 {
            self.core.unheard.fetch_add(1, Ordering::Relaxed);
        }
        heard
    }

    /// As [`publish`](Self::publish), but waits until the slowest subscriber has room: nobody misses anything of a topic to
    /// which everybody publishes so. A subscriber that never takes anything is waited for, for ever.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has published nothing.
    pub async fn publish_lossless(&self, msg: M) -> usize {
        let core = &*self.core;
        let _careful = core.careful.lock().await;
        let _awaited = Awaited(&core.is_awaited);
        loop {
            // Listens before it looks.
            let mut taken = std::pin::pin!(core.taken.notified());
            taken.as_mut().enable();
            // Either we see what is taken, under the lock of its place, or who takes it sees that we wait.
            core.is_awaited.store(true, Ordering::SeqCst);
            if core.sender.len() < core.capacity {
                return self.publish(msg);
            }
            taken.await;
        }
    }

    /// Gets everything that is published from now on.
    #[must_use = "what is published goes to those who have subscribed"]
    pub fn subscribe(&self) -> Subscription<M> {
        let receiver = self.core.sender.subscribe();
        Subscription { core: self.core.clone(), receiver: Some(receiver), ticket: None, turn: 0 }
    }

    /// How many have subscribed.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.core.sender.receiver_count()
    }
}

/// The subscribers who have nothing to take.
struct Idle {
    /// There may be one.
    is_anybody: AtomicBool,
    subscribers: std::sync::Mutex<Waiters>,
}

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is published. Who looks for a message after that misses none: what is published later calls.
    fn wait(&self, ticket: &mut Option<Ticket>, waker: Waker) {
        let displaced = {
            let mut subscribers = self.lock();
            self.is_anybody.store(true, Ordering::SeqCst);
            subscribers.register(ticket, waker)
        };
        displaced.into_iter().for_each(drop_quietly);
    }

    /// Calls all of them.
    fn call(&self) {
        if !self.is_anybody.load(Ordering::SeqCst) {
            return;
        }
        let called = {
            let mut subscribers = self.lock();
            self.is_anybody.store(false, Ordering::SeqCst);
            subscribers.notify_all()
        };
        called.into_iter().for_each(wake_quietly);
    }

    fn leave(&self, ticket: Ticket) {
        let left = self.lock().leave(ticket);
        drop_quietly(left.waker);
    }
}

/// Nobody waits any more, however that ended.
struct Awaited<'a>(&'a AtomicBool);

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl<M> Core<M> {
    fn say_taken(&self) {
        if self.is_awaited.load(Ordering::SeqCst) {
            self.taken.notify_waiters();
        }
    }
}

impl<M: Send> Observe for Core<M> {
    fn fill(&self, row: &mut Row) {
        row.set_state("open");
        // Read first: what is unheard was published before.
        row.flow.dropped = self.unheard.load(Ordering::Relaxed);
        let published = self.count.load(Ordering::Relaxed).max(row.flow.dropped);
        (row.flow.accepted, row.flow.done) = (published, published - row.flow.dropped);
        row.gauge("subscribers", self.sender.receiver_count(), None);
        row.gauge("kept", self.sender.len(), Some(self.capacity));
        row.count("missed", self.lagged.load(Ordering::Relaxed));
    }
}

impl<M> Clone for Topic<M> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<M> fmt::Debug for Topic<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.core.name).finish_non_exhaustive()
    }
}

/// A subscriber was too slow, and has missed the oldest messages; the next one it gets is the oldest that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lagged {
    /// Of the topic.
    pub topic: Arc<str>,
    /// How many it has missed.
    pub missed: u64,
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, missed } = self;
        write!(
            f,
            "a subscriber of topic `{topic}` was too slow and missed {missed}; a larger capacity helps over bursts"
        )
    }
}

impl Error for Lagged {}

/// Gets what a [`Topic`] publishes, as a stream; it never ends by itself.
///
/// # Cancel safety
/// Nothing is lost when [`next`](futures::StreamExt::next) is dropped.
///
/// # Panics
/// When the clone of a message panics, in the task of the subscriber; that message is lost, and the next one comes.
#[must_use = "streams do nothing unless polled"]
pub struct Subscription<M> {
    core: Arc<Core<M>>,
    /// Gone only while the subscription is dropped.
    receiver: Option<broadcast::Receiver<M>>,
    /// From the first wait on.
    ticket: Option<Ticket>,
    /// How many messages it may take before it asks whether it is others' turn.
    turn: u8,
}

/// A question for each message would be a tenth of its cost.
const TURN: u8 = 8;

impl<M: Clone + Send + 'static> Subscription<M> {
    /// What is there already, without waiting.
    ///
    /// # Errors
    /// [`Lagged`]
    pub fn try_next(&mut self) -> Result<Option<M>, Lagged> {
        let mut looking = std::pin::pin!(tokio::task::coop::unconstrained(std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut *self).poll_next(cx))
        })));
        let Poll::Ready(looked) = looking.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            return Ok(None);
        };
        match looked {
            Poll::Ready(Some(got)) => got.map(Some),
            Poll::Ready(None) | Poll::Pending => Ok(None),
        }
    }

    fn lagged(&self, missed: u64) -> Lagged {
        self.core.lagged.fetch_add(missed, Ordering::Relaxed);
        Lagged { topic: self.core.name.clone(), missed }
    }
}

/// Says that a message was taken, also where its clone has panicked.
struct Taking<'a, M>(&'a Core<M>);

impl<M> Drop for Taking<'_, M> {
    fn drop(&mut self) {
        self.0.say_taken();
    }
}

impl<M: Clone + Send + 'static> Stream for Subscription<M> {
    type Item = Result<M, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.turn == 0 {
            ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
            this.turn = TURN;
        }
        let mut waits = false;
        loop {
            let Some(receiver) = &mut this.receiver else { return Poll::Ready(None) };
            let taking = Taking(&this.core);
            let got = match receiver.try_recv() {
                Err(TryRecvError::Empty) => {
                    std::mem::forget(taking);
                    if waits {
                        return Poll::Pending;
                    }
                    this.core.idle.wait(&mut this.ticket, cx.waker().clone());
                    waits = true;
                    continue;
                }
                Ok(msg) => Ok(msg),
                Err(TryRecvError::Lagged(missed)) => Err(missed),
                // We hold a sender.
                Err(TryRecvError::Closed) => return Poll::Ready(None),
            };
            drop(taking);
            this.turn -= 1;
            return Poll::Ready(Some(got.map_err(|missed| this.lagged(missed))));
        }
    }
}

impl<M> Drop for Subscription<M> {
    fn drop(&mut self) {
        // The receiver first: what it has not taken is not waited for any more.
        self.receiver = None;
        self.ticket.take().into_iter().for_each(|ticket| self.core.idle.leave(ticket));
        self.core.taken.notify_waiters();
    }
}

impl<M> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.core.name).finish_non_exhaustive()
    }
}
