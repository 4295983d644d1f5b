//! Runtimes that begin, end, and have too few threads.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use regatta::observe::Registry;
use regatta::pool::{CpuPool, JobHandle, Placement, Schedule, TaskPool};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::kit::{Held, PanicsOnDrop, SOON, multi_thread};
use crate::support::without_deadlock;

#[test]
fn when_the_runtime_is_dropped_queued_jobs_resolve() {
    let runtime = multi_thread();
    let (pool, held, queued) = runtime.block_on(async {
        let pool = CpuPool::new(1);
        let held = Held::submit(&pool).await;
        let queued = pool.try_submit(|| 7).expect("there is room");
        (pool, held, queued)
    });
    let Held { gate, handle } = held;
    runtime.shutdown_background();
    // Another runtime waits: nothing of the first is needed to resolve the handles.
    let other = multi_thread();
    let error = other.block_on(queued).expect_err("discarded");
    assert!(error.is_closed() && error.to_string().ends_with(" is closed: its runtime was shut down"), "{error}");
    drop(gate);
    assert_eq!(other.block_on(handle), Ok("held"));
    assert!(other.block_on(pool.submit(|| 7)).is_err());
}

#[test]
fn a_runtime_that_is_dropped_does_not_wait_for_the_queue() {
    let runtime = Builder::new_current_thread().build().expect("the runtime starts");
    let (pool, held, queued) = runtime.block_on(async {
        let pool = CpuPool::new(1);
        let held = Held::submit(&pool).await;
        let queued: Vec<_> = (0..10).map(|_| pool.try_submit(|| 7).expect("there is room")).collect();
        (pool, held, queued)
    });
    let Held { gate, handle } = held;
    // The runtime's tasks are dropped before it waits for blocking threads; a captured value opens the gate then.
    runtime.spawn(async move {
        let _gate = gate;
        std::future::pending::<()>().await;
    });
    drop(runtime);
    assert!(handle.is_finished());
    let flow = pool.stats().flow;
    assert!(queued.iter().all(JobHandle::is_finished));
    assert_eq!((flow.accepted, flow.in_flight), (11, 0));
}

#[test]
fn a_worker_that_a_dying_runtime_never_starts_resolves_its_jobs() {
    // One blocking thread, taken by somebody else: the pool's worker waits in tokio's queue.
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().expect("the runtime starts");
    let (gate, opened) = mpsc::channel::<()>();
    let (pool, queued) = runtime.block_on(async {
        let (started, has_started) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _ = started.send(());
            let _ = opened.recv();
        });
        has_started.await.expect("the thread is taken");
        let pool = CpuPool::new(1);
        let queued = pool.try_submit(|| 7).expect("there is room");
        (pool, queued)
    });
    runtime.shutdown_background();
    drop(gate);
    assert!(multi_thread().block_on(queued).expect_err("discarded").is_closed());
    assert!(pool.is_closed());
}

#[test]
fn destructors_that_panic_while_a_dying_runtime_drops_them_hold_nothing_up() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().expect("the runtime starts");
    let (gate, opened) = mpsc::channel::<()>();
    let (pool, queued) = runtime.block_on(async {
        let (started, has_started) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _ = started.send(());
            let _ = opened.recv();
        });
        has_started.await.expect("the thread is taken");
        let pool = CpuPool::new(1);
        let submit = |_| {
            let captured = PanicsOnDrop;
            pool.try_submit(move || drop(captured)).expect("there is room")
        };
        let queued: Vec<_> = (0..3).map(submit).collect();
        (pool, queued)
    });
    runtime.shutdown_background();
    drop(gate);
    multi_thread().block_on(async {
        for handle in queued {
            assert!(handle.await.expect_err("discarded").is_closed());
        }
        // It waits for everybody who is dropping something.
        let report = pool.aborted().await;
        assert_eq!((report.aborted, report.panicked_count, report.still_running.len()), (3, 0, 0));
    });
}

#[test]
fn a_job_submitted_to_a_runtime_that_is_gone_is_refused_or_resolves() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let before = {
        let _entered = handle.enter();
        CpuPool::new(1)
    };
    drop(runtime);
    assert!(before.try_submit(|| 7).is_err_and(|refused| refused.is_closed()));
    let _entered = handle.enter();
    assert!(CpuPool::new(1).try_submit(|| 7).is_err_and(|refused| refused.is_closed()));
    assert!(CpuPool::current().try_submit(|| 7).is_err_and(|refused| refused.is_closed()));
}

