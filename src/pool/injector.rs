//! The queue that jobs travel through, from any submitter to any worker: a lane for each priority.

use std::sync::atomic::Ordering::Relaxed;

#[cfg(not(regatta_loom))]
use lock_free::Lane;
#[cfg(regatta_loom)]
use modelled::Lane;

use super::atomics::AtomicBool;
use crate::policy::Priority;

/// First in, first out within a lane; unbounded by itself: the word counts the places.
pub(super) struct Injector<T> {
    lanes: [Lane<T>; 3],
    /// Whether a job ever had a priority of its own: until then there is only one lane to look at. Relaxed: a worker that
    /// misses it looks again, because the word counts the job.
    has_priorities: AtomicBool,
}

impl<T> Injector<T> {
    pub(super) fn new() -> Self {
        Self { lanes: std::array::from_fn(|_| Lane::new()), has_priorities: AtomicBool::new(false) }
    }

    pub(super) fn push(&self, priority: Priority, job: T) {
        if priority != Priority::Normal && !self.has_priorities.load(Relaxed) {
            self.has_priorities.store(true, Relaxed);
        }
        self.lanes[priority.lane()].push(job);
    }

    /// The oldest of the lane whose turn it is.
    pub(super) fn pop(&self, turn: u32) -> Option<T> {
        if !self.has_priorities.load(Relaxed) {
            return self.lanes[Priority::Normal.lane()].pop();
        }
        Priority::order(turn).into_iter().find_map(|priority| self.lanes[priority.lane()].pop())
    }

    /// The oldest of the lowest lane that holds something: whom a full pool drops first.
    pub(super) fn pop_lowest(&self) -> Option<T> {
        self.lanes.iter().rev().find_map(Lane::pop)
    }
}

#[cfg(not(regatta_loom))]
mod lock_free {
    use crossbeam_deque::Steal;

    pub(super) struct Lane<T>(crossbeam_deque::Injector<T>);

    impl<T> Lane<T> {
        pub(super) fn new() -> Self {
            Self(crossbeam_deque::Injector::new())
        }

        pub(super) fn push(&self, job: T) {
            self.0.push(job);
        }

        pub(super) fn pop(&self) -> Option<T> {
            loop {
                match self.0.steal() {
                    Steal::Success(job) => return Some(job),
                    Steal::Empty => return None,
                    // Somebody else took one meanwhile.
                    Steal::Retry => {}
                }
            }
        }
    }
}

/// Loom cannot look into a foreign queue, so the models use the plainest one there is.
#[cfg(regatta_loom)]
mod modelled {
    use std::collections::VecDeque;

    use super::super::atomics::{Mutex, lock};

    pub(super) struct Lane<T>(Mutex<VecDeque<T>>);

    impl<T> Lane<T> {
        pub(super) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(super) fn push(&self, job: T) {
            lock(&self.0).push_back(job);
        }

        pub(super) fn pop(&self) -> Option<T> {
            lock(&self.0).pop_front()
        }
    }
}
