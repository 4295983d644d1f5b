//! The items that wait: those never delivered, and those put back.

use std::collections::VecDeque;

/// How many emptied batch buffers are kept for the next batches. Each is as large as the largest batch it carried.
const SPARES_MAX: usize = 4;

pub(super) struct Lanes<T> {
    /// Items never delivered, oldest first.
    fresh: VecDeque<T>,
    /// Items put back, with the number of their next attempt.
    returned: VecDeque<(T, u32)>,
    /// Whose turn it is while both lanes hold something.
    is_turn_of_returned: bool,
    spares: Vec<VecDeque<T>>,
}

/// Items of one batch; no attempts means that each is delivered for the first time.
pub(super) struct Taken<T> {
    pub(super) items: VecDeque<T>,
    pub(super) attempts: VecDeque<u32>,
}

impl<T> Lanes<T> {
    pub(super) fn new() -> Self {
        Self { fresh: VecDeque::new(), returned: VecDeque::new(), is_turn_of_returned: false, spares: Vec::new() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.returned.len()
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        self.fresh.push_back(item);
    }

    pub(super) fn put_back(&mut self, item: T, attempt: u32) {
        self.returned.push_back((item, attempt));
    }

    /// The lanes take turns, so that an item that always fails can neither starve the others nor be starved.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(T, u32)> {
        if !self.returned.is_empty() && (self.is_turn_of_returned || self.fresh.is_empty()) {
            self.is_turn_of_returned = false;
            return self.returned.pop_front();
        }
        self.is_turn_of_returned = true;
        self.fresh.pop_front().map(|item| (item, 1))
    }

    /// What was put back was accepted before everything that is fresh.
    pub(super) fn pop_oldest(&mut self) -> Option<T> {
        let returned = self.returned.pop_front().map(|(item, _)| item);
        returned.or_else(|| self.fresh.pop_front())
    }

    /// All items, at most `max`, in the order [`pop`](Self::pop) would give them. When all are fresh and wanted, buffers
    /// are swapped.
    pub(super) fn take(&mut self, max: usize) -> Taken<T> {
        let mut taken = Taken { items: self.spares.pop().unwrap_or_default(), attempts: VecDeque::new() };
        if !self.returned.is_empty() {
            while taken.items.len() < max {
                let Some((item, attempt)) = self.pop() else { break };
                taken.items.push_back(item);
                taken.attempts.push_back(attempt);
            }
        } else if self.fresh.len() <= max {
            std::mem::swap(&mut self.fresh, &mut taken.items);
        } else {
            taken.items.extend(self.fresh.drain(..max));
        }
        taken
    }

    /// Everything, what was put back first.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let returned = self.returned.drain(..).map(|(item, _)| item);
        returned.chain(self.fresh.drain(..)).collect()
    }

    /// Keeps the emptied buffer of a batch for the next one; gives back what is too much, to be freed elsewhere.
    pub(super) fn keep_spare(&mut self, spare: VecDeque<T>) -> Option<VecDeque<T>> {
        if self.spares.len() < SPARES_MAX {
            self.spares.push(spare);
            None
        } else {
            Some(spare)
        }
    }
}
