//! What is known of an item that is out.

use crate::policy::Priority;

/// Which attempt it is, from 1, and the lane it came from.
///
/// Packed, the attempt in the lower half: every item carries one through each step of its way, and only those that are put
/// back have it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    /// Delivered for the first time, and of normal priority.
    pub(super) const PLAIN: Self = Self(1 | (Priority::Normal as u64) << 32);

    /// There is nothing more to say of the item.
    pub(super) const SETTLED: Self = Self(0);

    pub(super) fn new(attempt: u32, priority: Priority) -> Self {
        Self(u64::from(attempt) | (priority as u64) << 32)
    }

    #[inline]
    pub(super) fn attempt(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn priority(self) -> Priority {
        let priority = Priority::ALL.into_iter().find(|&priority| priority as u64 == self.0 >> 32);
        priority.unwrap_or_default()
    }

    /// The mark of the same item when it is delivered again.
    pub(super) fn again(self) -> Self {
        Self::new(self.attempt().saturating_add(1), self.priority())
    }
}
