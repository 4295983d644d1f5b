//! The items of one priority: those never delivered, and those put back.

use std::collections::VecDeque;

pub(super) struct Lane<T> {
    /// Items never delivered, oldest first.
    pub(super) fresh: VecDeque<T>,
    /// Items put back, with the number of their next attempt.
    returned: VecDeque<(T, u32)>,
    is_turn_of_returned: bool,
}

impl<T> Lane<T> {
    pub(super) fn new() -> Self {
        Self { fresh: VecDeque::new(), returned: VecDeque::new(), is_turn_of_returned: false }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.returned.len()
    }

    pub(super) fn put_back(&mut self, item: T, attempt: u32) {
        self.returned.push_back((item, attempt));
    }

    /// Takes the oldest fresh item; then it is the turn of what was put back.
    #[inline]
    pub(super) fn pop_fresh(&mut self) -> Option<(T, u32)> {
        self.is_turn_of_returned = true;
        self.fresh.pop_front().map(|item| (item, 1))
    }

    /// Takes what was put back first; then it is the turn of what is fresh.
    pub(super) fn pop_returned(&mut self) -> Option<(T, u32)> {
        let returned = self.returned.pop_front()?;
        self.is_turn_of_returned = false;
        Some(returned)
    }

    /// Takes what was put back at every second turn, and something fresh at the others: nothing, if nothing is fresh.
    pub(super) fn pop_in_turn(&mut self) -> Option<(T, u32)> {
        let returned = if self.is_turn_of_returned { self.pop_returned() } else { None };
        returned.or_else(|| self.pop_fresh())
    }

    /// What was put back was accepted before everything that is fresh.
    pub(super) fn pop_oldest(&mut self) -> Option<T> {
        let returned = self.returned.pop_front().map(|(item, _)| item);
        returned.or_else(|| self.fresh.pop_front())
    }

    /// Everything, the oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.returned.drain(..).map(|(item, _)| item).chain(self.fresh.drain(..))
    }
}
