//! A service that stops well: one owner for all its tasks, a deadline, and a report of how each of them ended.
//!
//! ```text
//! cargo run --example shutdown
//! ```
//!
//! You will see one line (and Rust's own about the panic): of four tasks one finished when it was asked to, one was in the middle of its work and was let
//! finish, one panicked and was caught, and one would not listen and was stopped at the deadline.

use std::time::Duration;

use regatta::task::TaskGroup;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = TaskGroup::new("server");

    let asked = server.token();
    server.spawn("listener", async move { asked.cancelled().await })?;
    server.spawn("request", async { tokio::time::sleep(Duration::from_millis(20)).await })?;
    let broken = server.spawn("metrics", async { panic!("no such gauge") })?;
    server.spawn("deaf", std::future::pending::<()>())?;

    // A panic is a value for whoever waits for the task; the others go on.
    let error = broken.await.expect_err("it panics");
    assert_eq!(error.to_string(), "task `server/metrics` panicked: no such gauge");

    // In a program this is where it waits for `regatta::task::shutdown_signal()`.
    let report = server.shutdown(Duration::from_millis(100)).await;
    println!("{report}");
    assert_eq!((report.finished, report.aborted, report.panicked_count), (2, 1, 1));
    assert!(report.still_running.is_empty(), "nothing outlives its owner");
    Ok(())
}
