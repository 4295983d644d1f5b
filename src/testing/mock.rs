//! A closure in the place of an actor.

use crate::actor::Actor;
use crate::task::{entrust, runtime};

/// A handle of an actor that is not there: a closure answers its messages, one after the other, in a task that ends with the
/// last handle.
///
/// # Examples
/// ```
/// use regatta::testing;
///
/// struct Clock;
///
/// #[regatta::actor]
/// impl Clock {
///     pub fn hour(&self) -> u8 { unreachable!("the true one asks a server") }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::actor::AskError> {
/// let clock = testing::mock::<Clock>(|ClockMsg::Hour { reply }| reply.send(17).unwrap());
/// assert_eq!(clock.hour().await?, 17);
/// # Ok(()) }
/// ```
///
/// With several messages the closure is a `match`; what it does not expect may panic.
///
/// # Panics
/// Outside a tokio runtime. A panic of the closure ends the mock as it ends an actor: who asked is told what it said.
#[track_caller]
#[must_use = "a mock ends when its last handle is dropped"]
pub fn mock<A: Actor>(mut answer: impl FnMut(A::Msg) + Send + 'static) -> A::Handle {
    let runtime = runtime("testing::mock");
    let (handle, mut probe) = super::probe::<A>();
    entrust(&runtime, async move {
        while let Some(()) = probe.answer_next(&mut answer).await {
            // Others of the thread have their turn, however many messages wait.
            tokio::task::coop::consume_budget().await;
        }
    });
    handle
}
