//! The queue that jobs travel through, from any submitter to any worker.

#[cfg(not(regatta_loom))]
pub(super) use lock_free::Injector;
#[cfg(regatta_loom)]
pub(super) use modelled::Injector;

#[cfg(not(regatta_loom))]
mod lock_free {
    use crossbeam_deque::Steal;

    /// First in, first out; unbounded by itself: the word counts the places.
    pub(in super::super) struct Injector<T>(crossbeam_deque::Injector<T>);

    impl<T> Injector<T> {
        pub(in super::super) fn new() -> Self {
            Self(crossbeam_deque::Injector::new())
        }

        pub(in super::super) fn push(&self, job: T) {
            self.0.push(job);
        }

        pub(in super::super) fn pop(&self) -> Option<T> {
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

    pub(in super::super) struct Injector<T>(Mutex<VecDeque<T>>);

    impl<T> Injector<T> {
        pub(in super::super) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(in super::super) fn push(&self, job: T) {
            lock(&self.0).push_back(job);
        }

        pub(in super::super) fn pop(&self) -> Option<T> {
            lock(&self.0).pop_front()
        }
    }
}
