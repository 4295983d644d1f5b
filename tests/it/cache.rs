//! Caches through their public API. Futures are polled by hand and clocks are paused: no test sleeps.

mod bad_keys;
mod basic;
mod capacity;
mod flights;
mod hashing;
mod histories;
mod lifecycle;
mod listener;
mod loading;
mod reader;
mod snapshot;
mod time;
mod user_code;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::time::timeout;

/// Comes so much later, on a clock that is paused.
async fn later(millis: u64) {
    let _ = timeout(Duration::from_millis(millis), pending::<()>()).await;
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The message of a panic that is expected.
fn panics<R>(run: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).map(drop).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}
