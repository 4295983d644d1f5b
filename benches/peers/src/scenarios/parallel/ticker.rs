//! How late a timer is while all cores compute.

use std::hint::black_box;
use std::time::Duration;

use rayon::prelude::*;
use regatta::parallel::reduce;
use regatta::pool::CpuPool;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::pool::start_rayon;
use crate::measure::{Contest, WORKERS};

const PERIOD: Duration = Duration::from_millis(1);
const ITEMS: u32 = 400_000;
/// About 5 µs each, so that all of them keep two cores busy for a second.
const ROUNDS: u32 = 2_500;

pub(super) fn contests() -> Vec<Contest> {
    vec![Contest::of_tasks("parallel/ticker", "rayon + oneshot: p99", 1, ours, theirs)]
}

#[inline(never)]
fn work(n: u32) -> u64 {
    (0..ROUNDS).fold(u64::from(n), |sum, round| black_box(sum.rotate_left(5) ^ u64::from(round)))
}

async fn ours() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let items: Vec<u32> = (0..ITEMS).collect();
    let fold = |sum: u64, n: &u32| sum.wrapping_add(work(*n));
    lateness(async move { reduce(items, || 0, fold, u64::wrapping_add).on(&pool).await.expect("nothing panics") }).await
}

async fn theirs() -> Duration {
    start_rayon();
    let items: Vec<u32> = (0..ITEMS).collect();
    let (tx, rx) = oneshot::channel();
    rayon::spawn(move || {
        // Whoever waits has panicked if it is gone.
        let _ = tx.send(items.par_iter().map(|n| work(*n)).reduce(|| 0, u64::wrapping_add));
    });
    lateness(async move { rx.await.expect("nothing panics") }).await
}

/// How late 99 of 100 ticks are at the most while a computation runs.
async fn lateness(computing: impl Future<Output = u64> + Send + 'static) -> Duration {
    let computing = tokio::spawn(computing);
    let mut ticker = interval(PERIOD);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut late = Vec::new();
    while !computing.is_finished() {
        let due = ticker.tick().await;
        late.push(Instant::now() - due);
    }
    black_box(computing.await.expect("it does not panic"));
    assert!(late.len() > 100, "{} ticks are too few", late.len());
    late.sort_unstable();
    late[late.len() * 99 / 100]
}
