//! The first step: which files share their size with another.

use std::collections::HashSet;
use std::sync::Arc;

use crate::entry::{Entry, FileId};
use crate::findings::Findings;
use crate::group::Partners;
use crate::progress::Tally;
use crate::search::HEAD;

/// Counts each file once, and lets through those that share their size with another.
#[derive(Debug)]
pub(crate) struct Sizes {
    min_size: u64,
    seen: HashSet<FileId>,
    partners: Partners<u64, Entry>,
    findings: Arc<Findings>,
    tally: Arc<Tally>,
}

impl Sizes {
    pub(crate) fn new(min_size: u64, findings: Arc<Findings>, tally: Arc<Tally>) -> Self {
        Self { min_size, seen: HashSet::new(), partners: Partners::default(), findings, tally }
    }

    /// Gives those that may go on now, if there are any.
    pub(crate) fn admit(&mut self, entries: Vec<Entry>) -> Option<Vec<Entry>> {
        let (mut out, mut files, mut bytes) = (Vec::new(), 0, 0);
        for entry in entries {
            if let Some(id) = entry.id.filter(|id| !self.seen.insert(*id)) {
                self.findings.add_path(id, entry.path());
                continue;
            }
            files += 1;
            bytes += entry.size;
            if entry.size >= self.min_size {
                self.partners.admit(entry.size, entry, &mut out);
            }
        }
        self.tally.add_found(files, bytes);
        self.tally.add_due(out.iter().map(|entry| entry.size.min(HEAD)).sum());
        (!out.is_empty()).then_some(out)
    }
}
