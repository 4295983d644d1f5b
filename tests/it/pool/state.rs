//! Values that stay with their workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use regatta::pool::{CpuPool, JobError, Placement, TaskPool};

use super::kit::{Drops, PanicsOnDrop, SOON, poll_here};
use crate::support::Gate;

/// A value, and how many of its kind there have been.
struct Counted {
    made: usize,
    jobs: usize,
}

fn counting(made: &Arc<AtomicUsize>) -> impl Fn(usize) -> Counted + Send + Sync + 'static {
    let made = made.clone();
    move |_| Counted { made: made.fetch_add(1, SeqCst), jobs: 0 }
}

#[tokio::test]
async fn a_value_is_made_when_a_job_asks_for_it_and_kept_for_the_next() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = CpuPool::builder().limit(2).state(counting(&made)).build();
    for worker in [0, 1] {
        pool.submit_to(worker, |_| ()).await.expect("open").await.expect("it runs");
    }
    assert_eq!(made.load(SeqCst), 0, "nobody has asked");
    for expected in 1..=50 {
        let job = pool.submit_to(1, |mut cx| {
            cx.state().jobs += 1;
            (cx.state().made, cx.state().jobs)
        });
        assert_eq!(job.await.expect("open").await, Ok((0, expected)));
        // It stays with the worker's number, although the worker leaves when it has nothing to do.
        while pool.stats().active > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(made.load(SeqCst), 1);
}

#[tokio::test]
async fn each_worker_has_a_value_of_its_own() {
    let pool = CpuPool::builder().limit(3).state(|worker| worker * 100).build();
    for worker in [2, 0, 1] {
        assert_eq!(pool.submit_to(worker, |mut cx| *cx.state()).await.expect("open").await, Ok(worker * 100));
    }
}

#[tokio::test]
async fn a_value_is_made_anew_after_a_job_that_had_it_panicked() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = CpuPool::builder().limit(1).state(counting(&made)).build();
    let broken = pool.submit_to(0, |mut cx| {
        cx.state().jobs = 7;
        panic!("half-way")
    });
    assert!(broken.await.expect("open").await.is_err_and(|error: JobError| error.is_panicked()));
    assert_eq!(pool.submit_to(0, |mut cx| (cx.state().made, cx.state().jobs)).await.expect("open").await, Ok((1, 0)));
}

#[tokio::test]
async fn a_value_is_made_anew_after_an_async_job_that_had_it_panicked_or_was_dropped() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = TaskPool::builder().limit(1).state(counting(&made)).build();
    let broken = pool.submit_to(0, |mut cx| async move {
        cx.state().jobs = 7;
        tokio::task::yield_now().await;
        if cx.state().jobs == 7 {
            panic!("half-way")
        }
    });
    assert!(broken.await.expect("open").await.expect_err("it panics").is_panicked());

    let (gate, drops) = (Gate::new(), Drops::default());
    let (opened, captured) = (gate.clone(), drops.guard());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let waiting = pool.submit_to(0, |mut cx| async move {
        let _captured = captured;
        cx.state().jobs = 9;
        let _ = started.send(cx.state().made);
        opened.wait().await;
        cx.state().jobs
    });
    let waiting = waiting.await.expect("open");
    assert_eq!(has_started.await, Ok(1));
    assert!(waiting.cancel());
    assert_eq!(drops.count(), 1, "it is dropped here and now");
    let after = pool.submit_to(0, |mut cx| async move { (cx.state().made, cx.state().jobs) });
    assert_eq!(after.await.expect("open").await, Ok((2, 0)));
}

#[tokio::test]
async fn a_value_is_kept_after_an_async_job_that_came_to_its_end() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = TaskPool::builder().limit(1).state(counting(&made)).build();
    for expected in 1..=10 {
        let job = pool.submit_to(0, |mut cx| async move {
            tokio::task::yield_now().await;
            cx.state().jobs += 1;
            (cx.state().made, cx.state().jobs)
        });
        assert_eq!(job.await.expect("open").await, Ok((0, expected)));
    }
}

#[tokio::test]
async fn a_function_that_panics_fails_the_job_that_asked() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let pool = CpuPool::builder()
        .limit(1)
        .state(move |_| match count.fetch_add(1, SeqCst) {
            0 => panic!("no connection"),
            call => call,
        })
        .build();
    let error = pool.submit_to(0, |mut cx| *cx.state()).await.expect("open").await.expect_err("it panics");
    assert!(error.to_string().ends_with("panicked: no connection"), "{error}");
    assert_eq!(pool.submit_to(0, |mut cx| *cx.state()).await.expect("open").await, Ok(1));
}

