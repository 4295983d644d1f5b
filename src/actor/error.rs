//! Why a message was not sent, or an ask has no answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::head::{Head, Subject};
use super::here::Fate;
use super::reason::StopReason;
use crate::error::Panicked;

/// A message was not sent; it is handed back.
#[must_use = "the message that was not sent is in here"]
pub struct TellError<M> {
    msg: M,
    target: Arc<dyn Subject>,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Full,
    Closed,
    Elapsed(Duration),
}

impl<M> TellError<M> {
    pub(super) fn new(msg: M, target: Arc<dyn Subject>, why: Why) -> Self {
        Self { msg, target, why }
    }

    /// Gives the message back.
    #[must_use]
    pub fn into_inner(self) -> M {
        self.msg
    }

    /// The mailbox was full, and the caller did not want to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.why == Why::Full
    }

    /// The actor accepts nothing more: it was told to stop, or has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.why == Why::Closed
    }

    /// There was no room in time.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.why, Why::Elapsed(_))
    }

    /// The name of the actor.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.target.head().name
    }

    /// How the actor has ended, if it has.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        self.target.head().end()
    }
}

impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TellError").field("actor", &self.actor()).field("why", &self.why).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.target.head();
        let (place, limit) = (head.place(), head.capacity);
        match self.why {
            Why::Full => write!(f, "the mailbox of {place} is full: {limit} of {limit} taken; tell waits for room"),
            Why::Closed => closed(f, &place, head.end()),
            Why::Elapsed(time) => {
                write!(f, "the mailbox of {place} had no room for {time:?}: {limit} of {limit} taken")
            }
        }
    }
}

impl<M> Error for TellError<M> {}

fn closed(f: &mut fmt::Formatter<'_>, place: &str, reason: Option<&StopReason>) -> fmt::Result {
    match reason {
        None => write!(f, "{place} is stopping and accepts nothing more"),
        Some(reason) => write!(f, "{place} accepts nothing more, it has ended: {reason}"),
    }
}

/// Why an ask has no answer. [`outcome`](Self::outcome) says whether the message was handled.
///
/// Each variant names the actor and what the message is [called](super::Actor::message_name).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AskError {
    /// The mailbox was full, and the actor's [overflow policy](super::Builder::overflow) is not to wait.
    #[non_exhaustive]
    Full {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How many messages fit.
        limit: usize,
    },
    /// The actor accepted nothing more when it was asked.
    #[non_exhaustive]
    Closed {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How it ended; `None` while it is on its way to its end.
        reason: Option<StopReason>,
    },
    /// The actor ended while the message waited; it was not handled.
    #[non_exhaustive]
    Stopped {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How it ended.
        reason: StopReason,
    },
    /// The actor ended in the middle of the message, or while it kept the reply: by a kill, with its runtime, or because
    /// it [failed](super::Context::fail).
    #[non_exhaustive]
    Killed {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How it ended.
        reason: StopReason,
    },
    /// The actor panicked while it had the reply: in this message, or in a later one when it kept the reply.
    #[non_exhaustive]
    Panicked {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message that was asked is called.
        message: &'static str,
        /// What was said, and in the middle of which message.
        panicked: Panicked,
    },
    /// The actor dropped the reply without sending it.
    #[non_exhaustive]
    NoReply {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
    },
    /// There was no answer in time.
    #[non_exhaustive]
    Elapsed {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How long the answer was waited for.
        limit: Duration,
        /// Whether the message was in the mailbox by then. If so, it may still be handled.
        delivered: bool,
    },
    /// Waiting for the answer would be waiting for oneself: the actor that asks is, by way of others, asked by the one
    /// it asks, within a message that is being handled. Nothing was sent.
    #[non_exhaustive]
    Cycle {
        /// What the message is called.
        message: &'static str,
        /// Who waits for whom, from the one that asks and back to it.
        path: Vec<Arc<str>>,
    },
}

/// Whether a message that has no answer was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not handled and never will be: asking again is safe.
    NotExecuted,
    /// It may have been handled, in part or wholly, or may still be.
    MaybeExecuted,
    /// It was handled, without an answer.
    Executed,
}

impl AskError {
    /// Whether the message was handled.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Full { .. } | Self::Closed { .. } | Self::Stopped { .. } | Self::Cycle { .. } => Outcome::NotExecuted,
            Self::Elapsed { delivered: false, .. } => Outcome::NotExecuted,
            Self::Elapsed { .. } | Self::Killed { .. } | Self::Panicked { .. } => Outcome::MaybeExecuted,
            Self::NoReply { .. } => Outcome::Executed,
        }
    }

    /// How the actor has ended, as far as it has.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        match self {
            Self::Closed { reason, .. } => reason.as_ref(),
            Self::Stopped { reason, .. } | Self::Killed { reason, .. } => Some(reason),
            _ => None,
        }
    }

    pub(super) fn full(head: &Head, message: &'static str) -> Self {
        Self::Full { actor: head.name.clone(), message, limit: head.capacity }
    }

    pub(super) fn closed(head: &Head, message: &'static str) -> Self {
        Self::Closed { actor: head.name.clone(), message, reason: head.end().cloned() }
    }

    pub(super) fn elapsed(head: &Head, message: &'static str, limit: Duration, delivered: bool) -> Self {
        Self::Elapsed { actor: head.name.clone(), message, limit, delivered }
    }

    pub(super) fn of(fate: Fate, head: &Head, message: &'static str) -> Self {
        let actor = head.name.clone();
        match fate {
            Fate::NoReply => Self::NoReply { actor, message },
            Fate::Full(limit) => Self::Full { actor, message, limit },
            Fate::Panicked(panicked) => Self::Panicked { actor, message, panicked },
            Fate::Stopped(reason) => Self::Stopped { actor, message, reason },
            Fate::Killed(reason) => Self::Killed { actor, message, reason },
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { actor, message, limit } => {
                write!(f, "asking actor `{actor}` ({message}): its mailbox is full, {limit} of {limit} taken")
            }
            Self::Closed { actor, message, reason } => {
                write!(f, "asking ({message}): ")?;
                closed(f, &format!("actor `{actor}`"), reason.as_ref())
            }
            Self::Stopped { actor, message, reason } => {
                write!(f, "actor `{actor}` ended before it handled {message}: {reason}")
            }
            Self::Killed { actor, message, reason } => {
                write!(f, "actor `{actor}` ended in the middle of {message}: {reason}")
            }
            Self::Panicked { message, panicked, .. } => write!(f, "no answer to {message}: {panicked}"),
            Self::NoReply { actor, message } => {
                write!(f, "actor `{actor}` dropped the reply to {message} without sending it")
            }
            Self::Elapsed { actor, message, limit, delivered: true } => write!(
                f,
                "actor `{actor}` did not answer {message} within {limit:?}; it has the message and may still handle it"
            ),
            Self::Elapsed { actor, message, limit, delivered: false } => write!(
                f,
                "actor `{actor}` had no room for {message} within {limit:?}; it was not sent, is the actor too slow?"
            ),
            Self::Cycle { message, path } => {
                let path: Vec<&str> = path.iter().map(|name| &**name).collect();
                write!(
                    f,
                    "asking ({message}) would wait for itself: {}; tell instead, or ask in a task",
                    path.join(" → ")
                )
            }
        }
    }
}

impl Error for AskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Panicked { panicked, .. } => Some(panicked),
            _ => None,
        }
    }
}
