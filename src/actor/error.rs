//! Why an ask has no answer.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::actor::UNNAMED;
use super::head::Head;
use super::here::Fate;
use super::reason::StopReason;
use super::tell_error::closed;
use crate::error::Panicked;

/// Why an ask has no answer. [`outcome`](Self::outcome) says whether the message was handled.
///
/// Each variant names the actor and what the message is [called](super::Actor::message_name).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AskError<E = Infallible> {
    /// The handler's own error: it was handled, and this is the answer.
    Handler(E),
    /// The mailbox was full, and the actor's [overflow policy](super::Builder::overflow) is not to wait.
    #[non_exhaustive]
    Full {
        /// Who was asked.
        actor: Arc<str>,
        /// What the message is called.
        message: &'static str,
        /// How many messages fit.
        limit: usize,
        #[doc(hidden)]
        args: Returned,
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
        #[doc(hidden)]
        args: Returned,
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
    /// The actor ended in the middle of the message, or while it kept the reply, also in a pipe, a timer or a message to
    /// another actor, which is then the one named here.
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
        #[doc(hidden)]
        args: Returned,
    },
    /// Waiting for the answer would be waiting for oneself: the actor that asks is, by way of others, asked by the one
    /// it asks, within a message that is being handled. Nothing was sent.
    #[non_exhaustive]
    Cycle {
        /// What the message is called.
        message: &'static str,
        /// Who waits for whom, from the one that asks and back to it.
        path: Vec<Arc<str>>,
        #[doc(hidden)]
        args: Returned,
    },
}

/// The arguments of a message that was not sent.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Returned(Option<Arc<Mutex<Option<Args>>>>);

pub(super) type Args = Box<dyn Any + Send>;

impl Returned {
    pub(super) fn new(args: Option<Args>) -> Self {
        Self(args.map(|args| Arc::new(Mutex::new(Some(args)))))
    }

    fn take<R: 'static>(&self) -> Option<R> {
        let mut args = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        match args.take()?.downcast() {
            Ok(taken) => Some(*taken),
            Err(others) => {
                *args = Some(others);
                None
            }
        }
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "returned" } else { "none" })
    }
}

/// Whether a message that has no answer was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not handled and never will be: asking again is safe. Whether it is of use, [`AskError::is_closed`] says.
    NotExecuted,
    /// It may have been handled, in part or wholly, or may still be.
    MaybeExecuted,
    /// It was handled, without an answer.
    Executed,
}

impl<E> AskError<E> {
    /// Whether the message was handled.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Full { .. } | Self::Closed { .. } | Self::Stopped { .. } | Self::Cycle { .. } => Outcome::NotExecuted,
            Self::Elapsed { delivered: false, .. } => Outcome::NotExecuted,
            Self::Elapsed { .. } | Self::Killed { .. } | Self::Panicked { .. } => Outcome::MaybeExecuted,
            Self::NoReply { .. } | Self::Handler(_) => Outcome::Executed,
        }
    }

    /// The mailbox was full, and waiting was not wanted: later there may be room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// The actor has ended, or is about to: asking it again is of no use.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Stopped { .. })
    }

    /// There was no answer in time.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self, Self::Elapsed { .. })
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

    /// The handler's own error, if it is that.
    ///
    /// # Errors
    /// This error, if there was no answer at all.
    pub fn into_handler(self) -> Result<E, AskError> {
        self.parted()
    }

    /// The same, where the handler's error is another one.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::AskError;
    ///
    /// fn in_words(error: AskError<std::num::ParseIntError>) -> AskError<String> {
    ///     error.map_handler(|error| error.to_string())
    /// }
    /// # let _ = in_words;
    /// ```
    #[must_use]
    pub fn map_handler<F>(self, map: impl FnOnce(E) -> F) -> AskError<F> {
        self.parted().map_or_else(|other| other, |error| AskError::Handler(map(error)))
    }

    /// The handler's own error, or this one, whatever the errors of a handler's would be.
    fn parted<F>(self) -> Result<E, AskError<F>> {
        Err(match self {
            Self::Handler(error) => return Ok(error),
            Self::Full { actor, message, limit, args } => AskError::Full { actor, message, limit, args },
            Self::Closed { actor, message, reason, args } => AskError::Closed { actor, message, reason, args },
            Self::Stopped { actor, message, reason } => AskError::Stopped { actor, message, reason },
            Self::Killed { actor, message, reason } => AskError::Killed { actor, message, reason },
            Self::Panicked { actor, message, panicked } => AskError::Panicked { actor, message, panicked },
            Self::NoReply { actor, message } => AskError::NoReply { actor, message },
            Self::Elapsed { actor, message, limit, delivered, args } => {
                AskError::Elapsed { actor, message, limit, delivered, args }
            }
            Self::Cycle { message, path, args } => AskError::Cycle { message, path, args },
        })
    }

    /// The arguments of a [`Call`](super::Call) that was never in the mailbox, as the tuple of them: `(i64,)` for a method
    /// with one. They are given once, whatever clones of the error there are; `None` for other types, and when the message
    /// was sent.
    #[must_use]
    pub fn take_args<R: 'static>(&self) -> Option<R> {
        match self {
            Self::Full { args, .. }
            | Self::Closed { args, .. }
            | Self::Elapsed { args, .. }
            | Self::Cycle { args, .. } => args.take(),
            _ => None,
        }
    }

    pub(super) fn full(head: &Head, message: &'static str, args: Option<Args>) -> Self {
        let args = Returned::new(args);
        Self::Full { actor: head.name.clone(), message, limit: head.capacity, args }
    }

    pub(super) fn closed(head: &Head, message: &'static str, args: Option<Args>) -> Self {
        let args = Returned::new(args);
        Self::Closed { actor: head.name.clone(), message, reason: head.end().cloned(), args }
    }

    pub(super) fn elapsed(
        head: &Head,
        message: &'static str,
        limit: Duration,
        delivered: bool,
        args: Option<Args>,
    ) -> Self {
        Self::Elapsed { actor: head.name.clone(), message, limit, delivered, args: Returned::new(args) }
    }

    pub(super) fn cycle(message: &'static str, path: Vec<Arc<str>>, args: Option<Args>) -> Self {
        Self::Cycle { message, path, args: Returned::new(args) }
    }

    pub(super) fn of(fate: Fate, head: &Head, message: &'static str) -> Self {
        let actor = head.name.clone();
        match fate {
            Fate::NoReply => Self::NoReply { actor, message },
            Fate::Full(by, limit) if by == head.id => Self::Full { actor, message, limit, args: Returned::default() },
            // It was handled, and its reply handed on to one that had no room.
            Fate::Full(..) => Self::NoReply { actor, message },
            Fate::Panicked(panicked) => Self::Panicked { actor, message, panicked },
            Fate::Stopped(by, reason) if by.head().id == head.id => Self::Stopped { actor, message, reason },
            // It was handled, and its reply handed on to one that has ended.
            Fate::Stopped(by, reason) => Self::Killed { actor: by.head().name.clone(), message, reason },
            Fate::Killed(reason) => Self::Killed { actor, message, reason },
        }
    }
}

