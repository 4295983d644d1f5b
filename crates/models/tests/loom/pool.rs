//! The pool's state machine: word, floor, queues, desk, books and jobs. Workers are threads of the model.
//!
//! Each model was seen to fail on the protocol it guards, broken on purpose: docs/design/pool.md has the list.

mod async_jobs;
mod closes;
mod handles;
mod places;
mod resizes;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize as Plain, Ordering::Relaxed};

use loom::thread;

/// Counts outside the model: what it says is looked at after every thread has ended, or under the model's own order.
#[derive(Clone, Default)]
struct Count(Arc<Plain>);

impl Count {
    fn raise(&self) -> usize {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn value(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Raised while alive: a worker, or what a closure captured.
struct Alive(Count);

impl Alive {
    fn new(count: &Count, limit: usize) -> Self {
        assert!(count.raise() <= limit, "more than {limit} at once");
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Others may look before this is over.
        thread::yield_now();
        (self.0).0.fetch_sub(1, Relaxed);
    }
}

fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    // Workers that are told to look again do so many times where the others are slow.
    builder.max_branches = 10_000;
    builder.check(model);
}
