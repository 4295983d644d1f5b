//! Shared values under every interleaving of their lock, two or three threads at a time; the value itself lies in the
//! locked twin of the lock-free cell, whose atomics are arc-swap's and are not looked into.
//!
//! Each model ends only if nobody is left asleep. Each was seen to fail on code broken on purpose: docs/design/sync.md has
//! the list.

mod counters;
mod once;
mod publishing;
mod waiting;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use loom::thread;

fn check(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Waits as one that is polled once and then given up: it may have been called up in between.
fn poll_once<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    let is_ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    thread::yield_now();
    is_ready
}
