//! What happens to a job that finds the queue full.

use std::time::Duration;

use regatta::policy::{Overflow, Priority};
use regatta::pool::{CpuPool, JobError, Placement, TaskPool};

use super::kit::{Drops, Held, Waiting, poll_here};

fn pool(overflow: Overflow) -> CpuPool {
    CpuPool::builder().limit(1).capacity(2).overflow(overflow).name("small").build()
}

#[tokio::test]
async fn reject_hands_the_job_back_at_once() {
    let pool = pool(Overflow::Reject);
    let held = Held::submit(&pool).await;
    let queued = [pool.submit(|| 1).await.expect("one place"), pool.submit(|| 2).await.expect("another")];
    let refused = pool.submit(|| 3).await.expect_err("no place");
    assert!(refused.is_full());
    assert_eq!(refused.into_inner()(), 3);
    assert!(pool.submit_to(0, |_| 4).await.expect_err("no place").is_full());
    held.finish().await;
    for (n, handle) in (1..).zip(queued) {
        assert_eq!(handle.await, Ok(n));
    }
    assert_eq!(pool.stats().flow.accepted, 3);
}

#[tokio::test]
async fn drop_newest_accepts_and_drops_the_job() {
    let pool = pool(Overflow::DropNewest);
    let held = Held::submit(&pool).await;
    let queued = [pool.submit(|| ()).await.expect("one place"), pool.submit(|| ()).await.expect("another")];
    let drops = Drops::default();
    let captured = drops.guard();
    let dropped = pool.submit(move || drop(captured)).await.expect("it is accepted");
    assert_eq!(drops.count(), 1);
    let error = dropped.await.expect_err("it is dropped");
    assert!(error.is_full());
    assert_eq!(error.to_string(), "the job was dropped by the overflow policy: pool `small` is full: 2 of 2 taken");
    let tried = pool.try_submit(|| ()).expect("by policy it is never full");
    assert!(matches!(tried.await, Err(JobError::Full(_))));
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.dropped, flow.in_flight), (5, 2, 3));
    held.finish().await;
    for handle in queued {
        handle.await.expect("it runs");
    }
}

#[tokio::test]
async fn drop_oldest_makes_room_in_the_lowest_lane() {
    let pool = CpuPool::builder().limit(1).capacity(4).overflow(Overflow::DropOldest).build();
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let mut handles = Vec::new();
    for priority in [Priority::High, Priority::Normal, Priority::Low, Priority::Low] {
        let captured = drops.guard();
        handles.push(pool.submit_with(priority, move |_| drop(captured)).await.expect("there is room"));
    }
    // Two low ones, the older first, then the normal one, then the high one; never what has just come in.
    for victim in [2, 3, 1, 0] {
        let captured = drops.guard();
        let before = drops.count();
        let newcomer = pool.submit_with(Priority::High, move |_| drop(captured)).await.expect("there is always room");
        assert_eq!(drops.count(), before + 1);
        assert!(handles[victim].is_finished(), "{victim}");
        newcomer.detach();
    }
    for handle in handles {
        assert!(handle.await.expect_err("dropped").is_full());
    }
    assert_eq!((pool.stats().flow.dropped, pool.stats().queued), (4, 4));
    held.finish().await;
    assert!(pool.shutdown(super::kit::SOON).await.still_running.is_empty());
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.dropped, flow.in_flight), (9, 5, 4, 0));
}

#[tokio::test]
async fn drop_oldest_finds_its_victim_in_every_line() {
    let pool = CpuPool::builder().limit(1).capacity(1).overflow(Overflow::DropOldest).build();
    let held = Held::submit(&pool).await;
    let mut last = pool.submit_to(0, |_| ()).await.expect("room");
    for placement in [Placement::Prefer(0), Placement::Worker(0), Placement::Injector, Placement::Worker(0)] {
        let next = pool.submit_with(placement, |_| ()).await.expect("room");
        assert!(last.await.expect_err("dropped").is_full(), "{placement:?}");
        last = next;
    }
    held.finish().await;
    last.await.expect("it runs");
}

