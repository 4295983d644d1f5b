//! How much may still be queued: the capacity, less what is queued, less what is owed.
//!
//! Invariant: `queued - capacity <= owed <= queued + delivered - capacity`. What is put back above the capacity is owed, and
//! takes room until as many items are finished, also while it is delivered again. By the first half, failing in rounds adds
//! up to nothing; by the second, a queue that is empty has room unless two capacities are delivered.

pub(super) struct Room {
    capacity: usize,
    /// Items put back above the capacity, less those finished since.
    owed: usize,
}

impl Room {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, owed: 0 }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn left(&self, queued: usize) -> usize {
        self.capacity.saturating_sub(queued).saturating_sub(self.owed)
    }

    /// Tells whether none is left, in fewer steps than counting it.
    #[inline]
    pub(super) fn is_full(&self, queued: usize) -> bool {
        queued + self.owed >= self.capacity
    }

    /// By how much more is queued than there should be.
    pub(super) fn surplus(&self, queued: usize) -> usize {
        queued.saturating_sub(self.capacity)
    }

    /// Something was put back.
    pub(super) fn owe(&mut self, queued: usize) {
        self.owed = self.owed.max(self.surplus(queued));
    }

    #[inline]
    pub(super) fn is_owed(&self) -> bool {
        self.owed > 0
    }

    /// So many were finished; gives how many places that makes.
    pub(super) fn repay(&mut self, finished: usize, queued: usize) -> usize {
        let rest = self.owed.saturating_sub(finished).max(self.surplus(queued));
        std::mem::replace(&mut self.owed, rest) - rest
    }
}
