//! The queue that jobs travel through, from any submitter to any worker: a lane for each priority.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::atomics::{AtomicUsize, Mutex, lock};
use super::lanes::Lanes;
use super::work::Work;
use crate::policy::Priority;

/// First in, first out within a lane; unbounded by itself: the word counts the places. On cache lines of its own.
#[repr(align(128))]
pub(super) struct Injector {
    lanes: Mutex<Lanes<Arc<dyn Work>>>,
    /// How much lies there: a hint, to spare the lock. Who finds it stale looks again, because the word counts a job.
    lying: AtomicUsize,
}

impl Injector {
    pub(super) fn new() -> Self {
        Self { lanes: Mutex::new(Lanes::new()), lying: AtomicUsize::new(0) }
    }

    pub(super) fn push(&self, priority: Priority, job: Arc<dyn Work>) {
        self.change(|lanes| lanes.push(priority, job));
    }

    /// The oldest of the lane whose turn it is.
    pub(super) fn pop(&self) -> Option<Arc<dyn Work>> {
        if self.lying.load(Relaxed) == 0 {
            return None;
        }
        self.change(Lanes::pop)
    }

    /// The oldest of the lowest lane that holds something: whom a full pool drops first.
    pub(super) fn pop_lowest(&self) -> Option<Arc<dyn Work>> {
        self.change(Lanes::pop_lowest)
    }

    pub(super) fn take_all(&self, into: &mut Vec<Arc<dyn Work>>) {
        self.change(|lanes| lanes.take_all(into));
    }

    /// Takes out what has no place any more.
    pub(super) fn sweep(&self, out: &mut Vec<Arc<dyn Work>>) {
        self.change(|lanes| lanes.sweep(out));
    }

    fn change<R>(&self, change: impl FnOnce(&mut Lanes<Arc<dyn Work>>) -> R) -> R {
        let mut lanes = lock(&self.lanes);
        let result = change(&mut lanes);
        self.lying.store(lanes.len(), Relaxed);
        result
    }
}
