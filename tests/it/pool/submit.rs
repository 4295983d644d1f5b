//! Getting in: at once, after a wait, or not at all.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regatta::pool::{CpuPool, JobHandle, Placement, TaskPool};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::kit::{Drops, Held, SOON, Waiting, poll_once};
use crate::support::{waker_dropped_with, without_deadlock};

#[tokio::test]
async fn a_job_gives_its_value() {
    let pool = CpuPool::new(1);
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.in_flight), (1, 1, 0));
}

#[tokio::test]
async fn jobs_of_one_worker_begin_in_the_order_of_submission() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let (log, order) = mpsc::channel();
    let handles: Vec<_> = (0..5)
        .map(|index| {
            let log = log.clone();
            pool.try_submit(move || log.send(index)).expect("there is room")
        })
        .collect();
    held.finish().await;
    for handle in handles {
        handle.await.expect("the job ends").expect("the log is open");
    }
    assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn as_many_closures_as_the_limit_run_at_once() {
    let pool = CpuPool::new(3);
    let barrier = Arc::new(Barrier::new(3));
    let results = pool.map(0..3, move |_| barrier.wait().is_leader()).await.expect("all run");
    assert_eq!(results.iter().filter(|is_leader| **is_leader).count(), 1);
}

#[tokio::test]
async fn no_more_closures_than_the_limit_run_at_once() {
    let pool = CpuPool::new(2);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = most.clone();
    let job = move |_| {
        highest.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
        std::thread::yield_now();
        running.fetch_sub(1, SeqCst);
    };
    pool.map(0..2_000, job).await.expect("all run");
    assert!(most.load(SeqCst) <= 2);

    let held = [Held::submit(&pool).await, Held::submit(&pool).await];
    let third = pool.submit(|| ()).await.expect("open");
    let stats = pool.stats();
    assert_eq!((stats.active, stats.queued), (2, 1));
    assert!(!third.is_finished());
    for held in held {
        held.finish().await;
    }
    assert_eq!(third.await, Ok(()));
}

#[tokio::test]
async fn a_full_pool_hands_the_closure_back() {
    let pool = CpuPool::builder().limit(1).capacity(1).name("small").build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| 1).expect("one place");
    let refused = pool.try_submit(|| 2).expect_err("no place");
    assert!(refused.is_full() && !refused.is_closed());
    assert_eq!(
        refused.to_string(),
        "the job was not submitted: pool `small` is full: 1 of 1 taken; try again later, or raise its capacity"
    );
    assert_eq!(refused.into_inner()(), 2);
    held.finish().await;
    assert_eq!(queued.await, Ok(1));
}

#[tokio::test]
async fn a_closed_pool_hands_the_closure_back_and_finishes_what_it_has() {
    let pool = CpuPool::builder().limit(1).name("shut").build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| 1).expect("there is room");
    pool.close();
    pool.close();
    assert!(pool.is_closed());
    let refused = pool.submit(|| 2).await.expect_err("closed");
    assert!(refused.is_closed() && !refused.is_full());
    assert_eq!(refused.to_string(), "the job was not submitted: pool `shut` is closed");
    assert_eq!(refused.into_inner()(), 2);
    held.finish().await;
    assert_eq!(queued.await, Ok(1));
}

#[tokio::test]
async fn a_submitter_that_waits_is_refused_when_the_pool_closes() {
    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| ()).expect("one place");
    let mut submit = tokio_test::task::spawn(pool.submit(|| 3));
    assert!(submit.poll().is_pending());
    pool.close();
    assert!(submit.is_woken());
    let Poll::Ready(Err(refused)) = submit.poll() else { panic!("the pool is closed") };
    assert_eq!(refused.into_inner()(), 3);
    held.finish().await;
    assert_eq!(queued.await, Ok(()));
}

#[tokio::test]
#[should_panic(expected = "CpuPool: limit must be above zero")]
async fn a_limit_of_zero_is_refused() {
    let _ = CpuPool::new(0);
}

#[tokio::test]
#[should_panic(expected = "PoolBuilder: capacity must be above zero")]
async fn a_capacity_of_zero_is_refused() {
    let _ = CpuPool::builder().capacity(0);
}