#[test]
fn each_runtime_has_a_default_pool_of_its_own() {
    let (first, second) = (multi_thread(), multi_thread());
    let name = || async { CpuPool::current().name().to_owned() };
    let (first_name, second_name) = (first.block_on(name()), second.block_on(name()));
    assert_ne!(first_name, second_name);
    assert_eq!(first.block_on(name()), first_name, "it is made once");

    let kept = first.block_on(async { CpuPool::current() });
    drop(first);
    assert!(kept.is_closed());
    let answer = second.block_on(async { CpuPool::current().submit(|| 7).await.expect("open").await });
    assert_eq!(answer, Ok(7));
}

#[tokio::test]
async fn the_default_pool_is_the_same_for_everybody_on_the_runtime() {
    let mine = CpuPool::current().name().to_owned();
    let in_a_job = CpuPool::current().submit(|| CpuPool::current().name().to_owned()).await.expect("open");
    assert_eq!(in_a_job.await, Ok(mine.clone()));
    let in_a_task = tokio::spawn(async { CpuPool::current().name().to_owned() });
    assert_eq!(in_a_task.await.expect("it ends"), mine);
}

#[tokio::test]
async fn a_default_pool_that_somebody_closed_is_replaced_and_finishes_its_jobs() {
    let closed = CpuPool::current();
    let held = Held::submit(&closed).await;
    let queued: Vec<_> = (0..100).map(|n| closed.try_submit(move || n).expect("there is room")).collect();
    let name = closed.name().to_owned();
    closed.close();
    drop(closed);

    let fresh = CpuPool::current();
    assert_ne!(fresh.name(), name);
    assert_eq!(CpuPool::current().name(), fresh.name(), "it is replaced once");
    assert_eq!(fresh.submit(|| 7).await.expect("open").await, Ok(7));
    held.finish().await;
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.await, Ok(n), "nobody aborted it");
    }
    // The closed one goes when it is idle, and leaves the fresh one where it is.
    while Registry::global().snapshot().named(&name).is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(CpuPool::current().name(), fresh.name());

    fresh.abort();
    assert_eq!(CpuPool::current().submit(|| 7).await.expect("open").await, Ok(7));
}

#[test]
fn a_default_pool_that_was_closed_goes_with_its_runtime() {
    let runtime = multi_thread();
    let (gate, name) = runtime.block_on(async {
        let pool = CpuPool::current();
        let Held { gate, handle } = Held::submit(&pool).await;
        handle.detach();
        pool.close();
        let _fresh = CpuPool::current();
        (gate, pool.name().to_owned())
    });
    drop(gate);
    drop(runtime);
    assert!(Registry::global().snapshot().named(&name).is_none());
}

#[tokio::test]
async fn the_default_pool_outlives_the_scope_it_is_first_used_in() {
    let mine = Registry::new();
    let name = mine.scope(async { CpuPool::current().name().to_owned() }).await;
    assert_eq!(mine.snapshot().rows.len(), 0);
    assert!(Registry::global().snapshot().named(&name).is_some());
}

#[test]
#[should_panic(expected = "CpuPool::current needs a tokio runtime")]
fn the_default_pool_needs_a_runtime() {
    let _ = CpuPool::current();
}

#[test]
#[should_panic(expected = "CpuPool needs a tokio runtime")]
fn a_pool_needs_a_runtime() {
    let _ = CpuPool::new(1);
}

#[test]
fn the_current_thread_runtime_works_too() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("the runtime starts");
    runtime.block_on(async {
        let pool = CpuPool::new(2);
        assert_eq!(pool.map(0..1_000_u32, |n| n + 1).await.expect("all run").len(), 1_000);
        assert!(pool.shutdown(SOON).await.is_clean());
    });
}

