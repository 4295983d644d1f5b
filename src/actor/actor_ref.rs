//! The handle of an actor.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::actor::Actor;
use super::ask::Ask;
use super::head::{DRAIN, KILL, STOP, Subject, Watcher};
use super::reason::StopReason;
use super::recipient::Recipient;
use super::reply::Reply;
use super::run::name_of;
use super::shared::Shared;
use super::stats::ActorStats;
use super::stopped::StoppedFuture;
use super::tell::TellFuture;
use super::tell_error::TellError;
use super::to::To;
use super::weak::WeakActorRef;

/// Sends to an actor, asks it, and ends it. Clones are handles of the same actor, and equal.
///
/// A handle is of the logical actor: it works across restarts. When the last one is dropped, the actor handles what it
/// has and ends as [`Unreferenced`](super::StopReason::Unreferenced); [weak ones](WeakActorRef) do not count.
///
/// | verb | message in hand | messages that wait | hooks |
/// |---|---|---|---|
/// | [`stop`](Self::stop) | finished | undelivered | `stopping`, `stopped` |
/// | [`drain`](Self::drain) | finished | handled | `stopping`, `stopped` |
/// | dropping the last handle | finished | handled | `stopping`, `stopped` |
/// | [`kill`](Self::kill) | cut off at its await | undelivered | none |
///
/// A verb is heard although the mailbox is full, may be called any number of times and after the end, and the stronger
/// one counts: kill over stop over drain.
///
/// # Ordering
/// What one handle sends, one after the other, is handled in that order, across restarts too.
///
/// # Complexity
/// A clone is two counters. The handle is one pointer.
#[doc(alias = "Addr")]
#[doc(alias = "address")]
#[doc(alias = "pid")]
pub struct ActorRef<A: Actor> {
    shared: Arc<Shared<A::Msg>>,
}

/// The id of what no watch has made, and none ends.
const NOBODYS: u64 = 0;

impl<A: Actor> ActorRef<A> {
    /// Takes over one handle that is counted already.
    pub(super) fn counted(shared: Arc<Shared<A::Msg>>) -> Self {
        Self { shared }
    }

    /// Sends a message, waiting for room.
    ///
    /// `Ok` says that it is in the mailbox: it will be handled, unless the actor ends before (then it goes to the
    /// [hook](super::Builder::on_undelivered)).
    ///
    /// # Examples
    /// ```
    /// use regatta::actor;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let log = actor::spawn(actor::from_fn(Vec::new(), |lines, line: String| lines.push(line)));
    /// log.tell(String::from("here")).await.unwrap();
    /// log.stop().await;
    /// let error = log.tell(String::from("late")).await.unwrap_err();
    /// assert_eq!(error.into_inner(), "late");
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// See [`TellFuture`].
    ///
    /// # Errors
    /// [`TellError`] with the message.
    #[doc(alias = "cast")]
    #[doc(alias = "send")]
    #[inline]
    pub fn tell(&self, msg: A::Msg) -> TellFuture<'_, A::Msg> {
        TellFuture::new(To::Lent(&self.shared), msg)
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    /// [`TellError`] with the message, when the mailbox is full or the actor accepts nothing more. Where the
    /// [policy](super::Builder::overflow) is to drop the newest, a full mailbox is not an error.
    #[inline]
    pub fn try_tell(&self, msg: A::Msg) -> Result<(), TellError<A::Msg>> {
        self.shared.try_tell(msg)
    }

    /// Sends a message, waiting for room for at most so long.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it takes its message along.
    ///
    /// # Errors
    /// [`TellError`] with the message.
    ///
    /// # Panics
    /// When it has to wait on a runtime without timers (`enable_time`).
    pub async fn tell_timeout(&self, msg: A::Msg, limit: Duration) -> Result<(), TellError<A::Msg>> {
        self.tell(msg).within(limit).await
    }

    /// Asks: sends a message with a [`Reply`] in it and waits for the answer. Nothing happens until it is awaited.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::{self, Reply};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), actor::AskError> {
    /// let adder = actor::spawn(actor::from_fn(0, |sum, (by, reply): (u32, Reply<u32>)| {
    ///     *sum += by;
    ///     let _ = reply.send(*sum);
    /// }));
    /// assert_eq!(adder.ask(|reply| (1, reply)).await?, 1);
    /// assert_eq!(adder.ask(|reply| (2, reply)).timeout(Duration::from_secs(1)).await?, 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// See [`AskFuture`](super::AskFuture).
    ///
    /// # Errors
    /// [`AskError`](super::AskError), which says whether the message was handled. An ask always ends: with the answer,
    /// with the actor, or with its time.
    #[doc(alias = "call")]
    #[doc(alias = "request")]
    #[inline]
    pub fn ask<T, E, F>(&self, message: F) -> Ask<'_, A::Msg, T, E, F>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(Reply<T, E>) -> A::Msg,
    {
        Ask::new(To::Lent(&self.shared), name_of::<A>, message)
    }

