//! The ways a pool stops.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use regatta::pool::{CpuPool, JobError, Placement, TaskPool};

use super::kit::{Drops, Held, PanicsOnDrop, SOON, poll_here};

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
    assert_eq!(error.to_string(), "the job was stopped: pool `gone` is closed: its last clone was dropped");
    held.finish().await;
}

#[tokio::test]
async fn a_job_that_was_discarded_says_why_the_pool_was_stopped() {
    let pool = CpuPool::builder().limit(1).name("cpu").build();
    let held = Held::submit(&pool).await;
    let queued = pool.try_submit(|| ()).expect("there is room");
    pool.abort();
    let error = queued.await.expect_err("discarded");
    assert_eq!(error.to_string(), "the job was stopped: pool `cpu` is closed: it was aborted");
    let JobError::Closed(closed) = error else { panic!("{error}") };
    assert_eq!((&*closed.place, closed.cause.as_deref()), ("pool `cpu`", Some("it was aborted")));
    held.finish().await;
    let refused = pool.try_submit(|| ()).expect_err("closed");
    assert_eq!(refused.to_string(), "the job was not submitted: pool `cpu` is closed: it was aborted");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_shutdown_had_no_time_for_says_so() {
    let pool = TaskPool::builder().limit(1).name("tasks").build();
    let running = pool.submit(std::future::pending::<()>()).await.expect("open");
    let queued = pool.submit(async {}).await.expect("open");
    let report = pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.to_string(), "tasks: 0 finished, 2 aborted, 0 panicked, none still running, stopped in 9.0s");
    for handle in [running, queued] {
        assert_eq!(
            handle.await.expect_err("discarded").to_string(),
            "the job was stopped: pool `tasks` is closed: its shutdown ran out of time (10s)"
        );
    }
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

#[tokio::test]
async fn destructors_that_panic_in_an_abort_hold_nothing_up() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let submit = |_| {
        let captured = PanicsOnDrop;
        pool.try_submit(move || drop(captured)).expect("there is room")
    };
    let queued: Vec<_> = (0..3).map(submit).collect();
    let report = pool.aborted().await;
    assert_eq!((report.aborted, report.panicked_count, report.still_running.len()), (3, 0, 1));
    for handle in queued {
        assert!(handle.await.expect_err("discarded").is_closed());
    }
    held.finish().await;
    assert!(pool.shutdown(SOON).await.still_running.is_empty());
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

#[tokio::test]
async fn at_the_deadline_a_cooperative_job_has_ended_and_a_stubborn_one_is_named() {
    let pool = CpuPool::builder().limit(2).name("both").build();
    let (started, has_started) = mpsc::channel();
    let (stubborn_started, stubborn) = (started.clone(), Arc::new(AtomicBool::new(true)));
    let cooperative = pool.submit_to(0, move |cx| {
        started.send(()).expect("the test waits");
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        "told"
    });
    let cooperative = cooperative.await.expect("open");
    let goes_on = stubborn.clone();
    let endless = pool.submit_to(1, move |_| {
        stubborn_started.send(()).expect("the test waits");
        while goes_on.load(SeqCst) {
            std::thread::yield_now();
        }
        "stopped"
    });
    let endless = endless.await.expect("open");
    let queued = pool.submit(|| ()).await.expect("open");
    has_started.recv().and_then(|()| has_started.recv()).expect("both run");

    let (deadline, begun) = (Duration::from_millis(500), Instant::now());
    let report = pool.shutdown(deadline).await;
    // By the clock that the deadline is of: what comes on top is the scheduling of this thread.
    assert!(report.elapsed >= deadline && begun.elapsed() < deadline + SOON, "{report}");
    assert_eq!((report.finished, report.aborted, report.panicked_count), (1, 1, 0));
    let named: Vec<&str> = report.still_running.iter().map(|name| &**name).collect();
    assert_eq!(named, ["job of pool `both` at worker `both/1`"]);
    assert_eq!(cooperative.await, Ok("told"));
    assert!(queued.await.expect_err("discarded").is_closed());
    stubborn.store(false, SeqCst);
    assert_eq!(endless.await, Ok("stopped"));
    assert_eq!(pool.shutdown(SOON).await.finished, 2, "a second look finds it gone");
}

#[tokio::test]
async fn a_shutdown_ends_as_soon_as_the_last_job_does() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let mut shutdown = Box::pin(pool.shutdown(SOON));
    assert!(poll_here(&mut shutdown).await.is_pending());
    held.finish().await;
    assert!(shutdown.await.is_clean());
}

