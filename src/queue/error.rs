//! Why an item was not sent, or none received.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::error::{Closed, Elapsed, Full, drop_quietly};

/// The item was not sent; it is handed back.
///
/// # Examples
/// ```
/// use regatta::queue;
///
/// let (producer, _consumer) = queue::Builder::new(1).name("mails").build();
/// producer.try_send("first").expect("there is room");
/// let error = producer.try_send("second").unwrap_err();
/// assert!(error.is_full());
/// assert_eq!(error.to_string(), "the item was not sent: queue `mails` is full: 1 of 1 taken");
/// assert_eq!(error.into_inner(), "second");
/// ```
#[must_use = "dropping the error drops the item that was not sent"]
pub struct SendError<T> {
    item: T,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Full(Full),
    Closed(Closed),
    Elapsed(Elapsed),
}

impl Kind {
    fn word(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Full(full) => full,
            Self::Closed(closed) => closed,
            Self::Elapsed(elapsed) => elapsed,
        }
    }
}

impl<T> SendError<T> {
    pub(super) fn full(item: T, full: Full) -> Self {
        Self { item, kind: Kind::Full(full) }
    }

    pub(super) fn closed(item: T, closed: Closed) -> Self {
        Self { item, kind: Kind::Closed(closed) }
    }

    pub(super) fn elapsed(item: T, place: std::sync::Arc<str>, limit: Duration) -> Self {
        Self { item, kind: Kind::Elapsed(Elapsed::new(place, limit)) }
    }

    /// Gives back the item.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.item
    }

    /// Drops the item, whatever its destructor does; says why it was not sent.
    pub(super) fn lose(self) -> String {
        drop_quietly(self.item);
        self.kind.word().to_string()
    }

    /// Tells whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full(_))
    }

    /// Tells whether the queue is closed: no later send will succeed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.kind, Kind::Closed(_))
    }

    /// Tells whether the time allowed was over before there was room.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.kind, Kind::Elapsed(_))
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the item was not sent: ")?;
        fmt::Display::fmt(self.kind.word(), f)
    }
}

impl<T> Error for SendError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.kind.word())
    }
}

/// Nothing was received, and the caller did not want to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// Nothing is queued now; something may come, or come back.
    Empty,
    /// Nothing will ever come: closed, empty and nothing in flight.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed and everything it held is finished",
        })
    }
}

impl Error for TryRecvError {}