#[test]
fn with_one_blocking_thread_every_handle_resolves() {
    for runtime in [
        Builder::new_current_thread().max_blocking_threads(1).enable_time().build(),
        Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).enable_time().build(),
    ] {
        runtime.expect("it starts").block_on(async {
            let pool = CpuPool::new(4);
            assert_eq!(pool.map(0..1_000, |n| n + 1).await, Ok((1..=1_000).collect()));
            for worker in 0..4 {
                assert_eq!(pool.submit_to(worker, |cx| cx.worker()).await.expect("open").await, Ok(worker));
            }
            for schedule in [Schedule::Static, Schedule::Stealing, Schedule::Guided] {
                let (results, _) = pool.map_with(schedule, (0..100).collect(), |n: u32| n).await.expect("all are done");
                assert_eq!(results.len(), 100);
            }
            // Others hold the only thread for a while: jobs wait, and then they run.
            let (gate, opened) = mpsc::channel::<()>();
            let other = tokio::task::spawn_blocking(move || opened.recv());
            let waiting = pool.submit(|| 7).await.expect("open");
            drop(gate);
            assert!(other.await.expect("no panic").is_err());
            assert_eq!(waiting.await, Ok(7));
            assert!(pool.shutdown(SOON).await.is_clean());
        });
    }
}

#[test]
fn two_runtimes_use_their_own_pools_and_may_await_each_others_jobs() {
    let (first, second) = (multi_thread(), multi_thread());
    let theirs = first.block_on(async { CpuPool::new(1) });
    let tasks = first.block_on(async { TaskPool::new(1) });
    second.block_on(async {
        let mine = CpuPool::new(1);
        let (a, b) = (theirs.submit(|| 1).await.expect("open"), mine.submit(|| 2).await.expect("open"));
        let c = tasks.submit(async { 3 }).await.expect("open");
        assert_eq!((a.await, b.await, c.await), (Ok(1), Ok(2), Ok(3)));
    });
    drop(first);
    second.block_on(async {
        assert!(theirs.submit(|| 1).await.expect_err("its runtime is gone").is_closed());
        assert!(tasks.submit(async {}).await.is_err_and(|refused| refused.is_closed()));
    });
}

#[test]
fn bound_jobs_resolve_when_their_runtime_is_dropped() {
    let runtime = multi_thread();
    let (pool, held, bound) = runtime.block_on(async {
        let pool = CpuPool::new(2);
        let held = Held::submit_with(&pool, Placement::Worker(1)).await;
        let bound = pool.submit_to(1, |_| 7).await.expect("open");
        (pool, held, bound)
    });
    let Held { gate, handle } = held;
    runtime.shutdown_background();
    let other = multi_thread();
    assert!(other.block_on(bound).expect_err("discarded").is_closed());
    drop(gate);
    assert_eq!(other.block_on(handle), Ok("held"));
    assert_eq!(pool.stats().queued, 0);
}

fn one_blocking_thread() -> tokio::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).enable_time().build().expect("it starts")
}

/// One thread for two workers: it does not stay with the one that always has something bound to it.
#[test]
fn with_one_blocking_thread_a_flood_of_bound_jobs_does_not_starve_another_worker() {
    without_deadlock(|| {
        one_blocking_thread().block_on(async {
            let pool = CpuPool::builder().limit(2).capacity(64).build();
            let stop = Arc::new(AtomicBool::new(false));
            let flood = {
                let (pool, stop) = (pool.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(SeqCst) {
                        pool.submit_to(0, |_| ()).await.expect("open").detach();
                    }
                })
            };
            while pool.stats().queued < 32 {
                tokio::task::yield_now().await;
            }
            assert_eq!(pool.submit_to(1, |cx| cx.worker()).await.expect("open").await, Ok(1));
            stop.store(true, SeqCst);
            flood.await.expect("it ends");
            assert!(pool.shutdown(SOON).await.is_clean());
        });
    });
}

#[test]
fn with_one_blocking_thread_a_pool_that_is_always_busy_does_not_starve_another() {
    without_deadlock(|| {
        one_blocking_thread().block_on(async {
            let (busy, other) = (CpuPool::builder().limit(1).capacity(64).build(), CpuPool::new(1));
            let stop = Arc::new(AtomicBool::new(false));
            let flood = {
                let (busy, stop) = (busy.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(SeqCst) {
                        busy.submit(|| ()).await.expect("open").detach();
                    }
                })
            };
            while busy.stats().queued < 32 {
                tokio::task::yield_now().await;
            }
            assert_eq!(other.submit(|| 7).await.expect("open").await, Ok(7));
            stop.store(true, SeqCst);
            flood.await.expect("it ends");
            assert!(busy.shutdown(SOON).await.is_clean());
        });
    });
}
