//! The way back up from the problem in hand, as lists instead of a thread's stack: so no recursion is too deep, and a part of
//! the way can be handed to somebody else.
//!
//! Invariants:
//! 1. Each entry that is not above a join owns as many problems and solutions as it says; they lie on their stacks in the order
//!    of the entries.
//! 2. Entries before `oldest` own no problems: so what the next one owns is at the bottom of that stack.

use std::collections::VecDeque;
use std::sync::Arc;

use super::join::Join;
use crate::error::drop_quietly;
use crate::pool::Quiet;

/// A node, one of whose parts is being solved: how many parts are still to be solved, and how many are solved.
///
/// One word and no enum: what is written in pieces and read as a whole has to wait for the pieces, longer than a small node
/// takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u64);

/// From the outermost node to the innermost.
pub(super) struct Way<T, R> {
    entries: Vec<Entry>,
    /// Parts that nobody has begun, but for those at the bottom.
    pub(super) problems: Vec<T>,
    /// Those at the bottom, once some were given away: taken from both ends.
    bottom: VecDeque<T>,
    /// Solutions of parts before them.
    pub(super) solutions: Vec<R>,
    /// One for each entry that is a meeting: where, and the number of the part that is brought there.
    joins: Vec<(Arc<Join<T, R>>, usize)>,
    oldest: usize,
}

/// Problems to be solved by whoever takes them.
pub(super) struct Pending<T, R> {
    pub(super) problems: Vec<(usize, T)>,
    pub(super) join: Arc<Join<T, R>>,
}

/// The innermost node is solved elsewhere, too.
pub(super) struct Meeting<T, R> {
    pub(super) join: Arc<Join<T, R>>,
    /// The number of the part that is brought there.
    pub(super) part: usize,
    /// Whether the member has split the node, and so has what is above.
    pub(super) is_own: bool,
}

impl Entry {
    const SPLIT: u64 = 1 << 63;
    const UP: u64 = Self::SPLIT | 1 << 62;
    const PROBLEM: u64 = 1 << 31;

    /// A node of two, the first of which is in hand.
    pub(super) const FIRST: Self = Self(Self::PROBLEM);
    /// A node of two, the second of which is in hand.
    pub(super) const SECOND: Self = Self(1);

    #[inline]
    pub(super) fn new(problems: usize, solutions: usize) -> Self {
        assert!((problems as u64) < Self::PROBLEM, "a problem was divided into more than 2^31 parts");
        Self(problems as u64 * Self::PROBLEM + solutions as u64)
    }

    #[inline]
    fn is_meeting(self) -> bool {
        self.0 >= Self::SPLIT
    }

    #[inline]
    pub(super) fn problems(self) -> usize {
        (self.0 / Self::PROBLEM) as usize
    }

    #[inline]
    pub(super) fn solutions(self) -> usize {
        (self.0 % Self::PROBLEM) as usize
    }
}

impl<T, R> Way<T, R> {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            problems: Vec::new(),
            bottom: VecDeque::new(),
            solutions: Vec::new(),
            joins: Vec::new(),
            oldest: 0,
        }
    }

    /// A way that ends at a meeting.
    pub(super) fn up_to(join: Arc<Join<T, R>>, number: usize) -> Self {
        let mut way = Self::new();
        way.entries.push(Entry(Entry::UP));
        way.joins.push((join, number));
        way
    }

    pub(super) fn is_at_the_top(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        self.entries.pop();
        if self.oldest > self.entries.len() {
            self.oldest = self.entries.len();
        }
    }

    /// The innermost node, unless it is a meeting.
    #[inline]
    pub(super) fn top(&self) -> Option<Entry> {
        self.entries.last().copied().filter(|entry| !entry.is_meeting())
    }

    /// The next part of the innermost node has been taken, and the solution before it is on the stack.
    #[inline]
    pub(super) fn advance(&mut self) {
        if let Some(Entry(entry)) = self.entries.last_mut() {
            *entry = *entry - Entry::PROBLEM + 1;
        }
    }

    /// The same for a node of two.
    #[inline]
    pub(super) fn advance_to_second(&mut self) {
        if let Some(entry) = self.entries.last_mut() {
            *entry = Entry::SECOND;
        }
    }

    /// Takes the problem on top.
    #[inline]
    pub(super) fn pop_problem(&mut self) -> Option<T> {
        match self.problems.pop() {
            Some(problem) => Some(problem),
            None => self.pop_from_bottom(),
        }
    }

    #[cold]
    fn pop_from_bottom(&mut self) -> Option<T> {
        self.bottom.pop_back()
    }

    /// Takes the meeting on top.
    pub(super) fn pop_meeting(&mut self) -> Option<Meeting<T, R>> {
        let is_own = self.entries.last()?.0 == Entry::SPLIT;
        self.pop();
        let (join, part) = self.joins.pop()?;
        Some(Meeting { join, part, is_own })
    }

    /// Splits the outermost node that has anything to give away: it is likely to be the largest.
    pub(super) fn split(&mut self) -> Option<Pending<T, R>> {
        while let Some(entry) = self.entries.get_mut(self.oldest) {
            self.oldest += 1;
            if entry.is_meeting() || entry.problems() == 0 {
                continue;
            }
            let (count, solved) = (entry.problems(), entry.solutions());
            *entry = Entry(Entry::SPLIT);
            let join = Join::new(solved, count + 1);
            // The part in hand is the first of those that meet; the last part lies at the bottom.
            let problems = (1..=count).rev().zip(self.take_bottom(count)).collect();
            // All other meetings are further out: nodes are split from the outside.
            self.joins.push((join.clone(), 0));
            return Some(Pending { problems, join });
        }
        None
    }
}

impl<T, R> Way<T, R> {
    /// Takes so many problems from the bottom; moves half of all there first if need be, so that a move costs a constant for
    /// each problem.
    fn take_bottom(&mut self, count: usize) -> impl Iterator<Item = T> {
        if self.bottom.len() < count {
            let more = (count - self.bottom.len()).max(self.problems.len() / 2);
            self.bottom.extend(self.problems.drain(..more));
        }
        self.bottom.drain(..count)
    }
}

impl<T, R> Drop for Way<T, R> {
    /// Joins may hold each other in a chain as long as the recursion is deep: those that only this way holds are taken
    /// apart in this loop, not one inside the other.
    fn drop(&mut self) {
        while let Some((join, _)) = self.joins.pop() {
            if let Some(mut above) = Arc::into_inner(join).and_then(Join::into_above) {
                self.joins.append(&mut above.joins);
            }
        }
        self.bottom.drain(..).for_each(drop_quietly);
        drop(Quiet(std::mem::take(&mut self.problems)));
        drop(Quiet(std::mem::take(&mut self.solutions)));
    }
}
