//! Messages that nobody handles.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use super::actor::Actor;
use super::run::name_of;

/// A message that was not handled; see [`ActorSystem::dead_letters`](super::SystemRef::dead_letters). It tells of the
/// message, and does not contain it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The name that it was for.
    pub to: Arc<str>,
    /// What its actor [calls](Actor::message_name) it.
    pub message: &'static str,
    /// The type of the message.
    pub kind: &'static str,
    /// Why it was not handled.
    pub why: DeadReason,
}

/// Why a message was not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadReason {
    /// There is no actor of this name.
    Nobody,
    /// The actor of this name is of another type.
    OtherType,
    /// The actor had accepted it, and ended before its turn came.
    Undelivered,
}

impl DeadLetter {
    pub(super) fn new<A: Actor>(to: Arc<str>, msg: &A::Msg, why: DeadReason) -> Self {
        Self { to, message: name_of::<A>(msg), kind: type_name::<A::Msg>(), why }
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, message, kind, why } = self;
        let why = match why {
            DeadReason::Nobody => "there is no such actor",
            DeadReason::OtherType => "it is of another type",
            DeadReason::Undelivered => "it ended before it came to that",
        };
        write!(f, "{message} (`{kind}`) to actor `{to}` was not handled: {why}")
    }
}
