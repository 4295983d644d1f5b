//! Actors for code that blocks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::actor::{Actor, UNNAMED};
use super::actor_ref::ActorRef;
use super::context::Context;
use super::guard::guarded;
use super::head::{KILL, STOP, Subject};
use super::here::{self, Fate, Fated};
use super::reason::StopReason;
use super::weak::WeakActorRef;
use crate::error::{BoxError, drop_quietly};

/// An actor whose handler blocks: reads files, calls a driver that is not async, computes for long.
///
/// Each message is handled on one of tokio's blocking threads, one message after the other; an actor that has nothing to
/// do holds no thread. A kill, or the end of the runtime, cannot cut a closure off that runs: the actor ends at once,
/// and its state is dropped on that thread when the closure returns. Under a supervisor it ends then, too: two lives never
/// overlap.
///
/// # Examples
/// ```
/// use regatta::actor::{BlockingActor, BlockingContext, Builder, Reply};
///
/// struct Files;
/// impl BlockingActor for Files {
///     type Msg = (&'static str, Reply<bool>);
///     fn handle(&mut self, (path, reply): Self::Msg, _: &mut BlockingContext<Self>) {
///         let _ = reply.send(std::fs::metadata(path).is_ok());
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::actor::AskError> {
/// let files = Builder::new().spawn_blocking(Files);
/// assert!(files.ask(|reply| ("/", reply)).await?);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking actor",
    label = "not a blocking actor",
    note = "implement `regatta::actor::BlockingActor` for it; what has `#[regatta::actor]` is started by `Builder::spawn`"
)]
pub trait BlockingActor: Sized + Send + 'static {
    /// What it is sent.
    type Msg: Send + 'static;

    /// Handles one message, for as long as it takes.
    fn handle(&mut self, msg: Self::Msg, cx: &mut BlockingContext<Self>);

    /// As [`Actor::message_name`].
    #[must_use]
    fn message_name(msg: &Self::Msg) -> &'static str {
        let _ = msg;
        UNNAMED
    }

    /// As [`Actor::name`].
    #[must_use]
    fn name() -> &'static str {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }
}

/// The [`Actor`] that runs a [`BlockingActor`]: what its handles are handles of.
pub struct Blocking<B> {
    /// Absent while a message is handled, and after a panic.
    actor: Option<B>,
}

impl<B> Blocking<B> {
    /// Makes an actor of one that blocks, for example for [`Builder::supervised`](super::Builder::supervised).
    pub fn new(actor: B) -> Self {
        Self { actor: Some(actor) }
    }
}

impl<B: BlockingActor> Actor for Blocking<B> {
    type Msg = B::Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: B::Msg, cx: &mut Context<Self>) {
        let Some(actor) = self.actor.take() else { return };
        let weak = cx.weak();
        let mut lent: Option<Arc<dyn Subject>> = Some(cx.me().subject());
        let doing = super::run::name_of::<Self>(&msg);
        let runtime = crate::task::runtime("a blocking actor");
        // Unless it runs: only a runtime that goes away drops it before.
        let captured = Fated::new((actor, msg), Fate::Killed(StopReason::RuntimeGone));
        let part = cx.part.clone();
        let running = crate::task::lend(&runtime, move || {
            // To the end of all: a supervisor waits for it.
            let _part = part;
            let (mut actor, msg) = captured.into_inner();
            let mut context = BlockingContext { weak, failure: None };
            let Some(subject) = lent.clone() else { unreachable!("it was just put there") };
            let result = here::within(&mut lent, || {
                let handled = guarded(subject.head(), doing, || actor.handle(msg, &mut context));
                match handled {
                    // Nobody is there to take it back when it was killed meanwhile.
                    Ok(()) => Ok(Fated::new(actor, Fate::Killed(StopReason::Killed))),
                    Err(panicked) => {
                        let fate = Fate::Panicked(panicked.clone());
                        // Replies in the state of a crashed actor are as lost as the one in hand.
                        let rest = AssertUnwindSafe(|| here::with_fate(fate, || drop(actor)));
                        if let Err(payload) = catch_unwind(rest) {
                            drop_quietly(payload);
                        }
                        Err(panicked)
                    }
                }
            });
            (result, context.failure)
        });
        match running.await {
            Ok((Ok(actor), failure)) => {
                self.actor = Some(actor.into_inner());
                if let Some(failure) = failure {
                    cx.fail(failure);
                }
            }
            Ok((Err(panicked), _)) => cx.crash(StopReason::Panicked(panicked)),
            // Its runtime goes away: so do we.
            Err(_) => cx.crash(StopReason::RuntimeGone),
        }
    }

    fn message_name(msg: &B::Msg) -> &'static str {
        B::message_name(msg)
    }

    fn name() -> &'static str {
        B::name()
    }
}

/// What a blocking actor can do besides changing its state.
pub struct BlockingContext<B: BlockingActor> {
    weak: WeakActorRef<Blocking<B>>,
    failure: Option<BoxError>,
}

impl<B: BlockingActor> BlockingContext<B> {
    /// A handle of this actor; `None` when nobody has one any more.
    #[must_use]
    pub fn me(&self) -> Option<ActorRef<Blocking<B>>> {
        self.weak.upgrade()
    }

    /// A weak handle of this actor.
    #[must_use]
    pub fn weak(&self) -> WeakActorRef<Blocking<B>> {
        self.weak.clone()
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.weak.name()
    }

    /// Stops this actor after the message in hand.
    pub fn stop(&mut self) {
        self.weak.head().raise(STOP);
    }

    /// As [`Context::fail`].
    pub fn fail(&mut self, error: impl Into<BoxError>) {
        self.failure.get_or_insert(error.into());
    }

    /// Tells whether the actor was asked to stop or killed: a long handler should look now and then.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.weak.head().flags() & (STOP | KILL) != 0
    }
}

impl<B> fmt::Debug for Blocking<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("is_at_rest", &self.actor.is_some()).finish_non_exhaustive()
    }
}

impl<B: BlockingActor> fmt::Debug for BlockingContext<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingContext").field("name", &self.name()).finish_non_exhaustive()
    }
}
