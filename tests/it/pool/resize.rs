//! Another limit, while the pool runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use regatta::pool::{CpuPool, Placement, TaskPool};

use super::kit::{Held, SOON, Waiting};

#[tokio::test]
async fn growing_starts_queued_jobs_at_once() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let queued: Vec<_> = (0..2).map(|n| pool.try_submit(move || n).expect("there is room")).collect();
    assert_eq!((pool.stats().active, pool.stats().queued), (1, 2));
    pool.resize(2);
    // The one that is held still runs: another worker has come.
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n));
    }
    assert_eq!(pool.stats().limit, 2);
    held.finish().await;
}

#[tokio::test]
async fn growing_starts_queued_async_jobs_at_once() {
    let pool = TaskPool::new(1);
    let waiting = Waiting::submit(&pool).await;
    let queued: Vec<_> = (0..2).map(|n| pool.try_submit(async move { n }).expect("there is room")).collect();
    pool.resize(3);
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n));
    }
    waiting.finish().await;
}

#[tokio::test]
async fn shrinking_lets_running_jobs_end_and_starts_no_more_than_the_new_limit() {
    let pool = CpuPool::new(4);
    let mut held = Vec::new();
    for worker in 0..4 {
        held.push(Held::submit_with(&pool, Placement::Worker(worker)).await);
    }
    let queued: Vec<_> = (0..20).map(|n| pool.try_submit(move || n).expect("there is room")).collect();
    pool.resize(1);
    assert_eq!((pool.stats().limit, pool.stats().active), (1, 4));
    // Those above the limit leave after the job they have; the one below it is still held.
    for held in held.drain(1..) {
        held.finish().await;
    }
    while pool.stats().active > 1 {
        tokio::task::yield_now().await;
    }
    assert!(queued.iter().all(|handle| !handle.is_finished()));
    for held in held {
        held.finish().await;
    }
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n));
    }
    assert_eq!(pool.stats().workers.iter().skip(1).map(|worker| worker.done).max(), Some(1));
}

#[tokio::test]
async fn whichever_jobs_end_first_after_shrinking_make_no_room_for_others() {
    let pool = CpuPool::new(4);
    let mut held = Vec::new();
    for worker in 0..4 {
        held.push(Held::submit_with(&pool, Placement::Worker(worker)).await);
    }
    let queued = pool.try_submit(|| 7).expect("there is room");
    let bound = pool.submit_to(0, |cx| cx.worker()).await.expect("open");
    pool.resize(2);
    // Those below the limit end, those above go on: two run, and nobody else may begin.
    for held in held.drain(..2) {
        held.finish().await;
    }
    while pool.stats().active > 2 {
        tokio::task::yield_now().await;
    }
    assert!(!queued.is_finished() && !bound.is_finished());
    assert_eq!(pool.stats().running, 2);
    held.remove(0).finish().await;
    assert_eq!((queued.await, bound.await), (Ok(7), Ok(0)), "a worker from above has moved down");
    held.remove(0).finish().await;
}

#[tokio::test]
async fn the_last_worker_moves_down_when_its_slot_is_above_the_limit() {
    let pool = CpuPool::new(4);
    let held = Held::submit_with(&pool, Placement::Worker(3)).await;
    pool.resize(1);
    let next = pool.submit_with(Placement::Injector, |cx| cx.worker()).await.expect("open");
    // One runs, and the limit is one: nobody else may begin.
    assert_eq!((pool.stats().active, next.is_finished()), (1, false));
    held.finish().await;
    assert_eq!(next.await, Ok(0));
}

#[tokio::test]
async fn no_more_than_the_new_limit_run_after_shrinking() {
    let pool = CpuPool::new(8);
    pool.map(0..100, |_| std::thread::yield_now()).await.expect("all run");
    pool.resize(2);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = most.clone();
    let job = move |_| {
        highest.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
        std::thread::yield_now();
        running.fetch_sub(1, SeqCst);
    };
    pool.map(0..2_000, job).await.expect("all run");
    assert!(most.load(SeqCst) <= 2, "{most:?}");
}

#[tokio::test]
async fn what_is_bound_above_the_new_limit_moves_below_it_in_order() {
    let pool = CpuPool::new(4);
    let held = Held::submit_with(&pool, Placement::Worker(3)).await;
    let mut handles = Vec::new();
    for n in 0..5 {
        handles.push(pool.submit_to(3, move |cx| (n, cx.worker())).await.expect("open"));
    }
    pool.resize(2);
    assert!(handles.iter().all(|handle| !handle.is_finished()), "the job that runs there comes first");
    assert!(pool.submit_to(3, |_| (0, 0)).await.expect_err("it is gone").is_no_worker());
    held.finish().await;
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.await, Ok((n, 1)));
    }
}

