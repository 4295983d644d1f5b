//! What the run came to, and its two forms: for people and for programs.

mod json;
mod plain;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use blake3::Hash;
use regatta::actor::StopReason;
use regatta::cache::CacheStats;

use crate::entry::Problem;
use crate::extensions::Kind;

pub(crate) use json::write_json;
pub(crate) use plain::write_plain;

/// What the run came to. Everything is in a fixed order, so that two runs over the same files print the same.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) groups: Vec<Group>,
    /// Of what kinds the files are that were found, the most bytes first.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) problems: Vec<Problem>,
    /// How many files were found, each counted once.
    pub(crate) scanned: u64,
    /// How long those files are together.
    pub(crate) bytes: u64,
    /// How much of them was read: most are told apart by their length alone.
    pub(crate) read: u64,
    pub(crate) elapsed: Duration,
    /// Why there may be more groups, and larger ones.
    pub(crate) partial: Option<Partial>,
    /// What the cache was good for, if there is one.
    pub(crate) reuse: Option<Reuse>,
    /// The table of what the library counted.
    pub(crate) table: String,
}

/// Why a report does not hold everything. It says so in front of "this report is partial".
#[derive(Debug, Clone)]
pub(crate) enum Partial {
    /// Somebody wanted an end.
    Interrupted,
    /// The index ended like this, and was started again knowing nothing.
    Crash(StopReason),
}

/// What came of `--cache`.
#[derive(Debug)]
pub(crate) struct Reuse {
    pub(crate) file: PathBuf,
    pub(crate) stats: CacheStats,
}

/// Files with the same content.
#[derive(Debug)]
pub(crate) struct Group {
    /// Length of each, in bytes.
    pub(crate) size: u64,
    pub(crate) hash: Hash,
    pub(crate) paths: Vec<PathBuf>,
}

impl Group {
    /// The bytes that are free once only one of the files is left.
    fn freed(&self) -> u64 {
        self.size * (self.paths.len() as u64 - 1)
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Crash(reason) => write!(f, "the index was restarted and has lost what it knew: {reason}"),
        }
    }
}

impl std::error::Error for Partial {}
