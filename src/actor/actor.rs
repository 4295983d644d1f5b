//! What a user writes.

use std::future::Future;

use super::actor_ref::ActorRef;
use super::context::Context;
use super::reason::StopReason;
use crate::error::BoxError;

/// State owned by a task that handles one message after the other.
///
/// Only the two types and [`handle`](Self::handle) have to be written; `async fn` is fine in an impl. The hooks do nothing
/// by default. Mostly [`#[regatta::actor]`](macro@crate::actor) writes it, from the methods of the type. For a closure instead of a type there is [`from_fn`](super::from_fn()), for code that blocks
/// [`BlockingActor`](super::BlockingActor).
///
/// # Examples
/// ```
/// use regatta::BoxError;
/// use regatta::actor::{self, Actor, ActorRef, Context, Reply};
///
/// struct Counter { n: i64 }
///
/// enum Msg { Add(i64), Get(Reply<i64>) }
///
/// impl Actor for Counter {
///     type Msg = Msg;
///     type Handle = ActorRef<Self>;
///
///     async fn started(&mut self, _: &mut Context<Self>) -> Result<(), BoxError> {
///         self.n = 1;
///         Ok(())
///     }
///
///     async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
///         match msg {
///             Msg::Add(by) => self.n += by,
///             // Whoever asked may have left: that is for the actor to care about, or not.
///             Msg::Get(reply) => drop(reply.send(self.n)),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let counter = actor::spawn(Counter { n: 0 });
/// counter.tell(Msg::Add(2)).await?;
/// assert_eq!(counter.ask(Msg::Get).await?, 3);
/// assert_eq!(counter.stop().await.to_string(), "stopped");
/// # Ok(()) }
/// ```
///
/// # Panics
/// A panic of any of these functions ends the incarnation, never the process: see [the module](super#when-it-panics).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    label = "not an actor",
    note = "put `#[regatta::actor]` on its impl block, or implement `regatta::actor::Actor`",
    note = "a `BlockingActor` is started by `Builder::spawn_blocking`, or within `Blocking::new`; a closure by `actor::from_fn`"
)]
pub trait Actor: Sized + Send + 'static {
    /// What it is sent: mostly an enum, moved by value.
    type Msg: Send + 'static;

    /// What it is reached by: [`ActorRef<Self>`](super::ActorRef), or a handle around it that knows its messages, such as
    /// those that [`#[regatta::actor]`](macro@crate::actor) makes.
    type Handle: From<ActorRef<Self>> + AsRef<ActorRef<Self>> + Clone + Send + Sync + 'static;

    /// Handles one message; the next one waits until the future is ready.
    ///
    /// # Cancel safety
    /// The future is dropped at one of its awaits by [`kill`](super::ActorRef::kill) and with the runtime.
    fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send;

    /// The first incarnation begins; no message has been handled yet.
    ///
    /// # Errors
    /// Whatever keeps it from starting; the actor ends with [`StopReason::StartFailed`].
    fn started(&mut self, cx: &mut Context<Self>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// A later incarnation begins; `exit` says how the one before has ended. By default, as [`started`](Self::started).
    ///
    /// # Errors
    /// Whatever keeps it from starting; this is one more failure for whoever restarts it.
    fn restarted(
        &mut self,
        exit: &StopReason,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = exit;
        self.started(cx)
    }

    /// The actor was asked to stop, was drained, or nobody refers to it any more: the last chance to use `cx`, for
    /// example to tell others. Not called after a failure or a kill.
    fn stopping(&mut self, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }

    /// This incarnation is over, after a failure too; the state may be half-changed then. Not called when it was
    /// killed, when its start failed, or when the runtime went away: then the state is only dropped.
    fn stopped(self, reason: &StopReason) -> impl Future<Output = ()> + Send {
        let _ = reason;
        async {}
    }

    /// What a message is called in errors and panics, for example the name of its variant.
    #[must_use]
    fn message_name(msg: &Self::Msg) -> &'static str {
        let _ = msg;
        UNNAMED
    }

    /// What the actor is called unless [`Builder::name`](super::Builder::name) says so: its type, without the path.
    #[must_use]
    fn name() -> &'static str {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }
}

/// A message whose actor does not name it.
pub(super) const UNNAMED: &str = "a message";
