//! Why a message was not sent.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::head::Subject;
use super::reason::StopReason;

/// A message was not sent; it is handed back.
#[must_use = "the message that was not sent is in here"]
pub struct TellError<M> {
    /// In a lock, so that the error can go wherever errors go, whatever the message is.
    msg: Mutex<M>,
    target: Arc<dyn Subject>,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Full,
    /// Of the one who sends.
    Own,
    Closed,
    Elapsed(Duration),
}

impl<M> TellError<M> {
    pub(super) fn new(msg: M, target: Arc<dyn Subject>, why: Why) -> Self {
        Self { msg: Mutex::new(msg), target, why }
    }

    /// Gives the message back.
    #[must_use]
    pub fn into_inner(self) -> M {
        self.msg.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mailbox was full, and the caller did not want to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.why, Why::Full | Why::Own)
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
        // In its words: an `unwrap` shows nothing else.
        f.debug_tuple("TellError").field(&format_args!("{self}")).finish()
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.target.head();
        let (place, limit) = (head.place(), head.capacity);
        match self.why {
            Why::Full => {
                write!(f, "the mailbox of {place} is full: {limit} of {limit} taken; try later, or raise its capacity")
            }
            Why::Own => write!(
                f,
                "{place} cannot wait for room in its own mailbox, {limit} of {limit} taken: tell in `Context::pipe`, or raise its \
                 capacity"
            ),
            Why::Closed => closed(f, &place, head.end()),
            Why::Elapsed(time) => {
                write!(f, "the mailbox of {place} had no room for {time:?}: {limit} of {limit} taken")
            }
        }
    }
}

impl<M> Error for TellError<M> {}

/// Says that it is about to end, or has ended.
pub(super) fn closed(f: &mut fmt::Formatter<'_>, place: &str, reason: Option<&StopReason>) -> fmt::Result {
    match reason {
        None => write!(f, "{place} is stopping and accepts nothing more"),
        Some(reason) => write!(f, "{place} accepts nothing more, it has ended: {reason}"),
    }
}
