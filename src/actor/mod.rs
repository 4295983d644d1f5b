//! Actors: state owned by a task, messages moved into it, and a reason for every end.
//!
//! Several tasks need the same state, and some of its changes have to wait for something. By hand that is a task with a
//! channel, an enum, and a `oneshot` in every question (as in Alice Ryhl's
//! [Actors with Tokio](https://ryhl.io/blog/actors-with-tokio/)).
//!
//! What is missing there: a panic of the task drops every question, and nobody is told why. Its channel is dead, and
//! everybody who had it needs a new one. To stop it means a message that waits behind all others. Two such tasks that
//! ask each other wait for ever.
//!
//! Here an actor is a type with a `handle` function. Its [handle](ActorRef) is of the *logical* actor, which outlives a
//! crash; its verbs do not wait behind messages; a question always ends, and its error says whether the message was
//! handled and what the panic said.
//!
//! # Which one?
//! - [`Actor`]: a type with state, messages and hooks. [`from_fn()`]: a closure. [`BlockingActor`]: code that blocks.
//! - [`spawn`], or a [`Builder`] with a name, a mailbox, policies; [`Builder::supervised`] restarts after failures.
//! - [`TaskGroup`](crate::task::TaskGroup): tasks without messages. A `Mutex`: state whose changes never wait.
//!   [`sync::Rcu`](crate::sync::Rcu): a value that many read.
//!
//! # Examples
//! ```
//! use regatta::actor::{self, Actor, ActorRef, AskError, Context, Outcome, Reply};
//!
//! struct Account { cents: u64 }
//!
//! enum Msg { Deposit(u64), Withdraw(u64, Reply<Result<u64, &'static str>>), Audit(Reply<u64>) }
//!
//! impl Actor for Account {
//!     type Msg = Msg;
//!     type Handle = ActorRef<Self>;
//!
//!     async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
//!         match msg {
//!             Msg::Deposit(cents) => self.cents += cents,
//!             Msg::Withdraw(cents, reply) => {
//!                 let left = self.cents.checked_sub(cents).ok_or("not enough");
//!                 self.cents = left.unwrap_or(self.cents);
//!                 let _ = reply.send(left);
//!             }
//!             Msg::Audit(_reply) => panic!("the books are lost"),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), AskError> {
//! let account = actor::Builder::new().name("savings").supervised(|| Account { cents: 0 });
//! account.tell(Msg::Deposit(500)).await.unwrap();
//! assert_eq!(account.ask(|reply| Msg::Withdraw(200, reply)).await?, Ok(300));
//!
//! let error = account.ask(Msg::Audit).await.unwrap_err();
//! assert_eq!(error.to_string(), "no answer to a message: actor `savings`, a message, panicked: the books are lost");
//! assert_eq!(error.outcome(), Outcome::MaybeExecuted);
//!
//! // The same handle, the next incarnation.
//! assert_eq!(account.ask(|reply| Msg::Withdraw(1, reply)).await?, Err("not enough"));
//! assert_eq!(account.stop().await.to_string(), "stopped");
//! # Ok(()) }
//! ```
//!
//! # When it panics
//! The panic is caught. The message in hand is consumed and its asker told, as are those whose [`Reply`] the actor has
//! kept; timers, streams, pipes, tasks and watches of this incarnation end; [`stopped`](Actor::stopped) is called. An
//! actor that is [supervised](Builder::supervised) goes on with the next message in a new state; any other one has
//! ended, with [`StopReason::Panicked`], and what waits is undelivered.
//!
//! # Looking inside
//! Each actor has a row of kind `actor` in [`observe::snapshot`](crate::observe::snapshot), unless it is
//! [`unobserved`](Builder::unobserved).
//!
//! # Trade-offs
//! - One message at a time: a handler that waits lets the others wait. [`Context::pipe`] does not.
//! - Messages are taken in batches: up to twice the mailbox may be accepted and not handled yet.
//! - An ask with a timeout that has to wait uses a timer.
//! - Only asks that are awaited within a handler are looked at for [cycles](AskError::Cycle): two actors that *tell*
//!   each other, both with full mailboxes, wait for each other.
//!
//! # Sources
//! The logical actor that survives its incarnations is [Pekko's](https://pekko.apache.org/docs/pekko/current/typed/fault-tolerance.html);
//! that a dead server ends a call at once, with its reason, and that a monitor of a dead process fires at once, are
//! [Erlang's](https://www.erlang.org/doc/apps/stdlib/gen_server.html).

#[expect(clippy::module_inception, reason = "the trait's file is named after the trait")]
mod actor;
mod actor_ref;
mod answer;
mod ask;
mod blocking;
mod builder;
mod call;
mod child;
mod context;
mod cycles;
mod dead_letter;
mod errand;
mod error;
mod extras;
mod from_fn;
mod group;
mod guard;
mod head;
mod here;
mod lane;
mod life;
mod logical;
mod mailbox;
mod notes;
mod placed;
mod reason;
mod recipient;
mod reply;
mod restarts;
mod room;
mod run;
mod shared;
mod staged;
mod stats;
mod stopped;
mod system;
mod system_error;
mod system_ref;
mod tell;
mod tell_error;
mod timers;
mod to;
mod topic;
mod types;
mod watch;
mod weak;

pub use actor::Actor;
pub use actor_ref::ActorRef;
#[doc(hidden)]
pub use answer::{Shown, ShownByDisplay, ShownByName, answer, answer_result};
pub use ask::{Ask, AskFuture};
pub use blocking::{Blocking, BlockingActor, BlockingContext};
pub use builder::{Builder, spawn};
pub use call::{Call, CallFuture, CallTell, Message};
pub use context::Context;
pub use dead_letter::{DeadLetter, DeadReason};
pub use error::{AskError, Outcome};
pub use from_fn::{FromFn, from_fn};
pub use group::Group;
pub use reason::StopReason;
pub use recipient::{Recipient, WeakRecipient};
pub use reply::Reply;
pub(crate) use staged::{Mailbox, Staged};
pub use stats::ActorStats;
pub use stopped::StoppedFuture;
pub use system::ActorSystem;
pub use system_error::{CreateError, GetError, NamedError};
pub use system_ref::SystemRef;
pub use tell::TellFuture;
pub use tell_error::TellError;
pub use timers::TimerId;
pub use topic::{Lagged, Subscription, Topic};
#[doc(hidden)]
pub use types::{AnyResult, Checked, IsNotSend, IsSend};
pub use watch::WatchId;
pub use weak::WeakActorRef;
