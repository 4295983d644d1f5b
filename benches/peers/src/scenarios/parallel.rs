//! CPU patterns: sorting, map-reduce, recursion, sums.

mod bisect;
mod map_reduce;
mod reduce;
mod sort;
mod ticker;

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::pool::start_rayon;
use crate::measure::Contest;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = bisect::contests();
    contests.extend(reduce::contests());
    contests.extend(sort::contests());
    contests.extend(map_reduce::contests());
    contests.extend(ticker::contests());
    contests
}

/// Times a rival on rayon's threads, as many as our pools have.
fn on_rayon<R: Send>(run: impl FnOnce() -> R + Send) -> Duration {
    start_rayon();
    let begun = Instant::now();
    black_box(rayon::scope(|_| run()));
    begun.elapsed()
}

/// Runs a rival that blocks where it may, and gives the time that it has taken by itself.
async fn on_blocking(run: impl FnOnce() -> Duration + Send + 'static) -> Duration {
    tokio::task::spawn_blocking(run).await.expect("the rival does not panic")
}
