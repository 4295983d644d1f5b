//! Listing directories: what a walker does on a blocking thread.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType, ReadDir};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regatta::CancellationToken;

use crate::entry::{Entry, Problem};

/// How many entries one call lists. A trip to a blocking thread costs as much as looking at a dozen files, so that a
/// call has to be worth it; and a batch has to stay small enough for the next step to begin early.
const QUOTA: usize = 512;

/// Paths of directories that a walk leaves out, because they belong to another.
pub(crate) type Skip = HashSet<PathBuf>;

/// What a walk looks at, and when it stops.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) follow_links: bool,
    pub(crate) stop: CancellationToken,
}

/// A directory still to be listed, or listed in part.
#[derive(Debug)]
pub(crate) struct Dir {
    path: Arc<Path>,
    reader: Option<ReadDir>,
}

/// What one call found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Entry>,
    /// Links to be followed.
    pub(crate) links: Vec<PathBuf>,
    pub(crate) problems: Vec<Problem>,
    /// What the call did not get to.
    pub(crate) rest: Vec<Dir>,
    seen: usize,
}

impl Dir {
    pub(crate) fn new(path: impl Into<Arc<Path>>) -> Self {
        Self { path: path.into(), reader: None }
    }
}

/// Lists the directories and what lies below them, depth first, until enough is found or `rules` says stop.
pub(crate) fn list(dirs: Vec<Dir>, skip: &Skip, rules: &Rules) -> Listing {
    let mut listing = Listing { rest: dirs, ..Listing::default() };
    while listing.seen < QUOTA && !rules.stop.is_cancelled() {
        let Some(dir) = listing.rest.pop() else { break };
        listing.list(dir, skip, rules);
    }
    listing
}

impl Listing {
    /// Lists one directory. When it has more than fits it goes back to the rest, with the place to go on from.
    fn list(&mut self, Dir { path, reader }: Dir, skip: &Skip, rules: &Rules) {
        let mut reader = match reader.map_or_else(|| fs::read_dir(&path), Ok) {
            Ok(reader) => reader,
            Err(error) => return self.problems.push(Problem::io(&*path, "cannot be listed", &error)),
        };
        // Counted for this directory alone: if any could be cut short, a deep tree would keep one open at each level.
        let end = self.seen + QUOTA;
        let mut below = Vec::new();
        while self.seen < end && !rules.stop.is_cancelled() {
            match reader.next() {
                Some(Ok(entry)) => self.look_at(&entry, &path, &mut below, rules),
                Some(Err(error)) => self.problems.push(Problem::io(&*path, "cannot be listed to its end", &error)),
                None => break,
            }
            self.seen += 1;
        }
        if self.seen == end {
            self.rest.push(Dir { path, reader: Some(reader) });
        }
        self.rest.extend(below.into_iter().filter(|path| !skip.contains(path)).map(Dir::new));
    }

    fn look_at(&mut self, entry: &DirEntry, dir: &Arc<Path>, below: &mut Vec<PathBuf>, rules: &Rules) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below.push(entry.path()),
            Ok(kind) if kind.is_symlink() => self.links.extend(rules.follow_links.then(|| entry.path())),
            Ok(kind) if !kind.is_file() => self.problems.push(not_a_file(entry.path(), kind)),
            Ok(_) => match entry.metadata() {
                Ok(metadata) => self.files.push(Entry::new(dir.clone(), &entry.file_name(), &metadata)),
                Err(error) => self.problems.push(Problem::io(entry.path(), "cannot be looked at", &error)),
            },
            Err(error) => self.problems.push(Problem::io(entry.path(), "cannot be looked at", &error)),
        }
    }
}

/// Says that `path` is something that only looks like a file: reading it could wait for ever, or do something.
pub(crate) fn not_a_file(path: PathBuf, kind: FileType) -> Problem {
    Problem::new(path, format!("skipped: {}, not a regular file", name_of(kind)))
}

#[cfg(unix)]
fn name_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "a special file",
    }
}

#[cfg(not(unix))]
fn name_of(_: FileType) -> &'static str {
    "a special file"
}