#[tokio::test]
async fn the_largest_limits_neither_overflow_nor_allocate() {
    let pool = CpuPool::builder().limit(usize::MAX).capacity(usize::MAX).build();
    assert_eq!((pool.stats().limit, pool.stats().capacity), (131_071, 134_217_727));
    assert_eq!(pool.map(0..100, |n| n * 2).await.expect("all run").len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_place_and_many_submitters_every_job_runs() {
    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let submitters: Vec<_> = (0..8_u64)
        .map(|id| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                for n in 0..200 {
                    sum += pool.submit(move || id * n).await.expect("open").await.expect("it runs");
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for submitter in submitters {
        sum += submitter.await.expect("the submitter ends");
    }
    assert_eq!(sum, 28 * 19_900);
    assert_eq!(pool.stats().flow.done, 1_600);
}

#[tokio::test]
async fn a_submit_that_is_dropped_while_waiting_takes_its_closure_along() {
    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| ()).expect("one place");
    let drops = Drops::default();
    for polls in 0..3 {
        let captured = drops.guard();
        let mut submit = pool.submit(move || drop(captured));
        for _ in 0..polls {
            assert!(poll_once(&mut submit).is_pending());
        }
        drop(submit);
        assert_eq!(drops.count(), polls + 1);
        let mut submit = pool.submit(|| 7);
        for _ in 0..polls {
            assert!(poll_once(&mut submit).is_pending());
        }
        assert_eq!(submit.into_inner().expect("still waiting")(), 7);
    }
    assert_eq!(pool.stats().flow.accepted, 2, "nothing of it was counted");
    held.finish().await;
    assert_eq!(queued.await, Ok(()));
    assert_eq!(pool.submit(|| 7).await.expect("nobody waits any more").await, Ok(7));
}

#[tokio::test]
async fn a_turn_that_is_dropped_passes_to_the_next() {
    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| ()).expect("one place");
    let mut first = tokio_test::task::spawn(pool.submit(|| 1));
    let mut second = tokio_test::task::spawn(pool.submit(|| 2));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    held.finish().await;
    assert_eq!(queued.await, Ok(()));
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    let Poll::Ready(Ok(handle)) = second.poll() else { panic!("it has a turn") };
    assert_eq!(handle.await, Ok(2));
}

/// Fills the queue behind a job that is held, and gives the handles of what is queued.
fn fill(pool: &CpuPool) -> Vec<JobHandle<()>> {
    std::iter::from_fn(|| pool.try_submit(|| ()).ok()).collect()
}

#[tokio::test]
async fn a_submit_that_is_polled_out_of_turn_does_not_overtake_the_one_that_was_let_in() {
    for capacity in [1, 4, 8, 16] {
        let pool = CpuPool::builder().limit(1).capacity(capacity).build();
        let (held, mut queued) = (Held::submit(&pool).await, fill(&pool));
        let mut line: Vec<_> = (0..2 * capacity).map(|_| tokio_test::task::spawn(pool.submit(|| ()))).collect();
        assert!(line.iter_mut().all(|submit| submit.poll().is_pending()));
        held.finish().await;
        while let Some(handle) = queued.pop() {
            handle.await.expect("it runs");
        }
        // The queue is empty now, and as many have been let in as it has room for.
        let let_in = line.iter().take_while(|submit| submit.is_woken()).count();
        assert!(let_in >= capacity && line[let_in..].iter().all(|submit| !submit.is_woken()), "{let_in}");
        assert!(line[let_in..].iter_mut().all(|submit| submit.poll().is_pending()), "capacity {capacity}");
        assert!(pool.try_submit(|| ()).is_err_and(|refused| refused.is_full()), "while others wait");
        for submit in line {
            submit.await.expect("open").await.expect("it runs");
        }
        assert!(pool.try_submit(|| ()).is_ok(), "nobody waits any more");
    }
}

#[test]
fn a_waker_that_owns_a_job_is_not_dropped_under_the_lobbys_lock() {
    without_deadlock(|| {
        let runtime = Builder::new_current_thread().build().expect("the runtime starts");
        runtime.block_on(async {
            let pool = CpuPool::builder().limit(1).capacity(1).build();
            let held = Held::submit(&pool).await;
            let queued = pool.try_submit(|| ()).expect("one place");
            // As a task that owns the handle: dropping its last waker drops it, and cancels the job.
            let waker = waker_dropped_with(move || drop(queued));
            let mut submit = pin!(pool.submit(|| ()));
            assert!(submit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            // It moved to another task.
            assert!(submit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(pool.stats().flow.discarded, 1);
            // The place of that job was given back.
            let queued = submit.await.expect("open");

            // The same where a wait is given up, and where one for the end is.
            let looker = pool.clone();
            let waker = waker_dropped_with(move || looker.abort());
            let mut submit = Box::pin(pool.submit(|| ()));
            assert!(submit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            drop(submit);
            assert!(queued.await.is_err_and(|error| error.is_closed()));
            held.finish().await;
        });
    });
}

#[tokio::test]
async fn a_submit_that_is_dropped_after_it_has_resolved_cancels_through_its_handle() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let mut submit = pool.submit(|| 7);
    let Poll::Ready(Ok(handle)) = poll_once(&mut submit) else { panic!("there is room") };
    drop(submit);
    drop(handle);
    held.finish().await;
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.discarded), (2, 1, 1));
}

#[tokio::test]
async fn submitting_and_awaiting_yields_to_other_tasks() {
    let pool = CpuPool::new(1);
    let (stop, mut stopped) = oneshot::channel();
    tokio::spawn(async move { stop.send(()) });
    // Ends only if the spawned task, on the same thread, gets a turn.
    while stopped.try_recv().is_err() {
        pool.submit(|| ()).await.expect("open").detach();
    }
}

#[test]
fn everything_is_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin>() {}
    fn is_send<T: Send>(_: &T) {}
    check::<CpuPool>();
    check::<JobHandle<u8>>();
    check::<regatta::pool::SubmitFuture<'_, fn(), ()>>();
    check::<regatta::pool::SubmitError<fn()>>();
    let runtime = Builder::new_current_thread().build().expect("the runtime starts");
    let _entered = runtime.enter();
    let pool = CpuPool::new(1);
    is_send(&pool.map([1], |n| n));
    is_send(&pool.shutdown(SOON));
    is_send(&pool.aborted());
}

#[tokio::test(start_paused = true)]
async fn a_placed_job_is_submitted_at_once_or_within_a_time() {
    // Of tasks: while a closure runs, the paused clock stands still.
    let pool = TaskPool::builder().limit(1).capacity(1).name("small").build();
    let held = Waiting::submit(&pool).await;
    let queued = pool.submit_with(Placement::Worker(0), |_| async { 7 }).at_once().expect("one place");
    assert!(pool.submit_with(Placement::Worker(0), |_| async {}).at_once().expect_err("no other").is_full());
    let late = pool.submit_with(Placement::Worker(0), |_| async {}).within(Duration::from_secs(3)).await;
    let late = late.expect_err("no other");
    assert!(late.is_elapsed());
    assert_eq!(late.to_string(), "the job was not submitted: no room in pool `small` within 3s: 1 of 1 taken");
    held.finish().await;
    assert_eq!(queued.await, Ok(7));
}
