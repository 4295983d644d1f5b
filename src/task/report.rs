//! What a shutdown found.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Panicked;

/// How everything that an owner ever started has ended.
///
/// `started = finished + aborted + panicked_count + still_running`, over the owner's whole life, not just the time of
/// its shutdown. `Display` is one line for a log.
#[derive(Debug, Clone)]
#[must_use = "the report says whether anything panicked, was cut off or still runs"]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Who was shut down.
    pub name: Arc<str>,
    /// How many ran to their end.
    pub finished: u64,
    /// How many were stopped before their end, whether or not they had begun.
    pub aborted: u64,
    /// How many panicked.
    pub panicked_count: u64,
    /// The first panics, at most [`ShutdownReport::PANICS_KEPT`].
    pub panicked: Vec<Panicked>,
    /// What could not be stopped, by name: a blocking or CPU closure in the middle of its work, or a task whose poll
    /// does not return. It still runs, and still holds what it captured.
    pub still_running: Vec<Arc<str>>,
    /// How long the shutdown took.
    pub elapsed: Duration,
}

impl ShutdownReport {
    /// How many panics an owner keeps the messages of; the rest are only counted (and logged).
    pub const PANICS_KEPT: usize = 16;

    /// Tells whether everything ran to its end.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.aborted == 0 && self.panicked_count == 0 && self.still_running.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, finished, aborted, panicked_count, still_running, elapsed, .. } = self;
        write!(f, "{name}: {finished} finished, {aborted} aborted, {panicked_count} panicked, ")?;
        match still_running.len() {
            0 => write!(f, "none still running")?,
            count => {
                write!(f, "{count} still running (")?;
                for (index, name) in still_running.iter().take(4).enumerate() {
                    write!(f, "{}{name}", if index == 0 { "" } else { ", " })?;
                }
                write!(f, "{})", if count > 4 { ", …" } else { "" })?;
            }
        }
        write!(f, ", stopped in {elapsed:.1?}")
    }
}
