//! How an actor ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Panicked;

/// Why an actor, or one incarnation of it, has ended.
///
/// `Display` says it in plain words, on one line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StopReason {
    /// It was asked to [`stop`](super::ActorRef::stop), by a handle or by itself.
    Stopped,
    /// It was [drained](super::ActorRef::drain): everything it had accepted was handled.
    Drained,
    /// The last handle was dropped and everything was handled.
    Unreferenced,
    /// It was [killed](super::ActorRef::kill).
    Killed,
    /// Its code panicked.
    Panicked(Panicked),
    /// It [gave up](super::Context::fail) by itself.
    Failed(Arc<dyn Error + Send + Sync>),
    /// Its start was an error.
    StartFailed(Arc<dyn Error + Send + Sync>),
    /// It failed more often than it may be restarted.
    #[non_exhaustive]
    GaveUp {
        /// How many restarts there were in all.
        restarts: u64,
        /// In which time the limit was exceeded.
        within: Duration,
        /// The failure that was one too many.
        last: Box<StopReason>,
    },
    /// The runtime went away while it lived.
    RuntimeGone,
}

impl StopReason {
    /// Tells whether it ended because something went wrong in it: a panic, an error, a start that failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::Failed(_) | Self::StartFailed(_) | Self::GaveUp { .. })
    }

    /// Tells whether somebody wanted it to end: it was stopped, drained, or nobody referred to it any more.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Stopped | Self::Drained | Self::Unreferenced)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Drained => f.write_str("drained"),
            Self::Unreferenced => f.write_str("nobody referred to it any more"),
            Self::Killed => f.write_str("killed"),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::StartFailed(error) => write!(f, "did not start: {error}"),
            Self::GaveUp { restarts, within, last } => {
                write!(f, "gave up after {restarts} restarts, too many failures within {within:?}, the last: {last}")
            }
            Self::RuntimeGone => f.write_str("its runtime went away"),
        }
    }
}
