//! How an actor is made.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::blocking::{Blocking, BlockingActor};
use super::child;
use super::dead_letter::{DeadLetter, DeadReason};
use super::head::Head;
use super::life::Life;
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::restarts::{Factory, Limits, again};
use super::run::once;
use super::shared::{Hook, Shared};
use super::staged::{Mailbox, Staged};
use crate::BoxError;
use crate::observe::{Presence, Registry};
use crate::policy::{Backoff, Overflow};
use crate::supervise::{ChildSpec, Intensity};
use crate::task::{entrust, runtime};

/// Starts an actor with everything at its default; see [`Builder`]. It ends when its last handle is dropped.
///
/// # Examples
/// See [`Actor`].
///
/// # Panics
/// Outside a tokio runtime.
#[must_use = "an actor ends when its last handle is dropped"]
#[track_caller]
pub fn spawn<A: Actor>(actor: A) -> A::Handle {
    let runtime = runtime("actor::spawn");
    Builder::new().start::<A, _>(&runtime, A::name, |inbox| once(inbox, actor))
}

/// Describes an actor before it starts.
///
/// | | default |
/// |---|---|
/// | [`name`](Self::name) | that of the [type](Actor::name) |
/// | [`mailbox`](Self::mailbox) | 64 messages |
/// | [`overflow`](Self::overflow) | [`Overflow::Wait`] |
/// | [`ask_timeout`](Self::ask_timeout) | 5 seconds |
/// | [`intensity`](Self::intensity) | 3 restarts in 5 seconds |
/// | [`backoff`](Self::backoff) | none |
///
/// # Examples
/// ```
/// use regatta::actor::{self, Builder, Reply, StopReason};
/// use regatta::policy::Overflow;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let divider = Builder::new()
///     .name("divider")
///     .mailbox(16)
///     .overflow(Overflow::Reject)
///     .ask_timeout(Some(Duration::from_secs(1)))
///     .intensity(1, Duration::from_secs(5))
///     .supervised(|| actor::from_fn((), |_, (by, reply): (u32, Reply<u32>)| {
///         let _ = reply.send(100 / by);
///     }));
///
/// assert_eq!(divider.ask(|reply| (4, reply)).await.unwrap(), 25);
/// let error = divider.ask(|reply| (0, reply)).await.unwrap_err();
/// assert!(error.to_string().ends_with("panicked: attempt to divide by zero"));
/// assert_eq!(divider.ask(|reply| (5, reply)).await.unwrap(), 20); // the next incarnation
///
/// divider.ask(|reply| (0, reply)).await.unwrap_err();
/// assert!(matches!(divider.wait_stopped().await, StopReason::GaveUp { restarts: 1, .. }));
/// # }
/// ```
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder<M> {
    name: Option<Arc<str>>,
    capacity: usize,
    overflow: Overflow,
    ask_timeout: Option<Duration>,
    limits: Limits,
    undelivered: Option<Hook<M>>,
    presence: Presence,
}

