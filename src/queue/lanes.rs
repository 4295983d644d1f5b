//! The items that wait, in three lanes.
//!
//! A plain queue, in which all is of normal priority and nothing was put back, touches one list and asks one number
//! whether there is anything else.

use std::collections::VecDeque;

use super::lane::Lane;
use super::mark::Mark;
use crate::policy::Priority;

/// How many emptied batch buffers are kept for the next batches. Each is as large as the largest batch it carried.
const SPARES_MAX: usize = 4;

/// The lane of [`Priority::Normal`].
const NORMAL: usize = 1;

pub(super) struct Lanes<T> {
    /// By [`Priority::lane`].
    lanes: [Lane<T>; 3],
    /// How many items are anything but fresh and of normal priority.
    special: usize,
    /// Counted only while there is something special: else there is nothing to choose from.
    turn: u32,
    spares: Vec<VecDeque<T>>,
}

/// Items of one batch; no marks means that all of them are plain.
pub(super) struct Taken<T> {
    pub(super) items: VecDeque<T>,
    pub(super) marks: VecDeque<Mark>,
}

impl<T> Lanes<T> {
    pub(super) fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Lane::new()), special: 0, turn: 0, spares: Vec::new() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.lanes[NORMAL].fresh.len() + self.special
    }

    /// How many are in each lane, the highest first.
    pub(super) fn lens(&self) -> [usize; 3] {
        std::array::from_fn(|lane| self.lanes[lane].len())
    }

    #[inline]
    pub(super) fn push(&mut self, item: T, priority: Priority) {
        if priority == Priority::Normal {
            self.lanes[NORMAL].fresh.push_back(item);
        } else {
            self.push_special(item, priority);
        }
    }

    #[cold]
    fn push_special(&mut self, item: T, priority: Priority) {
        self.special += 1;
        self.lanes[priority.lane()].fresh.push_back(item);
    }

    /// Moves the first `count` items over.
    pub(super) fn append(&mut self, items: &mut VecDeque<T>, count: usize, priority: Priority) {
        if priority != Priority::Normal {
            self.special += count;
        }
        let lane = &mut self.lanes[priority.lane()].fresh;
        match count == items.len() {
            true => lane.append(items), // all at once, which costs less than one by one
            false => lane.extend(items.drain(..count)),
        }
    }

    pub(super) fn put_back(&mut self, item: T, mark: Mark) {
        self.special += 1;
        self.lanes[mark.priority().lane()].put_back(item, mark.attempt());
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<(T, Mark)> {
        if self.special > 0 {
            return self.pop_in_turn();
        }
        self.lanes[NORMAL].pop_fresh().map(|(item, _)| (item, Mark::PLAIN))
    }

    /// The lanes take turns by priority, and in each lane what was put back takes turns with what is fresh. A lane that has
    /// nothing fresh at the turn for it passes: so an item that always fails takes at most every second delivery from what
    /// is fresh, whatever its priority. When all lanes pass, nothing is fresh, and there is nothing to pass for.
    #[cold]
    fn pop_in_turn(&mut self) -> Option<(T, Mark)> {
        let order = Priority::order(self.turn);
        self.turn = self.turn.wrapping_add(1);
        let taken = self.first_of(order, Lane::pop_in_turn).or_else(|| self.first_of(order, Lane::pop_returned));
        if let Some((_, mark)) = &taken {
            self.special -= usize::from(*mark != Mark::PLAIN);
        }
        taken
    }

    fn first_of(&mut self, order: [Priority; 3], pop: fn(&mut Lane<T>) -> Option<(T, u32)>) -> Option<(T, Mark)> {
        order.into_iter().find_map(|priority| {
            let (item, attempt) = pop(&mut self.lanes[priority.lane()])?;
            Some((item, Mark::new(attempt, priority)))
        })
    }

    /// The oldest of the lowest lane that holds anything.
    pub(super) fn pop_oldest(&mut self) -> Option<T> {
        if self.special == 0 {
            return self.lanes[NORMAL].fresh.pop_front();
        }
        let victim = self.lanes.iter_mut().rev().find_map(Lane::pop_oldest);
        let total: usize = self.lens().iter().sum();
        self.special = total - self.lanes[NORMAL].fresh.len();
        victim
    }

    /// All items, at most `max`, in the order [`pop`](Self::pop) would give them. When all are plain and wanted, buffers
    /// are swapped.
    pub(super) fn take(&mut self, max: usize) -> Taken<T> {
        let mut taken = Taken { items: self.spares.pop().unwrap_or_default(), marks: VecDeque::new() };
        let plain = &mut self.lanes[NORMAL].fresh;
        if self.special > 0 {
            while taken.items.len() < max {
                let Some((item, mark)) = self.pop() else { break };
                taken.items.push_back(item);
                taken.marks.push_back(mark);
            }
        } else if plain.len() <= max {
            std::mem::swap(plain, &mut taken.items);
        } else {
            taken.items.extend(plain.drain(..max));
        }
        taken
    }

    /// Everything, the highest lane first, and in each lane what was put back first.
    pub(super) fn drain(&mut self) -> Vec<T> {
        self.special = 0;
        self.lanes.iter_mut().flat_map(Lane::drain).collect()
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
