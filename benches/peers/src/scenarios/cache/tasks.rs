//! As many tasks as there are workers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::measure::WORKERS;

/// Runs a task for each worker, which is given its number, until all have ended.
pub(super) async fn run<F>(task: impl Fn(u64) -> F) -> Duration
where
    F: Future<Output = u64> + Send + 'static,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..WORKERS as u64).map(|worker| tokio::spawn(task(worker))).collect();
    for task in tasks {
        black_box(task.await.expect("no task panics"));
    }
    begun.elapsed()
}
