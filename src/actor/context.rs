//! What an actor can do besides changing its state.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::extras::{Extras, Part};
use super::head::STOP;
use super::reason::StopReason;
use super::shared::Shared;
use super::timers::TimerId;
use super::watch::WatchId;
use super::weak::WeakActorRef;
use crate::error::BoxError;

/// The actor's own view of itself, and everything that belongs to one incarnation of it: timers, streams, pipes, tasks
/// and watches end with the incarnation that has made them.
///
/// Messages of these do not go through the mailbox, so a full one does not hold them up; each of them gets its turn
/// between two messages of the mailbox.
pub struct Context<A: Actor> {
    shared: Arc<Shared<A::Msg>>,
    incarnation: u32,
    /// That the hook at the beginning is over.
    pub(super) has_started: bool,
    /// Of a life that somebody waits for; for what it begins.
    pub(super) part: Option<Box<Part>>,
    /// That it has failed, by its own account.
    failure: Option<Box<StopReason>>,
    /// Most actors need none.
    pub(super) extras: Option<Box<Extras<A::Msg>>>,
}

impl<A: Actor> Context<A> {
    pub(super) fn new(shared: Arc<Shared<A::Msg>>, incarnation: u64) -> Self {
        let incarnation = u32::try_from(incarnation).unwrap_or(u32::MAX);
        Self { shared, incarnation, has_started: false, part: None, failure: None, extras: None }
    }

    pub(super) fn extras(&mut self) -> &mut Extras<A::Msg> {
        let part = self.part.as_deref();
        self.extras.get_or_insert_with(|| Box::new(Extras::new(self.shared.clone(), part.cloned())))
    }

    /// A handle of this actor. Keeping it in the state keeps the actor alive for ever: keep [`weak`](Self::weak) there.
    #[must_use]
    pub fn me(&self) -> A::Handle {
        self.shared.head.join();
        ActorRef::counted(self.shared.clone()).into()
    }

    /// A weak handle of this actor.
    #[must_use]
    pub fn weak(&self) -> WeakActorRef<A> {
        WeakActorRef::new(self.shared.clone())
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.head.name
    }

