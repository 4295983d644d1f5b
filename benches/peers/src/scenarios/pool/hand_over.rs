//! Closures that do nothing, so that what is measured is the way to another thread and back.

use std::future::Future;
use std::sync::Once;
use std::time::{Duration, Instant};

use regatta::pool::CpuPool;
use tokio::sync::oneshot;

use crate::measure::{Contest, WORKERS};

const JOBS: u64 = 200_000;
/// Jobs that each wait for the one before them.
const TRIPS: u64 = 20_000;

pub(super) fn contests() -> Vec<Contest> {
    let (tiny, trip) = ("pool/tiny", "pool/round_trip");
    vec![
        Contest::of_tasks(tiny, "rayon::spawn + oneshot", JOBS, tiny_regatta, tiny_rayon).bar(1.0),
        Contest::of_tasks(tiny, "tokio_rayon::spawn", JOBS, tiny_regatta, tiny_tokio_rayon).bar(1.0),
        Contest::of_tasks(tiny, "spawn_blocking", JOBS, tiny_regatta, tiny_blocking).bar(10.0),
        Contest::of_tasks(trip, "rayon::spawn + oneshot", TRIPS, trip_regatta, trip_rayon).bar(0.9),
        Contest::of_tasks(trip, "spawn_blocking", TRIPS, trip_regatta, trip_blocking).bar(1.3),
    ]
}

async fn tiny_regatta() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let begun = Instant::now();
    let mut handles = Vec::with_capacity(JOBS as usize);
    for n in 0..JOBS {
        handles.push(pool.submit(move || n).await.expect("the pool is open"));
    }
    finished(begun, handles).await
}

async fn tiny_rayon() -> Duration {
    start_rayon();
    let begun = Instant::now();
    let handles = (0..JOBS).map(on_rayon).collect();
    finished(begun, handles).await
}

async fn tiny_tokio_rayon() -> Duration {
    start_rayon();
    let begun = Instant::now();
    let handles: Vec<_> = (0..JOBS).map(|n| tokio_rayon::spawn(move || n)).collect();
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    checked(JOBS, begun, sum)
}

async fn tiny_blocking() -> Duration {
    let begun = Instant::now();
    let handles = (0..JOBS).map(|n| tokio::task::spawn_blocking(move || n)).collect();
    finished(begun, handles).await
}

async fn finished<H, E>(begun: Instant, handles: Vec<H>) -> Duration
where
    H: Future<Output = Result<u64, E>>,
    E: std::fmt::Debug,
{
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("no job fails");
    }
    checked(JOBS, begun, sum)
}

async fn trip_regatta() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let begun = Instant::now();
    let mut sum = 0;
    for n in 0..TRIPS {
        let handle = pool.submit(move || n).await.expect("the pool is open");
        sum += handle.await.expect("no job fails");
    }
    checked(TRIPS, begun, sum)
}

async fn trip_rayon() -> Duration {
    start_rayon();
    let begun = Instant::now();
    let mut sum = 0;
    for n in 0..TRIPS {
        sum += on_rayon(n).await.expect("no job fails");
    }
    checked(TRIPS, begun, sum)
}

async fn trip_blocking() -> Duration {
    let begun = Instant::now();
    let mut sum = 0;
    for n in 0..TRIPS {
        sum += tokio::task::spawn_blocking(move || n).await.expect("no job fails");
    }
    checked(TRIPS, begun, sum)
}

fn on_rayon(n: u64) -> oneshot::Receiver<u64> {
    let (tx, rx) = oneshot::channel();
    rayon::spawn(move || {
        // Whoever waits has panicked if it is gone.
        let _ = tx.send(n);
    });
    rx
}

/// Gives rayon's global pool as many threads as the others have. It outlives the rounds, as it would in a service.
pub(in crate::scenarios) fn start_rayon() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let started = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build_global();
        started.expect("nobody has used the global pool before");
    });
}

fn checked(jobs: u64, begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, jobs * (jobs - 1) / 2, "jobs were lost or run twice");
    took
}
