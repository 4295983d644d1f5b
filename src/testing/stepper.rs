//! An actor, step by step.

use std::fmt;

use crate::actor::{Actor, Builder, StopReason};

/// An actor that handles a message when the test says so. It is the actor as it would run, with its hooks, timers, streams
/// and pipes; only its task is missing.
///
/// # Examples
/// ```
/// use regatta::testing::Stepper;
///
/// struct Counter { n: i64 }
///
/// #[regatta::actor]
/// impl Counter {
///     pub fn add(&mut self, by: i64) { self.n += by; }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (counter, mut stepper) = Stepper::new(Counter { n: 0 });
/// counter.add(2).tell().await.unwrap();
/// counter.add(3).tell().await.unwrap();
/// assert_eq!(stepper.step().await, Some("add"));
/// assert_eq!(stepper.state().n, 2);
/// assert_eq!(stepper.run().await, 1); // until there is nothing to do
/// assert_eq!(stepper.state().n, 5);
///
/// let stopped = counter.actor().stop();
/// assert_eq!(stepper.step().await, None);
/// assert_eq!(stopped.await.to_string(), "stopped");
/// # }
/// ```
pub struct Stepper<A: Actor> {
    staged: crate::actor::Staged<A>,
    reason: Option<StopReason>,
}

impl<A: Actor> Stepper<A> {
    /// Begins with an actor that has not started.
    #[must_use]
    pub fn new(actor: A) -> (A::Handle, Self) {
        Self::with(Builder::new(), actor)
    }

    /// As [`new`](Self::new), with a mailbox and policies of its own.
    #[must_use]
    pub fn with(builder: Builder<A::Msg>, actor: A) -> (A::Handle, Self) {
        let (handle, staged) = builder.unobserved().staged(actor);
        (handle, Self { staged, reason: None })
    }

    /// Handles one message, and gives its name: from the mailbox, or of a timer, a stream, a pipe or a watch. Before the
    /// first one the actor starts. `None` when there is nothing to do at the moment, and when the actor has
    /// [ended](Self::reason).
    ///
    /// # Cancel safety
    /// Not safe: the actor is cut off in the middle of the message, and ends at the next step, or when the stepper is dropped;
    /// who asks hears of it then.
    pub async fn step(&mut self) -> Option<&'static str> {
        match self.staged.step().await? {
            Ok(name) => Some(name),
            Err(reason) => {
                self.reason = Some(reason);
                None
            }
        }
    }

    /// Handles messages until there is nothing to do; gives how many.
    ///
    /// # Cancel safety
    /// As [`step`](Self::step).
    pub async fn run(&mut self) -> usize {
        let mut handled = 0;
        while self.step().await.is_some() {
            handled += 1;
        }
        handled
    }

    /// The state.
    ///
    /// # Panics
    /// When the actor has ended.
    #[track_caller]
    pub fn state(&mut self) -> &mut A {
        match (self.staged.state(), &self.reason) {
            (Some(state), _) => state,
            (None, Some(reason)) => panic!("actor `{}` has ended: {reason}", A::name()),
            (None, None) => panic!("actor `{}` has ended: its step was dropped", A::name()),
        }
    }

    /// How the actor has ended, if it has.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        self.reason.as_ref()
    }
}

impl<A: Actor> fmt::Debug for Stepper<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepper").field("actor", &A::name()).field("reason", &self.reason).finish_non_exhaustive()
    }
}
