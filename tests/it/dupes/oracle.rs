//! The obvious search: read everything, compare everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::run::Groups;

/// What there is to find without following links.
#[derive(Debug, PartialEq)]
pub(super) struct Truth {
    pub(super) groups: Groups,
    pub(super) scanned: u64,
    pub(super) bytes: u64,
}

/// Searches for files of at least `min_size` bytes.
pub(super) fn search(root: &Path, min_size: u64) -> Truth {
    let mut files = BTreeMap::new();
    collect(root, &mut files);
    let contents: Vec<(PathBuf, Vec<u8>)> =
        files.into_values().map(|path| (path.clone(), fs::read(path).expect("a file can be read"))).collect();
    let mut same: BTreeMap<&[u8], BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, content) in &contents {
        same.entry(content).or_default().insert(path.clone());
    }
    Truth {
        scanned: contents.len() as u64,
        bytes: contents.iter().map(|(_, content)| content.len() as u64).sum(),
        groups: same
            .into_iter()
            .filter(|(content, paths)| content.len() as u64 >= min_size && paths.len() > 1)
            .map(|(_, paths)| paths)
            .collect(),
    }
}

/// Collects the regular files, of hard links to one file the first in order.
fn collect(dir: &Path, files: &mut BTreeMap<(u64, u64), PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory can be listed") {
        let path = entry.expect("a directory can be listed").path();
        let metadata = fs::symlink_metadata(&path).expect("a file can be looked at");
        if metadata.is_dir() {
            collect(&path, files);
        } else if metadata.is_file() {
            let first = files.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone());
            if path < *first {
                *first = path;
            }
        }
    }
}
