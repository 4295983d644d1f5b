//! What has been found out so far, in whatever order it came.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;

use blake3::Hash;

use crate::entry::{Entry, FileId, Problem};
use crate::report::Group;

/// The index of duplicates: which files have the same content, and what was passed over.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The files whose whole content has been hashed.
    hashed: HashMap<(u64, Hash), Vec<Entry>>,
    problems: Vec<Problem>,
    /// Other paths to files: the first in order, which is what the report shows.
    other_paths: HashMap<FileId, PathBuf>,
}

impl Known {
    /// Takes in files with the hashes of their contents.
    pub(crate) fn add(&mut self, files: Vec<(Entry, Hash)>) {
        for (entry, hash) in files {
            self.hashed.entry((entry.size, hash)).or_default().push(entry);
        }
    }

    /// Takes in what was passed over.
    pub(crate) fn add_problems(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    /// Takes in other paths to files that have come already.
    pub(crate) fn add_paths(&mut self, paths: Vec<(FileId, PathBuf)>) {
        for (id, path) in paths {
            let first = self.other_paths.entry(id).or_insert_with(|| path.clone());
            if path < *first {
                *first = path;
            }
        }
    }

    /// The groups, the largest files first, and the problems in the order of their paths.
    pub(crate) fn into_order(self) -> (Vec<Group>, Vec<Problem>) {
        let Self { hashed, mut problems, other_paths } = self;
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
}
