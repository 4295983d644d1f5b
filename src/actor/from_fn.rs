//! The smallest actor: some state and a closure.

use std::fmt;
use std::marker::PhantomData;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::context::Context;

/// An actor of a state and a closure; made by [`from_fn`].
pub struct FromFn<S, M, F> {
    state: S,
    handle: F,
    msg: PhantomData<fn(M)>,
}

/// Makes an actor of a state and a closure that handles one message, for actors without hooks that never wait.
///
/// # Examples
/// ```
/// use regatta::actor::{self, Reply};
///
/// enum Msg { Add(i64), Get(Reply<i64>) }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let counter = actor::spawn(actor::from_fn(0, |n, msg| match msg {
///     Msg::Add(by) => *n += by,
///     Msg::Get(reply) => drop(reply.send(*n)),
/// }));
/// counter.tell(Msg::Add(2)).await.unwrap();
/// assert_eq!(counter.ask(Msg::Get).await.unwrap(), 2);
/// # }
/// ```
pub fn from_fn<S, M, F>(state: S, handle: F) -> FromFn<S, M, F>
where
    S: Send + 'static,
    M: Send + 'static,
    F: FnMut(&mut S, M) + Send + 'static,
{
    FromFn { state, handle, msg: PhantomData }
}

impl<S, M, F> Actor for FromFn<S, M, F>
where
    S: Send + 'static,
    M: Send + 'static,
    F: FnMut(&mut S, M) + Send + 'static,
{
    type Msg = M;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: M, _: &mut Context<Self>) {
        (self.handle)(&mut self.state, msg);
    }

    fn name() -> &'static str {
        "from_fn"
    }
}

impl<S: fmt::Debug, M, F> fmt::Debug for FromFn<S, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").field("state", &self.state).finish_non_exhaustive()
    }
}