impl<M: Send + 'static> Builder<M> {
    /// Begins with the defaults.
    pub fn new() -> Self {
        Self {
            name: None,
            capacity: 64,
            overflow: Overflow::Wait,
            ask_timeout: Some(Duration::from_secs(5)),
            limits: Limits { intensity: Intensity::default(), backoff: None },
            undelivered: None,
            presence: Presence::Row,
        }
    }

    /// Names the actor, in errors, logs and snapshots.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets how many messages wait at most. The actor takes what waits in batches, so up to twice as many may have been
    /// accepted and not be handled yet.
    ///
    /// # Panics
    /// When the capacity is zero.
    #[track_caller]
    pub fn mailbox(mut self, capacity: usize) -> Self {
        crate::error::refuse_zero("actor", "mailbox", capacity);
        self.capacity = capacity.min(tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Sets what happens to a tell when the mailbox is full: it waits, is [refused](super::TellError::is_full), or is
    /// dropped and counted. An ask is never dropped: it waits, or is refused.
    ///
    /// # Panics
    /// With [`Overflow::DropOldest`], which would lose messages whose tell was `Ok`.
    #[track_caller]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        assert!(
            matches!(overflow, Overflow::Wait | Overflow::Reject | Overflow::DropNewest),
            "actor: overflow must be Wait, Reject or DropNewest, got {overflow:?}"
        );
        self.overflow = overflow;
        self
    }

    /// Sets how long an ask waits unless it [says otherwise](super::Ask::timeout); `None` for as long as it takes.
    pub fn ask_timeout(mut self, limit: Option<Duration>) -> Self {
        self.ask_timeout = limit;
        self
    }

    /// Sets how often a [supervised](Self::supervised) actor is restarted: it gives up when it fails more often than
    /// `restarts` times within any period of that length. With 0 it is never restarted.
    ///
    /// # Panics
    /// When the period is zero.
    #[track_caller]
    pub fn intensity(mut self, restarts: usize, within: Duration) -> Self {
        self.limits.intensity = Intensity::new(u32::try_from(restarts).unwrap_or(u32::MAX), within);
        self
    }

    /// Sets how long a [supervised](Self::supervised) actor waits before it is restarted. Its `attempts` do not count
    /// here, [`intensity`](Self::intensity) does; the delays begin anew after a life that was longer than the longest.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.limits.backoff = Some(backoff);
        self
    }

    /// Gives every message that is accepted and not handled to a closure, when the actor ends. It is not called for the
    /// message in hand at a panic or a kill, and must not wait.
    pub fn on_undelivered(mut self, hook: impl Fn(M) + Send + Sync + 'static) -> Self {
        self.undelivered = Some(Arc::new(hook));
        self
    }

    /// Leaves the actor out of [snapshots](crate::observe::snapshot): for a great many of them.
    pub fn unobserved(mut self) -> Self {
        self.presence = Presence::Hidden;
        self
    }

    /// Shows the actor in [snapshots](crate::observe::snapshot) together with all others of this name, in one row that
    /// adds them up, those that have ended included: for swarms, such as an actor for each connection. Rows of groups stay,
    /// so take few names, and not one that is made of a number. One member whose mailbox is full, or who is stuck, does not show in a
    /// sum; one that fails is told by its own name.
    pub fn observed_as(mut self, group: impl Into<Arc<str>>) -> Self {
        self.presence = Presence::Group(group.into());
        self
    }

    /// Starts an actor that lives once: a failure is its end.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    #[must_use = "an actor ends when its last handle is dropped"]
    pub fn spawn<A: Actor<Msg = M>>(self, actor: A) -> A::Handle {
        let runtime = runtime("actor::Builder::spawn");
        self.start::<A, _>(&runtime, A::name, |inbox| once(inbox, actor))
    }

    /// Starts an actor whose handler [blocks](BlockingActor).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    #[must_use = "an actor ends when its last handle is dropped"]
    pub fn spawn_blocking<B: BlockingActor<Msg = M>>(self, actor: B) -> ActorRef<Blocking<B>> {
        let runtime = runtime("actor::Builder::spawn_blocking");
        self.start::<Blocking<B>, _>(&runtime, B::name, |inbox| once(inbox, Blocking::new(actor)))
    }

    /// Starts an actor that is made anew after every failure, within its [intensity](Self::intensity).
    ///
    /// The message in hand is consumed; those that wait are handled by the next incarnation, in order, and every handle
    /// goes on to work. A first start that fails is not tried again.
    ///
    /// # Panics
    /// Outside a tokio runtime. A panic of the factory is a start that failed.
    #[track_caller]
    #[must_use = "an actor ends when its last handle is dropped"]
    pub fn supervised<A: Actor<Msg = M>>(self, mut factory: impl FnMut() -> A + Send + 'static) -> A::Handle {
        let runtime = runtime("actor::Builder::supervised");
        let factory: Factory<A> = Box::new(move || {
            let actor = factory();
            Box::pin(std::future::ready(Ok(actor)))
        });
        let limits = self.limits;
        self.start::<A, _>(&runtime, A::name, |inbox| again(inbox, factory, limits))
    }

    /// As [`supervised`](Self::supervised), with a factory that waits and may fail.
    ///
    /// # Errors
    /// An error of the factory is a start that failed: at first the end of the actor, later one more failure.
    ///
    /// # Cancel safety
    /// The future of the factory is dropped at an await when the actor is killed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    #[must_use = "an actor ends when its last handle is dropped"]
    pub fn supervised_async<A, E, F>(self, mut factory: impl FnMut() -> F + Send + 'static) -> A::Handle
    where
        A: Actor<Msg = M>,
        E: Into<BoxError>,
        F: Future<Output = Result<A, E>> + Send + 'static,
    {
        let runtime = runtime("actor::Builder::supervised_async");
        let factory: Factory<A> = Box::new(move || {
            let making = factory();
            Box::pin(async move { making.await.map_err(Into::into) })
        });
        let limits = self.limits;
        self.start::<A, _>(&runtime, A::name, |inbox| again(inbox, factory, limits))
    }

    /// Makes an actor that a supervisor starts, as one of its children, and starts again: its lives are the actor's
    /// incarnations. **Keep the handle**: as everywhere, an actor that nobody refers to ends, and the supervisor forgets it.
    /// The handle works from now on; what is sent before the start waits in the mailbox.
    ///
    /// [`stop`](ActorRef::stop), [`drain`](ActorRef::drain), [`kill`](ActorRef::kill) and the drop of the last handle
    /// end the actor for good, whatever its restart type, and the supervisor forgets it. If the supervisor stops it, the
    /// mailbox waits for the next life; the actor ends when its spec is forgotten. The builder's own
    /// [`intensity`](Self::intensity) and [`backoff`](Self::backoff) do not matter here: those of the supervisor do.
    ///
    /// A supervisor that is restarted itself starts the actor again, the same logical one. The spec is for one place in
    /// one tree.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::{self, Builder, Reply};
    /// use regatta::supervise::Supervisor;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (counter, child) = Builder::new().name("counter").child(|| {
    ///     actor::from_fn(0, |count: &mut u32, reply: Reply<u32>| {
    ///         assert!(*count < 2, "three is too many");
    ///         *count += 1;
    ///         let _ = reply.send(*count);
    ///     })
    /// });
    /// let tree = Supervisor::builder().child(child).start("app").await?;
    /// assert_eq!(counter.ask(|reply| reply).await?, 1);
    /// assert_eq!(counter.ask(|reply| reply).await?, 2);
    /// assert!(counter.ask(|reply| reply).await.is_err());
    /// assert_eq!(counter.ask(|reply| reply).await?, 1); // the next life
    /// # drop(tree);
    /// # Ok(()) }
    /// ```
    #[must_use = "an actor ends when its last handle is dropped"]
    pub fn child<A: Actor<Msg = M>>(self, mut factory: impl FnMut() -> A + Send + 'static) -> (A::Handle, ChildSpec) {
        let factory: Factory<A> = Box::new(move || Box::pin(std::future::ready(Ok(factory()))));
        let (shared, inbox) = self.make(A::name);
        (ActorRef::counted(shared.clone()).into(), child::spec(shared, inbox, factory))
    }

    /// The mailbox without an actor.
    pub(crate) fn mailbox_alone<A: Actor<Msg = M>>(self) -> (A::Handle, Mailbox<A>) {
        let (shared, inbox) = self.make(A::name);
        (ActorRef::counted(shared).into(), Mailbox::new(inbox))
    }

    /// The actor without a task.
    pub(crate) fn staged<A: Actor<Msg = M>>(self, actor: A) -> (A::Handle, Staged<A>) {
        let (shared, inbox) = self.make(A::name);
        (ActorRef::counted(shared).into(), Staged::new(inbox, actor))
    }

    fn start<A, F>(
        self,
        runtime: &tokio::runtime::Handle,
        name: fn() -> &'static str,
        run: impl FnOnce(Inbox<M>) -> F,
    ) -> A::Handle
    where
        A: Actor<Msg = M>,
        F: Future<Output = StopReason> + Send + 'static,
    {
        let (shared, inbox) = self.make(name);
        entrust(runtime, Life::new(shared.clone(), run(inbox)));
        ActorRef::counted(shared).into()
    }

    /// Tells of what is not handled, besides what the hook does with it.
    pub(super) fn dead_letters<A: Actor<Msg = M>>(
        mut self,
        letters: broadcast::Sender<DeadLetter>,
        to: Arc<str>,
    ) -> Self {
        let hook = self.undelivered.take();
        self.undelivered = Some(Arc::new(move |msg| {
            // Nobody has to listen.
            let _ = letters.send(DeadLetter::new::<A>(to.clone(), &msg, DeadReason::Undelivered));
            if let Some(hook) = &hook {
                hook(msg);
            }
        }));
        self
    }

    /// How often it may be restarted, and how long it waits before.
    pub(super) fn limits(&self) -> (Intensity, Option<Backoff>) {
        (self.limits.intensity, self.limits.backoff)
    }

    /// The default name is asked for only where it is wanted: it may be the user's code.
    fn make(self, name: fn() -> &'static str) -> (Arc<Shared<M>>, Inbox<M>) {
        let name = self.name.unwrap_or_else(|| Arc::from(name()));
        let (tx, rx) = mpsc::channel(self.capacity);
        let head = Head::new(name, self.capacity, self.overflow, self.ask_timeout);
        let shared = Arc::new(Shared::new(head, tx, self.undelivered));
        let subject: Weak<Shared<M>> = Arc::downgrade(&shared);
        let registration = Registry::current().enroll_as(&self.presence, "actor", &shared.head.name, subject);
        shared.head.waiting().registration = registration;
        let inbox = Inbox::new(shared.clone(), rx);
        (shared, inbox)
    }
}

impl<M: Send + 'static> Default for Builder<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("mailbox", &self.capacity)
            .field("overflow", &self.overflow)
            .field("ask_timeout", &self.ask_timeout)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