#[tokio::test]
async fn what_is_bound_to_a_slot_that_nobody_has_come_to_moves_too() {
    let pool = CpuPool::new(2);
    let held = [Held::submit(&pool).await, Held::submit(&pool).await];
    pool.resize(4);
    pool.resize(2);
    // Both workers are out and held; the slots 2 and 3 were never sat in.
    pool.resize(4);
    let bound = pool.submit_to(3, |cx| cx.worker()).await.expect("open");
    pool.resize(1);
    for held in held {
        held.finish().await;
    }
    // It had begun at once, or has moved.
    assert!([Ok(3), Ok(0)].contains(&bound.await));
}

#[tokio::test]
async fn children_of_a_worker_above_the_limit_are_run_by_others() {
    let pool = CpuPool::new(2);
    let parent = pool.submit_to(1, |cx| {
        let children: Vec<_> = (0..10).map(|n| cx.spawn(move |_| n).expect("there is room")).collect();
        children
    });
    let busy = Held::submit_with(&pool, Placement::Worker(0)).await;
    let children = parent.await.expect("open").await.expect("it ends");
    pool.resize(1);
    busy.finish().await;
    for (n, child) in children.into_iter().enumerate() {
        assert_eq!(child.await, Ok(n));
    }
}

#[tokio::test]
async fn a_closed_pool_may_still_be_resized() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| 7).expect("there is room");
    pool.close();
    pool.resize(2);
    assert_eq!(queued.await, Ok(7));
    held.finish().await;
    assert!(pool.shutdown(SOON).await.is_clean());
    pool.resize(4);
    assert_eq!((pool.stats().limit, pool.stats().active), (4, 0));
}

#[tokio::test]
#[should_panic(expected = "CpuPool: limit must be above zero")]
async fn a_limit_of_zero_is_refused_by_resize() {
    CpuPool::new(1).resize(0);
}

#[tokio::test]
async fn the_largest_limit_starts_no_more_workers_than_there_are_jobs() {
    let pool = TaskPool::new(1);
    let waiting = Waiting::submit(&pool).await;
    let queued: Vec<_> = (0..10).map(|n| pool.try_submit(async move { n }).expect("there is room")).collect();
    pool.resize(usize::MAX);
    assert!(pool.stats().active <= 11);
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n));
    }
    waiting.finish().await;
}

/// The worker above the new limit is busy for long, and the one below leaves before anything is moved to it.
#[tokio::test]
async fn what_is_bound_above_the_limit_is_run_after_the_job_there() {
    let pool = TaskPool::new(4);
    let long = Waiting::submit_with(&pool, Placement::Worker(3)).await;
    let short = Waiting::submit_with(&pool, Placement::Worker(1)).await;
    let behind = pool.submit_to(3, |cx| async move { cx.worker() }).await.expect("open");
    pool.resize(2);
    let first = pool.submit_to(0, |cx| async move { cx.worker() }).await.expect("open");
    short.finish().await;
    assert_eq!(first.await, Ok(0), "the one that comes free looks after what is bound");
    long.finish().await;
    assert_eq!(behind.await, Ok(1));
    assert!(pool.shutdown(SOON).await.is_clean());
}

/// All that are out stand above the limit: nobody comes down for what is bound below, until the limit is raised again.
#[tokio::test]
async fn a_bound_job_gets_its_worker_when_the_pool_grows_again() {
    let pool = CpuPool::new(6);
    let held =
        [Held::submit_with(&pool, Placement::Worker(4)).await, Held::submit_with(&pool, Placement::Worker(5)).await];
    pool.resize(2);
    let bound = pool.submit_to(0, |cx| cx.worker()).await.expect("open");
    pool.resize(4);
    assert_eq!(bound.await, Ok(0));
    for held in held {
        held.finish().await;
    }
}

#[tokio::test]
async fn jobs_bound_everywhere_are_run_while_the_pool_shrinks_and_grows() {
    let pool = CpuPool::builder().limit(6).capacity(10_000).build();
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for round in 0..200 {
        let handles: Vec<_> = (0..20)
            .filter_map(|_| {
                let limit = pool.stats().limit as u64;
                pool.submit_with(Placement::Worker(random(limit) as usize), move |_| round).at_once().ok()
            })
            .collect();
        pool.resize(1 + random(6) as usize);
        for handle in handles {
            assert_eq!(handle.await, Ok(round));
        }
    }
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.flow.in_flight), (0, 0));
}