    /// Which life of the actor this is, from 1.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.incarnation.into()
    }

    /// Stops this actor after the message in hand, as [`ActorRef::stop`].
    pub fn stop(&mut self) {
        self.shared.head.raise(STOP);
    }

    /// Says that this incarnation is of no use any more: it ends after the message in hand as after a panic, with
    /// [`StopReason::Failed`]. The first call counts.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::{self, Actor, ActorRef, Context};
    ///
    /// struct Line;
    /// impl Actor for Line {
    ///     type Msg = &'static str;
    ///     type Handle = ActorRef<Self>;
    ///     async fn handle(&mut self, msg: &'static str, cx: &mut Context<Self>) {
    ///         if msg == "cut" {
    ///             cx.fail("the line was cut");
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let line = actor::spawn(Line);
    /// line.tell("cut").await.unwrap();
    /// assert_eq!(line.wait_stopped().await.to_string(), "failed: the line was cut");
    /// # }
    /// ```
    pub fn fail(&mut self, error: impl Into<BoxError>) {
        self.crash(StopReason::Failed(Arc::from(error.into())));
    }

    pub(super) fn crash(&mut self, reason: StopReason) {
        self.failure.get_or_insert(Box::new(reason));
    }

    pub(super) fn take_failure(&mut self) -> Option<StopReason> {
        self.failure.take().map(|reason| *reason)
    }

    /// Runs a future in a task of its own; its output comes back as a message.
    ///
    /// The actor goes on meanwhile. The task is owned by this incarnation: at its end it is aborted, and waited for. A
    /// panic of it is a panic of the actor, since an answer that it counts on would never come. An actor that nobody
    /// refers to, or that is drained, waits for its pipes.
    ///
    /// # Cancel safety
    /// The future is dropped at one of its awaits when the incarnation ends before it.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::{self, Actor, ActorRef, Context, Reply};
    ///
    /// struct Fetcher;
    /// enum Msg { Fetch(Reply<String>), Fetched(Reply<String>, String) }
    /// impl Actor for Fetcher {
    ///     type Msg = Msg;
    ///     type Handle = ActorRef<Self>;
    ///     async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) {
    ///         match msg {
    ///             Msg::Fetch(reply) => cx.pipe(async { String::from("page") }, |page| Msg::Fetched(reply, page)),
    ///             Msg::Fetched(reply, page) => drop(reply.send(page)),
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), actor::AskError> {
    /// let fetcher = actor::spawn(Fetcher);
    /// assert_eq!(fetcher.ask(Msg::Fetch).await?, "page");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "pipe_to_self")]
    pub fn pipe<F>(&mut self, future: F, message: impl FnOnce(F::Output) -> A::Msg + Send + 'static)
    where
        F: Future + Send + 'static,
    {
        self.extras().pipe(future.map(message));
    }

    /// Runs a future in a task of its own. At the end of this incarnation it is aborted, and waited for; a panic of it is
    /// logged and nothing more.
    pub fn spawn<F>(&mut self, name: impl AsRef<str>, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.extras().spawn(name.as_ref(), future);
    }

    /// Sends a message to this actor once, so long from now. Timers do not keep an actor alive that nobody refers to.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), when the actor comes to wait for it.
    pub fn after(&mut self, delay: Duration, msg: A::Msg) -> TimerId {
        self.extras().timers.after(None, delay, msg)
    }

    /// As [`after`](Self::after), in the place of the timer with the same key, if there is one: for timeouts that start
    /// again with everything that happens.
    pub fn after_keyed(&mut self, key: impl Into<Cow<'static, str>>, delay: Duration, msg: A::Msg) -> TimerId {
        self.extras().timers.after(Some(key.into()), delay, msg)
    }

    /// Sends a message to this actor in every period, the first one a period from now. Beats that the actor is too busy
    /// for are left out. Timers do not keep an actor alive that nobody refers to.
    ///
    /// # Panics
    /// When the period is zero.
    #[track_caller]
    pub fn every(&mut self, period: Duration, message: impl FnMut() -> A::Msg + Send + 'static) -> TimerId {
        assert!(!period.is_zero(), "Context::every: period must be above zero");
        self.extras().timers.every(period, Box::new(message))
    }

    /// Cancels a timer; tells whether there was something to cancel. After that, its message does not come.
    pub fn cancel_timer(&mut self, timer: TimerId) -> bool {
        self.extras.as_mut().is_some_and(|extras| extras.timers.cancel(timer))
    }

    /// Cancels the timer with this key, as [`cancel_timer`](Self::cancel_timer).
    pub fn cancel(&mut self, key: impl AsRef<str>) -> bool {
        self.extras.as_mut().is_some_and(|extras| extras.timers.cancel_key(key.as_ref()))
    }

    /// Takes the items of a stream as messages, one at a time, whenever the actor is free; the stream waits while the
    /// actor is busy. An actor that nobody refers to lives as long as its streams.
    ///
    /// To learn of the end of the stream, chain an item that says so.
    pub fn attach<S>(&mut self, stream: S, message: impl FnMut(S::Item) -> A::Msg + Send + 'static)
    where
        S: Stream + Send + 'static,
    {
        self.extras().streams.push(stream.map(message).boxed());
    }

    /// Sends a message to this actor when another one has ended, exactly once; at once, if it has ended already.
    ///
    /// A restart is no end. Watching keeps nobody alive.
    #[doc(alias = "monitor")]
    pub fn watch<B: Actor>(
        &mut self,
        other: &impl AsRef<ActorRef<B>>,
        message: impl FnOnce(StopReason) -> A::Msg + Send + 'static,
    ) -> WatchId {
        let subject = other.as_ref().subject();
        self.extras().watch(subject, message)
    }

    /// Ends a watch: its message does not come any more, also if the other one has just ended.
    #[doc(alias = "demonitor")]
    pub fn unwatch(&mut self, watch: WatchId) {
        if let Some(extras) = &mut self.extras {
            extras.unwatch(watch);
        }
    }

    /// A token that is cancelled when the actor is asked to stop or killed, and at the end of this incarnation: for a
    /// long handler that wants to end early, and for tasks elsewhere.
    #[must_use]
    pub fn token(&mut self) -> CancellationToken {
        let parent = self.shared.head.token().clone();
        self.extras().token.get_or_insert_with(|| parent.child_token()).clone()
    }

    /// A message of timers, streams, pipes or watches, if there is one.
    pub(super) fn poll_extras(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<A::Msg, StopReason>> {
        match &mut self.extras {
            None => Poll::Pending,
            Some(extras) => extras.poll_next(cx),
        }
    }

    /// Tells whether something may come that the actor has to wait for before it ends by itself.
    pub(super) fn is_awaited(&self, with_streams: bool) -> bool {
        self.extras.as_ref().is_some_and(|extras| !extras.is_idle(with_streams))
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("name", &self.name())
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}
