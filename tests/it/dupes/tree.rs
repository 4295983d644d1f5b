//! Small trees of files.

use std::fs;
use std::os::unix;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is gone after the test.
pub(super) struct Tree(TempDir);

impl Tree {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, and creates the directories it needs.
    pub(super) fn file(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("the directory is created");
        fs::write(&path, content).expect("the file is written");
        path
    }

    pub(super) fn dir(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("the directory is created");
        path
    }

    /// A second name for a file.
    pub(super) fn hard_link(&self, target: impl AsRef<Path>, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        fs::hard_link(self.path(target), &path).expect("the hard link is created");
        path
    }

    /// A link to something, which need not exist; the target is relative to the link.
    pub(super) fn link(&self, target: impl AsRef<Path>, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        unix::fs::symlink(target, &path).expect("the link is created");
        path
    }
}
