//! Shared values through their public API. Futures are polled by hand and clocks are paused: no test sleeps.

mod cas;
mod grace;
mod histories;
mod map;
mod once;
mod once_blocking;
mod once_circles;
mod rcu;
mod rcu_async;
mod reclaimer;
mod watching;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic that is expected.
fn panics<R>(run: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).map(drop).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}
