//! The first step: which files share their size with another.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::entry::{Entry, FileId};
use crate::extensions::Extensions;
use crate::group::Partners;
use crate::progress::Tally;
use crate::search::HEAD;

/// Counts each file once, and lets through those that share their size with another.
#[derive(Debug)]
pub(crate) struct Sizes {
    min_size: u64,
    seen: HashSet<FileId>,
    partners: Partners<u64, Entry>,
    tally: Arc<Tally>,
    extensions: Arc<Extensions>,
}

/// What goes on of one batch.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// Files that share their size with another.
    pub(crate) files: Vec<Entry>,
    /// Other paths to files that came before. They travel on to a step that can wait for the index.
    pub(crate) paths: Vec<(FileId, PathBuf)>,
}

impl Sizes {
    pub(crate) fn new(min_size: u64, tally: Arc<Tally>, extensions: Arc<Extensions>) -> Self {
        Self { min_size, seen: HashSet::new(), partners: Partners::default(), tally, extensions }
    }

    /// Gives those that may go on now, if there are any.
    pub(crate) fn admit(&mut self, entries: Vec<Entry>) -> Option<Admitted> {
        let (mut out, mut files, mut bytes) = (Admitted::default(), 0, 0);
        let is_new = |entry: &Entry| match entry.id {
            Some(id) if !self.seen.insert(id) => {
                out.paths.push((id, entry.path()));
                false
            }
            _ => true,
        };
        let entries: Vec<Entry> = entries.into_iter().filter(is_new).collect();
        self.extensions.add(&entries);
        for entry in entries {
            files += 1;
            bytes += entry.size;
            if entry.size >= self.min_size {
                self.partners.admit(entry.size, entry, &mut out.files);
            }
        }
        self.tally.add_found(files, bytes);
        self.tally.add_due(out.files.iter().map(|entry| entry.size.min(HEAD)).sum());
        (!out.files.is_empty() || !out.paths.is_empty()).then_some(out)
    }
}
