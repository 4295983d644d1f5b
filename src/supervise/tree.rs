//! A tree, as it looks at one moment.

use std::fmt;
use std::sync::Arc;

use super::board::{Board, ChildInfo};

/// A supervisor and all that is below it, at the moment at which it was asked for. Prints as a tree:
///
/// ```text
/// app
/// ├─ storage (supervisor): running
/// │  ├─ pool: running, life 3 (2 restarts), before: failed: connection reset
/// │  └─ cache: running
/// └─ web: running
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tree {
    /// The path of the supervisor.
    pub path: Arc<str>,
    /// Its children, in the order in which they are started; with a tree of their own if they are supervisors that run.
    pub children: Vec<(ChildInfo, Option<Tree>)>,
}

impl Tree {
    pub(super) fn of(board: &Board) -> Self {
        // One lock at a time.
        let seen: Vec<_> =
            board.lock().children.values().map(|child| (child.info.clone(), child.below.clone())).collect();
        let children = seen.into_iter().map(|(info, below)| (info, below.map(|board| Self::of(&board)))).collect();
        Self { path: board.path.clone(), children }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let last = self.children.len().saturating_sub(1);
        for (index, (child, below)) in self.children.iter().enumerate() {
            let (branch, bar) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            write!(f, "\n{indent}{branch}")?;
            describe(f, child)?;
            if let Some(below) = below {
                below.write(f, &format!("{indent}{bar}"))?;
            }
        }
        Ok(())
    }
}

fn describe(f: &mut fmt::Formatter<'_>, child: &ChildInfo) -> fmt::Result {
    let ChildInfo { name, is_supervisor, state, incarnation, restarts, last_exit } = child;
    write!(f, "{name}{}: {state}", if *is_supervisor { " (supervisor)" } else { "" })?;
    if *restarts > 0 {
        write!(f, ", life {incarnation} ({restarts} restart{})", if *restarts == 1 { "" } else { "s" })?;
    }
    match last_exit {
        Some(exit) => write!(f, ", before: {exit}"),
        None => Ok(()),
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.write(f, "")
    }
}
