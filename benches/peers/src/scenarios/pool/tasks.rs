//! Async jobs with a limit: tiny ones, and ones that wait for a timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use regatta::pool::TaskPool;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::measure::Contest;

const JOBS: u64 = 200_000;
const AT_ONCE: usize = 64;
const WAITS: u64 = 10_000;
const WAIT: Duration = Duration::from_millis(1);

pub(super) fn contests() -> Vec<Contest> {
    vec![
        Contest::of_tasks("taskpool/tiny", "JoinSet + Semaphore", JOBS, tiny_regatta, tiny_join_set).bar(1.2),
        Contest::of_tasks("taskpool/io", "64 bare loops", WAITS, io_regatta, io_ideal).bar(0.9),
        Contest::of_tasks("taskpool/io", "JoinSet + Semaphore", WAITS, io_regatta, io_join_set),
    ]
}

async fn tiny_regatta() -> Duration {
    let pool = TaskPool::new(AT_ONCE);
    let begun = Instant::now();
    let mut handles = Vec::with_capacity(JOBS as usize);
    for n in 0..JOBS {
        handles.push(pool.submit(async move { n }).await.expect("the pool is open"));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("no job fails");
    }
    checked(begun, sum)
}

async fn tiny_join_set() -> Duration {
    let (limit, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let begun = Instant::now();
    for n in 0..JOBS {
        let permit = limit.clone().acquire_owned().await.expect("it is open");
        tasks.spawn(async move {
            let _permit = permit;
            n
        });
    }
    let mut sum = 0;
    while let Some(result) = tasks.join_next().await {
        sum += result.expect("no task fails");
    }
    checked(begun, sum)
}

fn checked(begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, JOBS * (JOBS - 1) / 2, "jobs were lost or run twice");
    took
}

async fn io_regatta() -> Duration {
    let pool = TaskPool::new(AT_ONCE);
    let begun = Instant::now();
    pool.map(0..WAITS, |_| sleep(WAIT)).await.expect("no job fails");
    begun.elapsed()
}

async fn io_ideal() -> Duration {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..AT_ONCE as u64 {
        tasks.spawn(async move {
            for _ in (task..WAITS).step_by(AT_ONCE) {
                sleep(WAIT).await;
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.expect("no task fails");
    }
    begun.elapsed()
}

async fn io_join_set() -> Duration {
    let (limit, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let begun = Instant::now();
    for _ in 0..WAITS {
        let permit = limit.clone().acquire_owned().await.expect("it is open");
        tasks.spawn(async move {
            let _permit = permit;
            sleep(WAIT).await;
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.expect("no task fails");
    }
    begun.elapsed()
}
