//! Places in the queue: each is given back once, as soon as its job cannot begin from it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use regatta::policy::{Overflow, Priority};
use regatta::pool::{CpuPool, JobOptions, Placement, TaskPool};

use super::kit::{Held, SOON, Waiting, poll_here};

const PLACEMENTS: [Placement; 5] =
    [Placement::Injector, Placement::Random, Placement::RoundRobin, Placement::Worker(1), Placement::Prefer(1)];

#[tokio::test]
async fn a_cancelled_job_gives_its_place_back_at_once() {
    for placement in PLACEMENTS {
        let pool = CpuPool::builder().limit(2).capacity(1).build();
        let held = [
            Held::submit_with(&pool, Placement::Worker(0)).await,
            Held::submit_with(&pool, Placement::Worker(1)).await,
        ];
        for _ in 0..1_000 {
            let handle = pool.submit_with(placement, |_| ()).at_once().expect("there is room");
            assert_eq!(pool.stats().queued, 1);
            assert!(handle.cancel());
            assert_eq!(pool.stats().queued, 0);
        }
        let last = pool.submit_with(placement, |_| 7).at_once().expect("there is room");
        for held in held {
            held.finish().await;
        }
        assert_eq!(last.await, Ok(7), "{placement:?}");
    }
}

#[tokio::test]
async fn a_submitter_that_waits_gets_the_place_of_a_job_that_is_cancelled() {
    for placement in PLACEMENTS {
        let pool = TaskPool::builder().limit(2).capacity(1).build();
        let held = [
            Waiting::submit_with(&pool, Placement::Worker(0)).await,
            Waiting::submit_with(&pool, Placement::Worker(1)).await,
        ];
        let queued = pool.submit_with(placement, |_| async {}).at_once().expect("there is room");
        let mut waiting = pool.submit(async { 7 });
        assert!(poll_here(&mut waiting).await.is_pending());
        drop(queued);
        let submitted = waiting.await.expect("open");
        for held in held {
            held.finish().await;
        }
        assert_eq!(submitted.await, Ok(7));
    }
}

#[tokio::test]
async fn a_pool_whose_queue_is_emptied_by_cancelling_comes_to_rest() {
    let pool = CpuPool::builder().limit(2).capacity(1_000).build();
    let held = Held::submit_with(&pool, Placement::Worker(0)).await;
    let handles: Vec<_> = (0..1_000)
        .map(|n| pool.submit_with(Placement::Worker(n % 2), |_| ()).at_once().expect("there is room"))
        .collect();
    drop(handles);
    held.finish().await;
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished + report.aborted, report.still_running.len()), (1_001, 0));
    assert_eq!((pool.stats().queued, pool.stats().active), (0, 0));
}

#[tokio::test]
async fn a_refusal_behind_others_says_so() {
    let pool = CpuPool::builder().limit(1).capacity(2).name("busy").build();
    let held = Held::submit(&pool).await;
    let queued = [pool.try_submit(|| ()).expect("one place"), pool.try_submit(|| ()).expect("another")];
    let refused = pool.try_submit(|| ()).expect_err("no place").to_string();
    assert_eq!(
        refused,
        "the job was not submitted: pool `busy` is full: 2 of 2 taken; try again later, or raise its capacity"
    );
    let mut waiting = pool.submit(|| 7);
    assert!(poll_here(&mut waiting).await.is_pending());
    let refused = pool.try_submit(|| ()).expect_err("behind another").to_string();
    assert_eq!(
        refused,
        "the job was not submitted: pool `busy` is full: 2 of 2 taken; others wait for room, and come first"
    );
    drop((queued, held));
    assert_eq!(waiting.await.expect("open").await, Ok(7));
}

/// A job that has begun where it is awaited is not what waits in the queue.
#[tokio::test]
async fn the_victim_of_drop_oldest_is_never_a_job_that_runs() {
    let pool = TaskPool::builder().limit(1).capacity(1).overflow(Overflow::DropOldest).build();
    let inside = pool.clone();
    let outer = pool.submit(async move {
        let awaited = inside.submit_with(Placement::Injector, {
            let inside = inside.clone();
            move |cx| async move {
                inside.submit(async {}).await.expect("it makes room for itself").detach();
                inside.submit(async {}).await.expect("it makes room for itself").detach();
                cx.is_cancelled()
            }
        });
        awaited.await.expect("there is room").await
    });
    assert_eq!(outer.await.expect("open").await, Ok(Ok(false)));
    assert_eq!(pool.stats().flow.dropped, 1, "the first of the two that it queued");
}

/// Lines of workers that are gone, or busy for long, have their turn although the common queue is never empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_common_jobs_does_not_starve_another_workers_line() {
    let pool = CpuPool::builder().limit(4).capacity(64).build();
    let held = Held::submit_with(&pool, Placement::Worker(0)).await;
    let line = JobOptions::new().placement(Placement::Prefer(3)).priority(Priority::High);
    let stop = Arc::new(AtomicBool::new(false));
    pool.resize(1);
    pool.resize(2);
    let flood = {
        let (pool, stop) = (pool.clone(), stop.clone());
        tokio::spawn(async move {
            while !stop.load(SeqCst) {
                pool.submit(|| ()).await.expect("open").detach();
            }
        })
    };
    while pool.stats().queued < 32 {
        tokio::task::yield_now().await;
    }
    pool.resize(4);
    let mut preferred = Vec::new();
    for _ in 0..10 {
        preferred.push(pool.submit_with(line, |_| 7).await.expect("open"));
    }
    pool.resize(2);
    for preferred in preferred {
        assert_eq!(preferred.await, Ok(7));
    }
    stop.store(true, SeqCst);
    flood.await.expect("it ends");
    held.finish().await;
    assert!(pool.shutdown(SOON).await.is_clean());
}
