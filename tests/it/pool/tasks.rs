//! The pool of async jobs.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures::{Stream, StreamExt};
use regatta::pool::{CpuPool, JobError, MapError, Placement, TaskPool, as_completed};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::kit::{Drops, PanicsOnDrop, SOON, Waiting, multi_thread, poll_here, poll_once};
use crate::support::Gate;

#[tokio::test]
async fn a_job_gives_its_value() {
    let pool = TaskPool::new(1);
    assert_eq!(pool.submit(async { 7 }).await.expect("open").await, Ok(7));
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.done, flow.in_flight), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn as_many_jobs_as_the_limit_run_at_once() {
    let pool = TaskPool::new(3);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = most.clone();
    let work = move |_| {
        let (running, highest) = (running.clone(), highest.clone());
        async move {
            highest.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            sleep(Duration::from_millis(10)).await;
            running.fetch_sub(1, SeqCst);
        }
    };
    let begun = tokio::time::Instant::now();
    pool.map(0..30, work).await.expect("all run");
    assert_eq!((most.load(SeqCst), begun.elapsed()), (3, Duration::from_millis(100)));
}

#[tokio::test]
async fn no_task_is_left_when_there_is_nothing_to_do() {
    let pool = TaskPool::new(4);
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    pool.map(0..100, |n| async move { n }).await.expect("all run");
    while pool.stats().active > 0 {
        tokio::task::yield_now().await;
    }
    while metrics.num_alive_tasks() > before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_that_waits_is_dropped_when_it_is_cancelled_here_and_now() {
    let pool = TaskPool::builder().limit(1).name("c").build();
    let drops = Drops::default();
    let captured = drops.guard();
    let (started, has_started) = oneshot::channel();
    let handle = pool.submit(async move {
        let _captured = captured;
        let _ = started.send(());
        std::future::pending::<()>().await;
    });
    let handle = handle.await.expect("open");
    has_started.await.expect("it waits");
    assert!(handle.cancel());
    assert_eq!(drops.count(), 1);
    let error = handle.await.expect_err("cancelled");
    assert_eq!(error.to_string(), "job of pool `c` was cancelled");
    assert_eq!(pool.submit(async { 7 }).await.expect("open").await, Ok(7), "the worker goes on");
    assert_eq!((pool.stats().cancelled, pool.stats().flow.discarded), (1, 1));
}

#[test]
fn a_job_that_is_making_a_step_is_dropped_when_the_step_is_over() {
    let runtime = multi_thread();
    runtime.block_on(async {
        let pool = TaskPool::new(1);
        let (gate, opened) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let handle = pool.submit(async move {
            let _ = started.send(());
            let _ = opened.recv();
            std::future::pending::<()>().await;
        });
        let handle = handle.await.expect("open");
        has_started.await.expect("it makes its step");
        assert!(!handle.cancel(), "not here and now");
        drop(gate);
        assert!(handle.await.expect_err("cancelled").is_cancelled());

        // One that comes to its end in that step has a value.
        let (gate, opened) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let handle = pool.submit(async move {
            let _ = started.send(());
            let _ = opened.recv();
            7
        });
        let handle = handle.await.expect("open");
        has_started.await.expect("it makes its step");
        assert!(!handle.cancel());
        drop(gate);
        assert_eq!(handle.await, Ok(7));
    });
}

#[test]
fn a_job_that_never_yields_does_not_keep_others_from_being_cancelled() {
    let runtime = multi_thread();
    runtime.block_on(async {
        let pool = TaskPool::new(3);
        let (gate, opened) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let stubborn = pool.submit(async move {
            let _ = started.send(());
            while opened.try_recv() == Err(mpsc::TryRecvError::Empty) {
                std::hint::spin_loop();
            }
        });
        let stubborn = stubborn.await.expect("open");
        has_started.await.expect("it runs");
        let drops = Drops::default();
        let captured = drops.guard();
        let waiting = pool.submit(async move {
            let _captured = captured;
            std::future::pending::<()>().await;
        });
        let waiting = waiting.await.expect("open");
        let queued: Vec<_> = (0..10).map(|_| pool.try_submit(std::future::pending::<()>()).expect("room")).collect();
        waiting.cancel();
        assert!(waiting.await.expect_err("cancelled").is_cancelled());
        assert_eq!(drops.count(), 1);
        for handle in queued {
            handle.cancel();
            assert!(handle.await.expect_err("cancelled").is_cancelled());
        }
        let report = pool.shutdown(Duration::from_millis(20)).await;
        assert_eq!((report.aborted, report.still_running.len()), (11, 1), "{report}");
        drop(gate);
        assert_eq!(stubborn.await, Ok(()));
    });
}

#[tokio::test]
async fn dropping_the_handle_lets_a_job_that_has_begun_go_on() {
    let pool = TaskPool::new(1);
    let Waiting { gate, handle } = Waiting::submit(&pool).await;
    let queued = pool.submit(async {}).await.expect("open");
    drop(handle);
    drop(queued);
    gate.open();
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.aborted), (1, 1));
}

