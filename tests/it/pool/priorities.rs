//! Lanes: the higher goes first, the lowest is never starved.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use regatta::policy::Priority;
use regatta::pool::{CpuPool, JobOptions, Placement, TaskPool};

use super::kit::{Held, Waiting};

const TURNS: [Priority; 16] = {
    use Priority::{High, Low, Normal};
    [High, High, High, Normal, High, High, High, Normal, High, High, High, Normal, High, High, High, Low]
};

#[tokio::test]
async fn the_lanes_of_the_common_queue_have_their_turns() {
    let pool = CpuPool::new(1);
    let (held, log) = (Held::submit(&pool).await, Arc::new(Mutex::new(Vec::new())));
    let mut handles = Vec::new();
    for (priority, count) in [(Priority::Low, 2), (Priority::Normal, 6), (Priority::High, 24)] {
        for _ in 0..count {
            let log = log.clone();
            let job = move |_: regatta::pool::CpuContext| log.lock().unwrap().push(priority);
            handles.push(pool.submit_with(priority, job).await.expect("open"));
        }
    }
    held.finish().await;
    for handle in handles {
        handle.await.expect("it runs");
    }
    // The job that was held was the worker's first turn.
    let expected: Vec<Priority> = TURNS.iter().cycle().skip(1).take(31).copied().collect();
    assert_eq!(log.lock().unwrap()[..31], expected);
}

#[tokio::test]
async fn within_a_lane_jobs_keep_their_order() {
    let pool = TaskPool::new(1);
    let (held, log) = (Waiting::submit(&pool).await, Arc::new(Mutex::new(Vec::new())));
    let mut handles = Vec::new();
    for n in 0..30 {
        let log = log.clone();
        let priority = Priority::ALL[n % 3];
        let job = move |_: regatta::pool::TaskContext| async move { log.lock().unwrap().push((priority, n)) };
        handles.push(pool.submit_with(priority, job).await.expect("open"));
    }
    held.finish().await;
    for handle in handles {
        handle.await.expect("it runs");
    }
    let log = log.lock().unwrap();
    for priority in Priority::ALL {
        let lane: Vec<usize> = log.iter().filter(|(lane, _)| *lane == priority).map(|(_, n)| *n).collect();
        assert!(lane.len() == 10 && lane.is_sorted(), "{lane:?}");
    }
}

#[tokio::test]
async fn bound_jobs_have_lanes_of_their_own() {
    let pool = CpuPool::new(1);
    let (held, log) = (Held::submit(&pool).await, Arc::new(Mutex::new(Vec::new())));
    let mut handles = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let log = log.clone();
        let options = JobOptions::new().placement(Placement::Worker(0)).priority(priority);
        let job = move |_: regatta::pool::CpuContext| log.lock().unwrap().push(priority);
        handles.push(pool.submit_with(options, job).await.expect("open"));
    }
    held.finish().await;
    for handle in handles {
        handle.await.expect("it runs");
    }
    assert_eq!(*log.lock().unwrap(), Priority::ALL);
}

#[tokio::test]
async fn a_flood_of_high_jobs_does_not_starve_a_low_one() {
    let pool = CpuPool::builder().limit(1).capacity(64).build();
    let stop = Arc::new(AtomicBool::new(false));
    let flood = {
        let (pool, stop) = (pool.clone(), stop.clone());
        tokio::spawn(async move {
            while !stop.load(SeqCst) {
                pool.submit_with(Priority::High, |_| ()).await.expect("open").detach();
            }
        })
    };
    while pool.stats().queued < 32 {
        tokio::task::yield_now().await;
    }
    let low = pool.submit_with(Priority::Low, |_| 7).await.expect("open");
    assert_eq!(low.await, Ok(7));
    stop.store(true, SeqCst);
    flood.await.expect("it ends");
}

/// A job that spawns the next of its kind, for ever.
fn endless(cx: &regatta::pool::CpuContext, stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    if !stop.load(SeqCst) {
        cx.spawn(move |cx| endless(&cx, &stop)).expect("there is room").detach();
    }
}

#[tokio::test]
async fn a_worker_that_always_has_children_still_takes_other_jobs() {
    let pool = CpuPool::new(1);
    let stop = Arc::new(AtomicBool::new(false));
    let running = stop.clone();
    pool.submit_with(Placement::Injector, move |cx| endless(&cx, &running)).await.expect("open").detach();
    let common = pool.submit(|| 1).await.expect("open");
    let bound = pool.submit_to(0, |_| 2).await.expect("open");
    let preferred = pool.submit_with(Placement::Prefer(0), |_| 3).await.expect("open");
    let low = pool.submit_with(Priority::Low, |_| 4).await.expect("open");
    assert_eq!((common.await, bound.await, preferred.await, low.await), (Ok(1), Ok(2), Ok(3), Ok(4)));
    stop.store(true, SeqCst);
}
