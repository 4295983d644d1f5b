//! A regular file that was found, and what could not be found out about others.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tells one file from another, whatever the paths that lead to it: device and inode.
///
/// Only Unix has it in std. Elsewhere hard links to one file count as two.
pub(crate) type FileId = (u64, u64);

/// A regular file. There may be millions, so that the path of the directory is shared.
#[derive(Debug)]
pub(crate) struct Entry {
    dir: Arc<Path>,
    name: Box<OsStr>,
    /// Length in bytes, when it was found.
    pub(crate) size: u64,
    pub(crate) id: Option<FileId>,
}

/// A path that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
    /// Which file it is about, if one was found there.
    pub(crate) id: Option<FileId>,
}

impl Entry {
    pub(crate) fn new(dir: Arc<Path>, name: &OsStr, metadata: &Metadata) -> Self {
        Self { dir, name: name.into(), size: metadata.len(), id: identity(metadata) }
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(&*self.name)
    }

    /// Opens the file for reading. It never waits, not even when a FIFO has taken the file's place.
    pub(crate) fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
        options.open(self.path())
    }

    /// The file could not be read.
    pub(crate) fn unreadable(&self, error: &io::Error) -> Problem {
        Problem { id: self.id, ..Problem::io(self.path(), "cannot be read", error) }
    }

    /// The file is not the one that was found: its length has changed.
    pub(crate) fn changed(&self, now: u64) -> Problem {
        let reason = match now > self.size {
            true => format!("grew while it was looked at, from {} bytes", self.size),
            false => format!("shrank while it was looked at, from {} bytes to {now}", self.size),
        };
        Problem { path: self.path(), reason, id: self.id }
    }
}

impl Problem {
    pub(crate) fn new(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into(), id: None }
    }

    /// Says what could not be done with `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, what: &str, error: &io::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::NotFound => format!("vanished while it was looked at: {error}"),
            _ => format!("{what}: {error}"),
        };
        Self::new(path, reason)
    }
}

#[cfg(unix)]
pub(crate) fn identity(metadata: &Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn identity(_: &Metadata) -> Option<FileId> {
    None
}