#[tokio::test]
async fn panics_are_values_wherever_they_come_from() {
    let pool = TaskPool::builder().limit(1).name("p").build();
    let error = pool.submit(async { panic!("out of cheese") }).await.expect("open").await.map(|(): ()| ());
    assert_eq!(error.expect_err("it panics").to_string(), "job of pool `p` panicked: out of cheese");

    let made = pool.submit_with(Placement::Injector, |_| -> std::future::Ready<()> { panic!("when made") });
    assert!(made.await.expect("open").await.expect_err("it panics").is_panicked());

    let later = pool.submit(async {
        let _captured = PanicsOnDrop;
        tokio::task::yield_now().await;
    });
    assert!(later.await.expect("open").await.expect_err("its destructor panics").is_panicked());

    let both = pool.submit(async {
        let _captured = PanicsOnDrop;
        std::future::pending::<()>().await;
    });
    let both = both.await.expect("open");
    tokio::task::yield_now().await;
    both.cancel();
    assert!(both.await.expect_err("cancelled").is_cancelled());
    assert_eq!(pool.submit(async { 7 }).await.expect("open").await, Ok(7));
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.panicked_count, report.aborted), (1, 3, 1));
}

#[tokio::test]
async fn abort_drops_queued_and_waiting_jobs_here_and_now() {
    let pool = TaskPool::new(2);
    let drops = Drops::default();
    let mut handles = Vec::new();
    for _ in 0..5 {
        let captured = drops.guard();
        let job = async move {
            let _captured = captured;
            std::future::pending::<()>().await;
        };
        handles.push(pool.submit(job).await.expect("open"));
    }
    while pool.stats().running < 2 {
        tokio::task::yield_now().await;
    }
    pool.abort();
    assert_eq!(drops.count(), 5);
    for handle in handles {
        assert!(matches!(handle.await, Err(JobError::Closed(_))));
    }
    let report = pool.aborted().await;
    assert_eq!((report.aborted, report.still_running.len()), (5, 0));
    assert_eq!(pool.stats().active, 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_what_it_can_before_the_deadline() {
    let pool = TaskPool::new(2);
    let mut handles = Vec::new();
    for n in 0..6 {
        handles.push(pool.submit(async move { sleep(Duration::from_millis(100 * n)).await }).await.expect("open"));
    }
    // Two at once: 0 and 100, 200 and 300, 400 and 500 ms.
    let begun = tokio::time::Instant::now();
    let report = pool.shutdown(Duration::from_millis(600)).await;
    assert_eq!((report.finished, report.aborted, report.still_running.len()), (4, 2, 0), "{report}");
    assert!(begun.elapsed() <= Duration::from_millis(600));
    assert!(handles.pop().expect("the last").await.expect_err("out of time").is_closed());
}

#[tokio::test]
async fn dropping_the_last_clone_aborts() {
    let pool = TaskPool::new(1);
    let Waiting { gate: _gate, handle } = Waiting::submit(&pool).await;
    let clone = pool.clone();
    drop(pool);
    assert!(!handle.is_finished());
    drop(clone);
    assert!(handle.await.expect_err("aborted").is_closed());
}

#[tokio::test]
async fn a_pool_may_be_dropped_by_its_own_job() {
    let pool = TaskPool::new(1);
    let mine = pool.clone();
    let gate = Gate::new();
    let opened = gate.clone();
    let job = pool.submit(async move {
        opened.wait().await;
        drop(mine);
        // Dropped at this await, which is the first after the abort.
        tokio::task::yield_now().await;
    });
    let job = job.await.expect("open");
    drop(pool);
    gate.open();
    assert!(job.await.expect_err("aborted").is_closed());
}

#[test]
fn when_the_runtime_is_dropped_every_handle_resolves() {
    let runtime = Builder::new_current_thread().build().expect("it starts");
    let drops = Drops::default();
    let (pool, handles) = runtime.block_on(async {
        let pool = TaskPool::new(2);
        let mut handles = Vec::new();
        for _ in 0..5 {
            let captured = drops.guard();
            let job = async move {
                let _captured = captured;
                std::future::pending::<()>().await;
            };
            handles.push(pool.submit(job).await.expect("open"));
        }
        while pool.stats().running < 2 {
            tokio::task::yield_now().await;
        }
        (pool, handles)
    });
    drop(runtime);
    assert_eq!(drops.count(), 5);
    let other = multi_thread();
    for handle in handles {
        assert!(other.block_on(handle).expect_err("its runtime is gone").is_closed());
    }
    assert!(pool.is_closed() && other.block_on(pool.submit(async {})).is_err());
    assert_eq!((pool.stats().active, pool.stats().queued, pool.stats().flow.in_flight), (0, 0, 0));
}

#[test]
fn a_job_submitted_to_a_runtime_that_is_gone_is_refused_or_resolves() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let before = {
        let _entered = handle.enter();
        TaskPool::new(1)
    };
    drop(runtime);
    assert!(before.try_submit(async {}).is_err_and(|refused| refused.is_closed()));
    let _entered = handle.enter();
    assert!(TaskPool::new(1).try_submit(async {}).is_err_and(|refused| refused.is_closed()));
}

#[test]
#[should_panic(expected = "TaskPool needs a tokio runtime: add #[tokio::main]")]
fn a_task_pool_needs_a_runtime() {
    let _ = TaskPool::new(1);
}

#[tokio::test]
async fn jobs_that_are_always_ready_let_other_tasks_run() {
    let pool = TaskPool::new(1);
    let (stop, mut stopped) = oneshot::channel();
    tokio::spawn(async move { stop.send(()) });
    while stopped.try_recv().is_err() {
        pool.submit(async {}).await.expect("open").detach();
    }
    let mut handle = pool.submit(async { 7 }).await.expect("open");
    assert!(poll_once(&mut handle).is_pending());
    assert_eq!(handle.await, Ok(7));
}

#[tokio::test]
async fn map_gives_results_in_the_order_of_the_input() {
    let pool = TaskPool::new(4);
    for len in [0, 1, 7, 500_u64] {
        let results = pool.map(0..len, |n| async move {
            for _ in 0..n % 3 {
                tokio::task::yield_now().await;
            }
            n * n
        });
        assert_eq!(results.await, Ok((0..len).map(|n| n * n).collect()));
    }
}

#[tokio::test]
async fn map_pulls_no_more_than_two_items_for_each_worker_ahead() {
    let pool = TaskPool::new(2);
    let (gate, pulled) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let count = pulled.clone();
    let items = std::iter::from_fn(move || Some(count.fetch_add(1, SeqCst))).take_while(|n| *n < 100);
    let opened = gate.clone();
    let mut map = Box::pin(pool.map(items, move |n| {
        let opened = opened.clone();
        async move {
            opened.wait().await;
            n
        }
    }));
    for _ in 0..10 {
        assert!(poll_here(&mut map).await.is_pending());
        tokio::task::yield_now().await;
    }
    // Four are out, and the fifth is in hand.
    assert_eq!(pulled.load(SeqCst), 5);
    gate.open();
    assert_eq!(map.await, Ok((0..100).collect()));
}

#[tokio::test]
async fn try_map_gives_the_error_of_the_first_failing_item_and_cancels_the_rest() {
    let pool = TaskPool::new(4);
    let (drops, gate) = (Drops::default(), Gate::new());
    let items: Vec<_> = (0..20).map(|n| (n, drops.guard())).collect();
    let opened = gate.clone();
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let result = pool.try_map(items, move |(n, _guard)| {
        let opened = opened.clone();
        count.fetch_add(1, SeqCst);
        async move {
            match n {
                // The second failure comes first in time.
                2 => {
                    opened.open();
                    Err(format!("item {n}"))
                }
                1 => {
                    opened.wait().await;
                    Err(format!("item {n}"))
                }
                0 => Ok(n),
                _ => std::future::pending().await,
            }
        }
    });
    let Err(MapError::Failed { index, error }) = result.await else { panic!("it fails") };
    assert_eq!((index, error.as_str()), (1, "item 1"));
    assert_eq!(drops.count(), 20);
    assert!(begun.load(SeqCst) <= 10);
    assert!(pool.shutdown(SOON).await.still_running.is_empty());
}

#[tokio::test]
async fn map_that_is_dropped_drops_what_it_had_begun() {
    let pool = TaskPool::new(2);
    let drops = Drops::default();
    let items: Vec<_> = (0..20).map(|_| drops.guard()).collect();
    {
        let mut map = Box::pin(pool.map(items, |guard| async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }));
        while pool.stats().running < 2 {
            assert!(poll_here(&mut map).await.is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(drops.count(), 20);
    assert_eq!(pool.submit(async { 7 }).await.expect("open").await, Ok(7));
}

#[tokio::test]
async fn map_unordered_gives_what_is_there_first_and_every_result_once() {
    let pool = TaskPool::new(2);
    let gate = Gate::new();
    let opened = gate.clone();
    let mut results = Box::pin(pool.map_unordered(0..10, move |n| {
        let opened = opened.clone();
        async move {
            match n {
                0 => opened.wait().await,
                5 => panic!("input {n}"),
                _ => {}
            }
            n
        }
    }));
    let mut seen = Vec::new();
    for _ in 0..9 {
        seen.push(results.next().await.expect("one is held up, the others are not"));
    }
    assert!(!seen.contains(&Ok(0)) && seen.iter().filter(|result| result.is_err()).count() == 1);
    gate.open();
    assert_eq!(results.next().await, Some(Ok(0)));
    assert_eq!(results.next().await, None);
}

#[tokio::test]
async fn handles_of_both_pools_are_gathered_as_they_complete() {
    let (tasks, cpu) = (TaskPool::new(2), CpuPool::new(1));
    let waiting = Waiting::submit(&tasks).await;
    let cancelled = tasks.submit(async { "never" }).await.expect("open");
    cancelled.cancel();
    let closure = cpu.submit(|| "closure").await.expect("open");
    let mut results = as_completed([waiting.handle, cancelled, closure]);
    let mut first = [results.next().await.expect("two are over"), results.next().await.expect("two are over")];
    first.sort_by_key(|(index, _)| *index);
    assert!(matches!(first[0], (1, Err(JobError::Cancelled(_)))));
    assert_eq!(first[1], (2, Ok("closure")));
    assert_eq!(results.size_hint(), (1, Some(1)));
    waiting.gate.open();
    assert_eq!(results.next().await, Some((0, Ok("held"))));
    assert_eq!(results.next().await, None);
}

#[tokio::test]
async fn dropping_the_stream_of_handles_cancels_what_is_queued() {
    let pool = TaskPool::new(1);
    let waiting = Waiting::submit(&pool).await;
    let queued: Vec<_> = (0..3).map(|_| pool.try_submit(async {}).expect("room")).collect();
    drop(as_completed(queued));
    assert_eq!(pool.stats().cancelled, 3);
    waiting.finish().await;
    assert!(as_completed(Vec::<regatta::pool::JobHandle<u8>>::new()).next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn timers_of_jobs_follow_the_paused_clock() {
    let pool = TaskPool::new(64);
    let begun = tokio::time::Instant::now();
    pool.map(0..1_000, |_| sleep(Duration::from_millis(1))).await.expect("all run");
    assert!(begun.elapsed() <= Duration::from_millis(17), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_map_begins_nothing_behind_an_item_that_panics() {
    let pool = TaskPool::new(1);
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let failed = pool.map(0..10, move |n| {
        count.fetch_add(1, SeqCst);
        async move { assert!(n != 3, "three") }
    });
    assert!(failed.await.expect_err("it fails").is_panicked());
    assert!(pool.shutdown(SOON).await.still_running.is_empty());
    assert_eq!(begun.load(SeqCst), 4);
}

#[tokio::test]
async fn a_caller_that_goes_away_begins_nothing_more_and_tells_what_runs() {
    let pool = TaskPool::new(1);
    let drops = Drops::default();
    let (started, has_started) = oneshot::channel();
    let caller = {
        let (pool, drops) = (pool.clone(), drops.clone());
        tokio::spawn(async move {
            let captured = drops.guard();
            let running = pool.submit_with(Placement::Injector, move |cx| async move {
                let _captured = captured;
                let _ = started.send(());
                while !cx.is_cancelled() {
                    tokio::task::yield_now().await;
                }
            });
            // Dropped last: before that, the worker does not come free for what is queued.
            let running = running.await.expect("open");
            let mut handles = Vec::new();
            for _ in 0..10 {
                let captured = drops.guard();
                handles.push(pool.submit(async move { drop(captured) }).await.expect("open"));
            }
            std::future::pending::<()>().await;
            drop((handles, running));
        })
    };
    has_started.await.expect("the first job runs");
    while pool.stats().queued < 10 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.aborted, drops.count()), (1, 10, 11));
}

#[test]
fn a_shutdown_with_a_cooperative_and_a_stubborn_job_is_back_by_the_deadline() {
    let runtime = multi_thread();
    runtime.block_on(async {
        let pool = TaskPool::new(2);
        let (gate, opened) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let stubborn = pool.submit(async move {
            let _ = started.send(());
            let _ = opened.recv();
        });
        let stubborn = stubborn.await.expect("open");
        has_started.await.expect("it runs");
        let cooperative = Waiting::submit(&pool).await;
        let deadline = Duration::from_millis(200);
        let report = pool.shutdown(deadline).await;
        assert!(report.elapsed < 2 * deadline, "{report}");
        assert_eq!((report.finished, report.aborted, report.still_running.len()), (0, 1, 1), "{report}");
        assert!(cooperative.handle.await.expect_err("dropped").is_closed());
        drop(gate);
        assert_eq!(stubborn.await, Ok(()));
    });
}