#[tokio::test]
async fn a_context_that_is_kept_takes_its_value_along() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = CpuPool::builder().limit(1).state(counting(&made)).build();
    let mut kept = pool
        .submit_to(0, |mut cx| {
            cx.state().jobs = 1;
            cx
        })
        .await
        .expect("open")
        .await
        .expect("it ends");
    assert_eq!(pool.submit_to(0, |mut cx| cx.state().made).await.expect("open").await, Ok(1));
    assert_eq!((kept.state().made, kept.state().jobs), (0, 1));
    drop(kept);
    assert_eq!(pool.submit_to(0, |mut cx| cx.state().made).await.expect("open").await, Ok(1), "there was one already");
}

#[tokio::test]
async fn values_are_dropped_with_the_pool() {
    let drops = Drops::default();
    let values = drops.clone();
    let pool = CpuPool::builder().limit(2).state(move |_| values.guard()).build();
    for worker in [0, 1] {
        pool.submit_to(worker, |mut cx| assert!(!std::ptr::eq(cx.state(), std::ptr::null())))
            .await
            .expect("open")
            .await
            .expect("it runs");
    }
    assert_eq!(drops.count(), 0);
    assert!(pool.shutdown(SOON).await.is_clean());
    drop(pool);
    while drops.count() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn jobs_of_one_worker_see_each_others_changes_in_turn() {
    let pool = CpuPool::builder().limit(2).state(|_| Vec::new()).build();
    let mut handles = Vec::new();
    for n in 0..100 {
        let job = move |mut cx: regatta::pool::CpuContext<Vec<usize>>| {
            cx.state().push(n);
            cx.state().len()
        };
        handles.push(pool.submit_with(Placement::Worker(1), job).await.expect("open"));
    }
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n + 1));
    }
}

#[tokio::test]
async fn a_job_without_the_value_that_panics_leaves_it_alone() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = CpuPool::builder().limit(1).state(counting(&made)).build();
    for expected in 1..=3 {
        let counted = pool.submit_to(0, |mut cx| {
            cx.state().jobs += 1;
            (cx.state().made, cx.state().jobs)
        });
        assert_eq!(counted.await.expect("open").await, Ok((0, expected)));
        assert!(
            pool.submit(|| panic!("elsewhere"))
                .await
                .expect("open")
                .await
                .is_err_and(|error: JobError| error.is_panicked())
        );
    }
}

#[tokio::test]
async fn an_awaited_job_gets_a_value_for_its_own_time() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = TaskPool::builder().limit(1).state(counting(&made)).build();
    let outer = pool.submit_to(0, |mut cx| async move {
        cx.state().jobs = 1;
        let inner = cx.spawn(|mut cx| async move {
            cx.state().jobs += 1;
            (cx.state().made, cx.state().jobs)
        });
        let inner = inner.unwrap_or_else(|_| panic!("there is room")).await;
        (inner, cx.state().made, cx.state().jobs)
    });
    assert_eq!(outer.await.expect("open").await, Ok((Ok((1, 1)), 0, 1)));
    let after = pool.submit_to(0, |mut cx| async move { (cx.state().made, cx.state().jobs) });
    assert_eq!(after.await.expect("open").await, Ok((0, 1)), "what the first one had is kept");
}

/// An awaited job that is stopped half-way drops the value it had, and nobody else's.
#[tokio::test]
async fn an_awaited_job_that_is_cancelled_half_way_takes_its_own_value_along() {
    let made = Arc::new(AtomicUsize::new(0));
    let pool = TaskPool::builder().limit(1).state(counting(&made)).build();
    let outer = pool.submit_to(0, |cx| async move {
        let inner = cx.spawn(|mut cx| async move {
            cx.state().jobs = 9;
            std::future::pending::<()>().await;
            cx.state().jobs
        });
        let mut inner = inner.unwrap_or_else(|_| panic!("there is room"));
        assert!(poll_here(&mut inner).await.is_pending());
        tokio::task::yield_now().await;
        assert!(inner.cancel());
    });
    outer.await.expect("open").await.expect("it ends");
    let after = pool.submit_to(0, |mut cx| async move { (cx.state().made, cx.state().jobs) });
    assert_eq!(after.await.expect("open").await, Ok((1, 0)), "the half-changed one is gone");
}

#[tokio::test]
async fn values_whose_destructors_panic_end_with_the_pool() {
    let pool = CpuPool::builder().limit(3).state(|_| PanicsOnDrop).build();
    for worker in 0..3 {
        let asked = pool.submit_to(worker, |mut cx| format!("{:?}", cx.state()));
        assert_eq!(asked.await.expect("open").await.as_deref(), Ok("PanicsOnDrop"));
    }
    assert!(pool.shutdown(SOON).await.is_clean());
    drop(pool);
}
