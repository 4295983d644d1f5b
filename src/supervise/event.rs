//! What happens in a tree, as it happens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::exit::{Exit, GaveUp};
use super::intensity::Intensity;

/// One thing that happened to one child; see [`SupervisorRef::subscribe`](super::SupervisorRef::subscribe).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// The path of the supervisor, from the root: `app/storage`.
    pub supervisor: Arc<str>,
    /// The name of the child.
    pub child: Arc<str>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a child.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// A life has begun.
    Started {
        /// Which, from 1.
        incarnation: u64,
    },
    /// Its start found [nothing to do](super::Ignored).
    Ignored,
    /// Its start failed, or took too long.
    StartFailed {
        /// How.
        exit: Exit,
    },
    /// A life has ended: by itself, or because the supervisor stopped it.
    Exited {
        /// Which.
        incarnation: u64,
        /// How.
        exit: Exit,
    },
    /// It will be started again, with those that its failure takes along.
    Restarting {
        /// After how long.
        delay: Duration,
        /// The failures that count now.
        recent: usize,
        /// How many restarts are allowed.
        limit: Intensity,
    },
    /// Its supervisor has forgotten it.
    Removed,
    /// Its failure was one too many: its supervisor stops the others and ends.
    GaveUp(GaveUp),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: {}", self.supervisor, self.child, self.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { incarnation: 1 } => write!(f, "started"),
            Self::Started { incarnation } => write!(f, "started again (life {incarnation})"),
            Self::Ignored => write!(f, "has nothing to do"),
            Self::StartFailed { exit } => write!(f, "could not be started: {exit}"),
            Self::Exited { exit, .. } => exit.fmt(f),
            Self::Restarting { delay, recent, limit } => {
                match delay.is_zero() {
                    true => write!(f, "is started again at once")?,
                    false => write!(f, "is started again in {delay:?}")?,
                }
                write!(f, " (failure {recent}; {limit} allowed)")
            }
            Self::Removed => write!(f, "was removed"),
            Self::GaveUp(gave_up) => gave_up.fmt(f),
        }
    }
}
