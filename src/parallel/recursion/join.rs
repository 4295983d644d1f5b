//! Where the parts of a node meet that are solved by different members.
//!
//! Invariants:
//! 1. `missing` counts the parts whose solution has not arrived. Whoever brings the last one goes on above the node.
//! 2. The member that was at work below the node when it was split has the rest of the way up in its hands. If it arrives
//!    before others, it leaves it here and does something else: nobody waits.
//! 3. No user code runs under the lock.

use std::sync::{Arc, PoisonError};

use super::super::loom::{Mutex, lock};
use super::way::Way;
use crate::pool::Quiet;

pub(super) struct Join<T, R> {
    /// How many parts were solved before the node was split; their solutions are on the way above.
    pub(super) solved_before: usize,
    parts: Mutex<Parts<T, R>>,
}

struct Parts<T, R> {
    solutions: Quiet<Option<R>>,
    missing: usize,
    /// What comes above the node, once the member that has split it is here.
    above: Option<Way<T, R>>,
}

impl<T, R> Join<T, R> {
    pub(super) fn new(solved_before: usize, parts: usize) -> Arc<Self> {
        let solutions = Quiet((0..parts).map(|_| None).collect());
        Arc::new(Self { solved_before, parts: Mutex::new(Parts { solutions, missing: parts, above: None }) })
    }

    /// Brings the solution of a part; `above` is what the member that has split the node was to go on with. Gives the
    /// solutions of all parts to the last one to arrive, and what comes above.
    pub(super) fn arrive(&self, part: usize, solution: R, above: Option<Way<T, R>>) -> Option<(Vec<R>, Way<T, R>)> {
        let mut parts = lock(&self.parts);
        parts.solutions.0[part] = Some(solution);
        parts.missing -= 1;
        if above.is_some() {
            parts.above = above;
        }
        if parts.missing > 0 {
            return None;
        }
        let solutions = std::mem::take(&mut parts.solutions.0);
        let above = parts.above.take();
        drop(parts);
        Some((solutions.into_iter().flatten().collect(), above?))
    }

    /// What comes above, so that whoever drops a chain of joins need not recurse.
    pub(super) fn into_above(self) -> Option<Way<T, R>> {
        self.parts.into_inner().unwrap_or_else(PoisonError::into_inner).above
    }
}