#[tokio::test]
async fn drop_oldest_frees_the_place_of_a_cancelled_job_first() {
    let pool = pool(Overflow::DropOldest);
    let held = Held::submit(&pool).await;
    let cancelled = pool.submit(|| ()).await.expect("room");
    cancelled.cancel();
    let kept = pool.submit(|| 1).await.expect("room");
    let newcomer = pool.submit(|| 2).await.expect("room");
    assert_eq!(pool.stats().flow.dropped, 0);
    held.finish().await;
    assert_eq!((kept.await, newcomer.await), (Ok(1), Ok(2)));
}

#[tokio::test]
async fn async_jobs_know_the_policies_too() {
    let pool = TaskPool::builder().limit(1).capacity(1).overflow(Overflow::DropOldest).build();
    let waiting = Waiting::submit(&pool).await;
    let oldest = pool.submit(async { 1 }).await.expect("room");
    let newest = pool.submit(async { 2 }).await.expect("room");
    assert!(oldest.await.expect_err("dropped").is_full());
    waiting.finish().await;
    assert_eq!(newest.await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn submit_timeout_hands_the_job_back_when_time_is_over() {
    let pool = TaskPool::builder().limit(1).capacity(1).name("slow").build();
    let waiting = Waiting::submit(&pool).await;
    let queued = pool.submit_timeout(async { 1 }, Duration::from_secs(1)).await.expect("room");
    let refused = pool.submit_timeout(async { 2 }, Duration::from_secs(1)).await.expect_err("no room for a second");
    assert!(refused.is_elapsed() && !refused.is_full());
    assert_eq!(refused.to_string(), "the job was not submitted: no room in pool `slow` within 1s: 1 of 1 taken");
    assert_eq!(refused.into_inner().await, 2);
    waiting.finish().await;
    assert_eq!(queued.await, Ok(1));
    // The place in line was given up.
    assert_eq!(pool.try_submit(async { 3 }).expect("nobody waits").await, Ok(3));
}

#[tokio::test]
async fn submit_timeout_works_for_closures() {
    let pool = CpuPool::new(1);
    let handle = pool.submit_timeout(|| 7, Duration::from_secs(60)).await.expect("room");
    assert_eq!(handle.await, Ok(7));
    pool.close();
    assert!(pool.submit_timeout(|| 7, Duration::from_secs(60)).await.expect_err("closed").is_closed());
}

/// A map waits whatever the policy. Those who make room for themselves do not queue up behind it, nor behind many.
#[tokio::test]
async fn drop_oldest_drops_one_job_though_maps_wait_for_room() {
    for maps in [1, 40] {
        let pool = CpuPool::builder().limit(1).capacity(64).overflow(Overflow::DropOldest).build();
        let held = Held::submit(&pool).await;
        let mut queued = Vec::new();
        for _ in 0..64 {
            queued.push(pool.submit(|| ()).await.expect("room"));
        }
        let mut maps: Vec<_> = (0..maps).map(|n| Box::pin(pool.map([n], |n: u32| n))).collect();
        for map in &mut maps {
            assert!(poll_here(map).await.is_pending());
        }
        // It returns without giving way to the maps, which are in this task, too.
        let newcomer = pool.submit(|| 7).await.expect("it makes room for itself");
        assert_eq!((pool.stats().flow.dropped, pool.stats().queued), (1, 64));
        held.finish().await;
        for (n, map) in (0..).zip(maps) {
            assert_eq!(map.await, Ok(vec![n]));
        }
        assert_eq!(newcomer.await, Ok(7));
        let mut queued = queued.into_iter();
        assert!(queued.next().expect("the oldest").await.expect_err("dropped").is_full());
        for handle in queued {
            assert_eq!(handle.await, Ok(()));
        }
    }
}
