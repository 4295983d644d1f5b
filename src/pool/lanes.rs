//! A line of jobs for one worker, in lanes by priority. Plain data, kept under somebody's lock.

use std::collections::VecDeque;
use std::sync::Arc;

use super::work::Work;
use crate::policy::Priority;

pub(super) struct Lanes<T> {
    lanes: [VecDeque<T>; 3],
    /// Counts what was taken, so that every lane has its turn.
    turn: u32,
}

impl<T> Lanes<T> {
    pub(super) fn new() -> Self {
        Self { lanes: [const { VecDeque::new() }; 3], turn: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    pub(super) fn push(&mut self, priority: Priority, job: T) {
        self.lanes[priority.lane()].push_back(job);
    }

    /// The oldest of the lane whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let order = Priority::order(self.turn);
        let job = order.into_iter().find_map(|priority| self.lanes[priority.lane()].pop_front());
        self.turn = self.turn.wrapping_add(u32::from(job.is_some()));
        job
    }

    /// The oldest of the lowest lane that holds something: whom a full pool drops first.
    pub(super) fn pop_lowest(&mut self) -> Option<T> {
        self.lanes.iter_mut().rev().find_map(VecDeque::pop_front)
    }

    /// Everything, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.lanes.iter().flatten()
    }

    /// Takes everything, the lowest lane first.
    pub(super) fn take_all(&mut self, into: &mut Vec<T>) {
        self.lanes.iter_mut().rev().for_each(|lane| into.extend(lane.drain(..)));
    }

    /// Moves everything behind what another line holds, lane by lane.
    pub(super) fn append_to(&mut self, other: &mut Self) {
        for (mine, theirs) in self.lanes.iter_mut().zip(&mut other.lanes) {
            theirs.append(mine);
        }
    }
}

impl Lanes<Arc<dyn Work>> {
    /// Takes out what has no place any more.
    pub(super) fn sweep(&mut self, out: &mut Vec<Arc<dyn Work>>) {
        self.lanes.iter_mut().for_each(|lane| sweep(lane, out));
    }
}

/// Takes out what has no place any more.
pub(super) fn sweep(line: &mut VecDeque<Arc<dyn Work>>, out: &mut Vec<Arc<dyn Work>>) {
    line.retain(|job| {
        let stays = job.has_place();
        if !stays {
            out.push(job.clone());
        }
        stays
    });
}