impl AskError {
    /// The same, among errors of a handler's: of a method that returns no `Result`, where another one does.
    ///
    /// # Examples
    /// ```
    /// use regatta::actor::AskError;
    ///
    /// struct Till { cents: u64 }
    ///
    /// #[regatta::actor]
    /// impl Till {
    ///     pub fn cents(&self) -> u64 { self.cents }
    ///
    ///     pub fn take(&mut self, cents: u64) -> Result<(), String> {
    ///         self.cents = self.cents.checked_sub(cents).ok_or("not enough")?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// async fn empty(till: &TillHandle) -> Result<(), AskError<String>> {
    ///     let cents = till.cents().await.map_err(AskError::widen)?;
    ///     till.take(cents).await
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # assert!(empty(&Till { cents: 3 }.spawn()).await.is_ok());
    /// # }
    /// ```
    #[must_use]
    pub fn widen<F>(self) -> AskError<F> {
        self.map_handler(|never| match never {})
    }
}

/// Of something that stands for an actor.
impl<E> AskError<E> {
    pub(crate) fn mock_elapsed(limit: Duration) -> Self {
        let args = Returned::default();
        Self::Elapsed { actor: MOCK.into(), message: UNNAMED, limit, delivered: true, args }
    }

    pub(crate) fn mock_closed() -> Self {
        Self::Closed { actor: MOCK.into(), message: UNNAMED, reason: None, args: Returned::default() }
    }

    pub(crate) fn mock_full(limit: usize) -> Self {
        Self::Full { actor: MOCK.into(), message: UNNAMED, limit, args: Returned::default() }
    }

    pub(crate) fn mock_no_reply() -> Self {
        Self::NoReply { actor: MOCK.into(), message: UNNAMED }
    }
}

const MOCK: &str = "mock";

impl<E: fmt::Display> fmt::Display for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(error) => error.fmt(f),
            Self::Full { actor, message, limit, .. } => {
                write!(f, "asking actor `{actor}` ({message}): its mailbox is full, {limit} of {limit} taken")
            }
            Self::Closed { actor, message, reason, .. } => {
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
            Self::Elapsed { actor, message, limit, delivered: true, .. } => write!(
                f,
                "actor `{actor}` did not answer {message} within {limit:?}; it has the message and may still handle it"
            ),
            Self::Elapsed { actor, message, limit, delivered: false, .. } => write!(
                f,
                "actor `{actor}` had no room for {message} within {limit:?}; it was not sent, is the actor too slow?"
            ),
            Self::Cycle { message, path, .. } => {
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

impl<E: fmt::Debug + fmt::Display> Error for AskError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Panicked { panicked, .. } => Some(panicked),
            _ => None,
        }
    }
}
