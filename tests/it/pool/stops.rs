//! The ways a pool stops.

use std::time::Duration;

use regatta::pool::{CpuPool, JobError};

use super::kit::{Drops, Held, SOON};

#[tokio::test]
async fn a_pool_that_is_dropped_closes_the_handles_of_queued_jobs() {
    let pool = CpuPool::builder().limit(1).name("gone").build();
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let captured = drops.guard();
    let queued = pool.try_submit(move || drop(captured)).expect("there is room");
    let clone = pool.clone();
    drop(pool);
    assert_eq!(drops.count(), 0, "a clone is left");
    drop(clone);
    assert_eq!(drops.count(), 1);
    let error = queued.await.expect_err("discarded");
    assert!(error.is_closed());
    assert_eq!(error.to_string(), "pool `gone` is closed");
    held.finish().await;
}

#[tokio::test]
async fn a_pool_may_be_dropped_by_its_own_job() {
    let pool = CpuPool::new(1);
    let mine = pool.clone();
    let held = Held::submit(&pool).await;
    let last = pool.try_submit(move || drop(mine)).expect("there is room");
    drop(pool);
    held.finish().await;
    assert_eq!(last.await, Ok(()));
}

#[tokio::test]
async fn abort_discards_queued_jobs_and_lets_running_ones_finish() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let captured = drops.guard();
            pool.try_submit(move || drop(captured)).expect("there is room")
        })
        .collect();
    let report = pool.aborted().await;
    assert_eq!((drops.count(), report.aborted, report.still_running.len()), (10, 10, 1));
    for handle in queued {
        assert!(matches!(handle.await, Err(JobError::Closed(_))));
    }
    held.finish().await;
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.discarded, flow.in_flight), (11, 1, 10, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_under_load_finishes_what_was_accepted() {
    let pool = CpuPool::builder().limit(2).capacity(16).build();
    let submitters: Vec<_> = (0..4)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut accepted = 0_u64;
                while let Ok(handle) = pool.submit(|| ()).await {
                    handle.detach();
                    accepted += 1;
                }
                accepted
            })
        })
        .collect();
    for _ in 0..100 {
        pool.submit(|| ()).await.expect("open").await.expect("it runs");
    }
    let report = pool.shutdown(SOON).await;
    let mut accepted = 100;
    for submitter in submitters {
        accepted += submitter.await.expect("the submitter ends");
    }
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.finished, accepted);
}

#[tokio::test]
async fn at_the_deadline_queued_jobs_are_discarded_and_stuck_ones_named() {
    let pool = CpuPool::builder().limit(1).name("stuck").build();
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let captured = drops.guard();
    let queued = pool.try_submit(move || drop(captured)).expect("there is room");
    let report = pool.shutdown(Duration::ZERO).await;
    assert_eq!(drops.count(), 1);
    assert_eq!(
        report.still_running.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["job of pool `stuck` at worker `stuck/0`"]
    );
    assert_eq!((report.finished, report.aborted), (0, 1));
    assert!(queued.await.expect_err("discarded").is_closed());
    held.finish().await;
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.still_running.len()), (1, 0), "a second look finds it gone");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_has_nothing_to_do_does_not_hold_up_a_paused_clock() {
    let pool = CpuPool::new(1);
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
}
