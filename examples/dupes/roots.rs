//! Where the walks begin: each directory once, however many paths lead to it.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::entry::{Entry, Problem};
use crate::list::{Dir, Skip, not_a_file};
use crate::paths::plain;

/// The directories that are walked, or were.
///
/// A walk stays on real directories, and each of those has one parent. So two walks meet only where one begins inside
/// the other, and a look at the beginnings is enough to keep them apart; this also ends every loop of links.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// Where walks begin, free of links.
    begun: HashSet<PathBuf>,
    skip: Skip,
}

/// Walks to be done next.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) dirs: Vec<Dir>,
    pub(crate) skip: Arc<Skip>,
    /// Files that links lead to.
    pub(crate) files: Vec<Entry>,
    pub(crate) problems: Vec<Problem>,
}

/// A path on the command line that does not exist.
#[derive(Debug)]
pub(crate) struct Missing(PathBuf);

impl Roots {
    /// The walks that the command line asks for.
    pub(crate) fn from_paths(paths: &[PathBuf]) -> Result<(Self, Round), Missing> {
        let (mut roots, mut round, mut dirs) = (Self::default(), Round::default(), Vec::new());
        for path in paths {
            let looked = fs::metadata(path).and_then(|metadata| Ok((metadata.file_type(), fs::canonicalize(path)?)));
            match looked {
                Ok((kind, real)) if kind.is_dir() => dirs.push((path, real)),
                Ok((kind, _)) if kind.is_file() => {
                    round.problems.push(Problem::new(path, "not a directory, but a file"))
                }
                Ok((kind, _)) => round.problems.push(not_a_file(path.clone(), kind)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(Missing(path.clone())),
                Err(error) => round.problems.push(Problem::io(path, "cannot be looked at", &error)),
            }
        }
        // The innermost first: so each is walked under the name it was given, even if the way down to it from another
        // cannot be listed. The sort is stable: of two names for one directory the first counts.
        dirs.sort_by_key(|(_, real)| std::cmp::Reverse(real.components().count()));
        for (path, real) in dirs {
            round.dirs.extend(roots.begin(path, real));
        }
        round.skip = Arc::new(roots.skip.clone());
        Ok((roots, round))
    }

    /// The walks that links ask for, in the order of their paths, so that the outcome is the same each time.
    pub(crate) fn after_links(&mut self, mut links: Vec<PathBuf>) -> Round {
        links.sort();
        let mut round = Round::default();
        for link in links {
            if let Err(problem) = self.follow(&link, &mut round) {
                round.problems.push(problem);
            }
        }
        round.skip = Arc::new(self.skip.clone());
        round
    }

    fn follow(&mut self, link: &Path, round: &mut Round) -> Result<(), Problem> {
        let broken = |error| Problem::io(link, "cannot be followed", &error);
        let metadata = fs::metadata(link).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Problem::new(link, "a broken link: its target does not exist"),
            _ => broken(error),
        })?;
        let kind = metadata.file_type();
        if kind.is_file() {
            if let (Some(dir), Some(name)) = (link.parent(), link.file_name()) {
                round.files.push(Entry::new(dir.into(), name, &metadata));
            }
        } else if kind.is_dir() {
            let real = fs::canonicalize(link).map_err(broken)?;
            if self.is_loop(&real, link) {
                return Err(Problem::new(link, format!("skipped: a loop of links, back to {}", plain(&real))));
            }
            round.dirs.extend(self.begin(link, real));
        } else {
            return Err(not_a_file(link.into(), kind));
        }
        Ok(())
    }

    /// Whether the directory `real` holds the link, and lies in the walk that came by the link. One above that walk is
    /// no loop: there is more in it than has been searched.
    fn is_loop(&self, real: &Path, link: &Path) -> bool {
        let Some(dir) = link.parent().and_then(|dir| fs::canonicalize(dir).ok()) else { return false };
        let walk = dir.ancestors().find(|above| self.begun.contains(*above));
        dir.starts_with(real) && walk.is_some_and(|walk| real.starts_with(walk))
    }

    /// Begins a walk at `path`, which is `real` without links; `None` if another comes by there.
    fn begin(&mut self, path: &Path, real: PathBuf) -> Option<Dir> {
        if real.ancestors().any(|above| self.begun.contains(above)) {
            return None;
        }
        let inside = self.begun.iter().filter_map(|other| other.strip_prefix(&real).ok());
        self.skip.extend(inside.map(|rest| path.join(rest)));
        self.begun.insert(real);
        Some(Dir::new(path))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no such directory", plain(&self.0))
    }
}

impl std::error::Error for Missing {}
