//! What the run came to, and its two forms: for people and for programs.

mod json;
mod plain;

use std::path::PathBuf;
use std::time::Duration;

use blake3::Hash;

use crate::entry::Problem;

pub(crate) use json::write_json;
pub(crate) use plain::write_plain;

/// What the run came to. Everything is in a fixed order, so that two runs over the same files print the same.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) groups: Vec<Group>,
    pub(crate) problems: Vec<Problem>,
    /// How many files were found, each counted once.
    pub(crate) scanned: u64,
    /// How long those files are together.
    pub(crate) bytes: u64,
    /// How much of them was read: most are told apart by their length alone.
    pub(crate) read: u64,
    pub(crate) elapsed: Duration,
    /// The run was interrupted: there may be more groups, and larger ones.
    pub(crate) partial: bool,
    /// The table of what the library counted.
    pub(crate) table: String,
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