#[tokio::test]
async fn a_shutdown_that_is_given_up_leaves_the_pool_closed_and_its_jobs_running() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let queued = pool.submit(|| 7).await.expect("open");
    let mut shutdown = Box::pin(pool.shutdown(SOON));
    assert!(poll_here(&mut shutdown).await.is_pending());
    drop(shutdown);
    assert!(pool.is_closed());
    held.finish().await;
    assert_eq!(queued.await, Ok(7));
    assert!(pool.shutdown(Duration::ZERO).await.still_running.is_empty());
}

#[tokio::test]
async fn a_caller_that_goes_away_begins_nothing_more_and_tells_what_runs() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let (started, has_started) = mpsc::channel();
    let caller = {
        let (pool, drops) = (pool.clone(), drops.clone());
        tokio::spawn(async move {
            let captured = drops.guard();
            let running = pool.submit_with(Placement::Injector, move |cx| {
                let _captured = captured;
                started.send(()).expect("the test waits");
                while !cx.is_cancelled() {
                    std::thread::yield_now();
                }
            });
            // Dropped last: before that, the worker does not come free for what is queued.
            let running = running.await.expect("open");
            let mut handles = Vec::new();
            for _ in 0..10 {
                let captured = drops.guard();
                handles.push(pool.submit(move || drop(captured)).await.expect("open"));
            }
            std::future::pending::<()>().await;
            drop((handles, running));
        })
    };
    while pool.stats().queued < 10 {
        tokio::task::yield_now().await;
    }
    has_started.recv().expect("the first job runs");
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.aborted, drops.count()), (1, 10, 11));
}

/// Destructors of what is queued take longer than there is time: the report does not wait for the last of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_keeps_its_deadline_where_queued_jobs_are_slow_to_drop() {
    /// The first takes all the time that there is, the others wait for the gate.
    struct Slow(Arc<(AtomicBool, Mutex<mpsc::Receiver<()>>)>, Drops);
    impl Drop for Slow {
        fn drop(&mut self) {
            let is_first = !self.0.0.swap(true, SeqCst);
            let limit = if is_first { Duration::from_millis(120) } else { SOON };
            let _ = self.0.1.lock().expect("nobody panics").recv_timeout(limit);
            drop(self.1.guard());
        }
    }
    let pool = CpuPool::new(1);
    let (held, drops) = (Held::submit(&pool).await, Drops::default());
    let (sender, opened) = mpsc::channel::<()>();
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(opened)));
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let slow = Slow(shared.clone(), drops.clone());
            pool.try_submit(move || drop(slow)).expect("there is room")
        })
        .collect();
    // Dropped before what waits for it, also where this test fails.
    let gate = sender;
    let report = pool.shutdown(Duration::from_millis(100)).await;
    // On a busy machine there may be no time left for even one.
    assert!(report.aborted <= 1, "{report}");
    assert_eq!(report.aborted + report.still_running.len() as u64, 11, "{report}");
    // The rest is dropped all the same, and every handle resolves.
    drop(gate);
    for handle in queued {
        assert!(handle.await.expect_err("discarded").is_closed());
    }
    assert_eq!(drops.count(), 10);
    held.finish().await;
}

/// It waits for all jobs, and so for the one that it is called in.
#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_awaited_in_an_async_job_of_the_pool_ends_with_that_job() {
    let pool = TaskPool::builder().limit(1).name("own").build();
    let inside = pool.clone();
    let job = pool.submit(async move { inside.shutdown(Duration::from_secs(10)).await }).await.expect("open");
    let begun = tokio::time::Instant::now();
    let error = job.await.expect_err("it is dropped with the shutdown that it awaits");
    assert_eq!(error.to_string(), "the job was stopped: pool `own` is closed: its shutdown ran out of time (10s)");
    assert_eq!(begun.elapsed(), Duration::from_secs(9));
}

#[tokio::test]
async fn a_shutdown_that_a_closure_of_the_pool_waits_for_reports_that_closure() {
    let pool = CpuPool::builder().limit(1).name("own").build();
    let (inside, runtime) = (pool.clone(), tokio::runtime::Handle::current());
    let job = pool.submit(move || runtime.block_on(inside.shutdown(Duration::from_millis(20)))).await.expect("open");
    let report = job.await.expect("a closure cannot be stopped");
    assert_eq!(report.still_running, [Arc::from("job of pool `own` at worker `own/0`")]);
    // From elsewhere it is found to have ended.
    assert_eq!(pool.shutdown(SOON).await.finished, 1);
}