    /// Lets the actor finish the message in hand and then end; those that wait are not handled. Awaiting it is waiting
    /// for the end.
    ///
    /// # Cancel safety
    /// The verb is heard when it is called; dropping the future changes nothing.
    #[allow(clippy::must_use_candidate, reason = "the verb counts, waiting for it is extra")]
    pub fn stop(&self) -> StoppedFuture {
        self.shared.head.raise(STOP);
        self.wait_stopped()
    }

    /// Lets the actor handle everything that it has accepted, and what [pipes](super::Context::pipe) still bring, and
    /// then end. Every tell that was `Ok` is handled, unless the actor fails for good or is stopped before; every other one
    /// hands its message back.
    ///
    /// # Cancel safety
    /// As [`stop`](Self::stop).
    #[doc(alias = "stop_gracefully")]
    #[allow(clippy::must_use_candidate, reason = "the verb counts, waiting for it is extra")]
    pub fn drain(&self) -> StoppedFuture {
        self.shared.head.raise(DRAIN);
        self.wait_stopped()
    }

    /// Ends the actor at the next await of whatever it does; its hooks are not called, its state is dropped. A handler
    /// that does not await cannot be cut off.
    ///
    /// # Cancel safety
    /// As [`stop`](Self::stop).
    #[allow(clippy::must_use_candidate, reason = "the verb counts, waiting for it is extra")]
    pub fn kill(&self) -> StoppedFuture {
        self.shared.head.raise(KILL);
        self.wait_stopped()
    }

    /// Waits until the actor has ended, any number of times, also afterwards.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[must_use = "nothing is waited for unless the future is awaited"]
    pub fn wait_stopped(&self) -> StoppedFuture {
        StoppedFuture::new(self.shared.clone())
    }

    /// Tells whether the actor has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.head.end().is_some()
    }

    /// Tells whether it accepts nothing more: it was told to end, or has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.head.is_refusing()
    }

    /// How many messages it has, in the mailbox and in hand.
    pub(super) fn load(&self) -> u64 {
        self.shared.load()
    }

    /// How many messages wait in the mailbox; those that the actor has taken in hand are not among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.queued()
    }

    /// Tells whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether there is no room at the moment.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.tx.capacity() == 0
    }

    /// How many messages fit into the mailbox.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.head.capacity
    }

    /// The actor's name; not unique.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.head.name
    }

    /// Identifies the actor in this process, across its restarts; never used twice.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shared.head.id
    }

    /// What it has done and still holds.
    #[must_use]
    pub fn stats(&self) -> ActorStats {
        let head = &self.shared.head;
        ActorStats {
            name: head.name.clone(),
            flow: self.shared.flow(),
            queued: self.shared.queued(),
            capacity: head.capacity,
            restarts: self.shared.books.restarts.load(Ordering::Relaxed),
        }
    }

    /// A handle that does not keep the actor alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakActorRef<A> {
        WeakActorRef::new(self.shared.clone())
    }

    /// A handle for one type of message, whatever the actor is: one that is made [into](Into) the actor's own. A method
    /// with `#[msg(from = Tick)]` makes it so for `Tick`.
    #[must_use]
    pub fn recipient<T: Send + 'static>(&self) -> Recipient<T>
    where
        A::Msg: From<T>,
    {
        self.shared.head.join();
        Recipient::counted(self.shared.clone())
    }

    /// Calls back when it has ended; it must not have ended yet.
    pub(super) fn on_end(&self, notify: impl FnOnce(StopReason) + Send + 'static) {
        let watcher = Watcher { id: NOBODYS, notify: Box::new(notify) };
        self.shared.head.waiting().lists().watchers.push(watcher);
    }

    pub(super) fn shared(&self) -> &Arc<Shared<A::Msg>> {
        &self.shared
    }

    pub(super) fn subject(&self) -> Arc<dyn Subject> {
        self.shared.clone()
    }
}

impl<A: Actor> AsRef<Self> for ActorRef<A> {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    #[inline]
    fn clone(&self) -> Self {
        self.shared.head.join();
        Self { shared: self.shared.clone() }
    }
}

impl<A: Actor> Drop for ActorRef<A> {
    #[inline]
    fn drop(&mut self) {
        self.shared.head.leave();
    }
}

impl<A: Actor> PartialEq for ActorRef<A> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<A: Actor> Eq for ActorRef<A> {}

impl<A: Actor> Hash for ActorRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorRef")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("end", &self.shared.head.end())
            .finish_non_exhaustive()
    }
}
