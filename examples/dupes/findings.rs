//! What is known so far, where an interrupted run can still get at it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use blake3::Hash;

use crate::entry::{Entry, FileId, Problem};
use crate::report::Group;

/// Collects what the steps find out, in whatever order it comes.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The files whose whole content has been hashed.
    hashed: HashMap<(u64, Hash), Vec<Entry>>,
    problems: Vec<Problem>,
    /// Other paths to files: the first in order, which is what the report shows.
    other_paths: HashMap<FileId, PathBuf>,
}

impl Findings {
    /// Takes in files with the hashes of their contents.
    pub(crate) fn add(&self, files: impl IntoIterator<Item = (Entry, Hash)>) {
        let mut known = self.lock();
        for (entry, hash) in files {
            known.hashed.entry((entry.size, hash)).or_default().push(entry);
        }
    }

    /// Takes in what was passed over.
    pub(crate) fn add_problems(&self, problems: Vec<Problem>) {
        if !problems.is_empty() {
            self.lock().problems.extend(problems);
        }
    }

    /// Takes in another path to a file that is known already.
    pub(crate) fn add_path(&self, id: FileId, path: PathBuf) {
        let mut known = self.lock();
        let first = known.other_paths.entry(id).or_insert_with(|| path.clone());
        if path < *first {
            *first = path;
        }
    }

    /// The groups, the largest files first, and the problems in the order of their paths.
    pub(crate) fn take(&self) -> (Vec<Group>, Vec<Problem>) {
        let Known { hashed, mut problems, other_paths } = mem::take(&mut *self.lock());
        let first = |id: Option<FileId>, path: PathBuf| match id.and_then(|id| other_paths.get(&id)) {
            Some(other) if *other < path => other.clone(),
            _ => path,
        };
        let group = |((size, hash), entries): ((u64, Hash), Vec<Entry>)| {
            let mut paths: Vec<PathBuf> = entries.iter().map(|entry| first(entry.id, entry.path())).collect();
            paths.sort();
            Group { size, hash, paths }
        };
        let mut groups: Vec<Group> = hashed.into_iter().filter(|(_, entries)| entries.len() > 1).map(group).collect();
        groups.sort_by(|a, b| (Reverse(a.size), &a.paths).cmp(&(Reverse(b.size), &b.paths)));
        for problem in &mut problems {
            problem.path = first(problem.id, mem::take(&mut problem.path));
        }
        problems.sort();
        (groups, problems)
    }

    /// A panic elsewhere leaves nothing half-done here: each change is one push or insert.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
