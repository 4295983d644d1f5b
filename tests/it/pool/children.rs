//! What a job is given, and jobs that jobs spawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

use regatta::observe::Registry;
use regatta::pool::{CpuContext, CpuPool, Placement, TaskContext, TaskPool};
use regatta::queue;
use tokio::sync::oneshot;

use super::kit::{SOON, Waiting};

#[tokio::test]
async fn a_job_knows_its_number_and_its_worker() {
    let pool = CpuPool::builder().limit(2).name("known").name(|i| format!("Worker-{i}")).build();
    let job = pool.submit_to(1, |cx| (cx.id(), cx.worker(), cx.worker_name().to_owned())).await.expect("open");
    let id = job.id();
    assert_eq!(job.await, Ok((id, 1, "Worker-1".to_owned())));

    let tasks = TaskPool::builder().limit(2).name("plain").build();
    let job = tasks.submit_to(1, |cx| async move { (cx.id(), cx.worker_name().to_owned()) }).await.expect("open");
    let id = job.id();
    assert_eq!(job.await, Ok((id, "plain/1".to_owned())));
}

/// Runs until it is told to stop; gives how often it has looked, once it has been told.
fn looks(started: mpsc::Sender<()>) -> impl FnOnce(CpuContext) -> usize {
    move |cx| {
        started.send(()).expect("the test waits");
        let mut looks = 1;
        while !cx.is_cancelled() {
            looks += 1;
            std::thread::yield_now();
        }
        looks
    }
}

#[tokio::test]
async fn a_running_closure_sees_that_it_is_cancelled_and_its_value_arrives() {
    let pool = CpuPool::new(1);
    let (started, has_started) = mpsc::channel();
    let handle = pool.submit_with(Placement::Injector, looks(started)).await.expect("open");
    has_started.recv().expect("it runs");
    assert!(!handle.cancel(), "it was not stopped, but asked to");
    assert!(handle.await.expect("it ends by itself") > 0);
}

#[tokio::test]
async fn a_running_closure_sees_that_its_handle_is_gone() {
    let pool = CpuPool::new(1);
    let (started, has_started) = mpsc::channel();
    let handle = pool.submit_with(Placement::Injector, looks(started)).await.expect("open");
    has_started.recv().expect("it runs");
    drop(handle);
    assert_eq!(pool.shutdown(SOON).await.finished, 1);
}

#[tokio::test]
async fn a_running_closure_sees_that_its_pool_is_aborted() {
    let pool = CpuPool::new(1);
    let (started, has_started) = mpsc::channel();
    let handle = pool.submit_with(Placement::Injector, looks(started)).await.expect("open");
    has_started.recv().expect("it runs");
    pool.abort();
    assert!(handle.await.is_ok());
}

#[tokio::test]
async fn a_detached_closure_is_not_told_to_stop() {
    let pool = CpuPool::new(1);
    let (answer, answered) = oneshot::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let job = move |cx: CpuContext| {
        let _ = opened.recv();
        let _ = answer.send(cx.is_cancelled());
    };
    pool.submit_with(Placement::Injector, job).await.expect("open").detach();
    drop(gate);
    assert_eq!(answered.await, Ok(false));
}

#[tokio::test]
async fn an_async_job_sees_that_its_handle_is_gone_and_goes_on() {
    let pool = TaskPool::new(1);
    let (gate, opened) = oneshot::channel::<()>();
    let (answer, answered) = oneshot::channel();
    let (started, has_started) = oneshot::channel();
    let job = move |cx: TaskContext| async move {
        let _ = started.send(());
        let _ = opened.await;
        let _ = answer.send(cx.is_cancelled());
    };
    let handle = pool.submit_with(Placement::Injector, job).await.expect("open");
    has_started.await.expect("it runs");
    drop(handle);
    let _ = gate.send(());
    assert_eq!(answered.await, Ok(true));
}

#[tokio::test]
async fn an_async_job_is_dropped_with_its_handle_if_that_was_asked_for() {
    let pool = TaskPool::new(1);
    let Waiting { gate: _gate, handle } = Waiting::submit(&pool).await;
    drop(handle.cancel_on_drop());
    assert_eq!(pool.submit(async { 7 }).await.expect("open").await, Ok(7), "the worker is free");
    assert_eq!(pool.stats().cancelled, 1);
}

/// Adds up a range by halves; each half may be taken by another worker.
fn sum(cx: &CpuContext, from: u64, to: u64) -> u64 {
    if to - from <= 8 {
        return (from..to).sum();
    }
    let middle = from + (to - from) / 2;
    match cx.spawn(move |cx| sum(&cx, middle, to)) {
        Ok(right) => sum(cx, from, middle) + right.wait_blocking().expect("sums do not panic"),
        Err(_) => sum(cx, from, middle) + sum(cx, middle, to),
    }
}

#[tokio::test]
async fn children_spawn_children_and_are_waited_for() {
    for (limit, capacity) in [(1, 1_024), (3, 1_024), (2, 1)] {
        let pool = CpuPool::builder().limit(limit).capacity(capacity).build();
        let total = pool.submit_with(Placement::Injector, |cx| sum(&cx, 0, 10_000)).await.expect("open");
        assert_eq!(total.await, Ok(49_995_000), "{limit} workers, {capacity} places");
    }
}

#[tokio::test]
async fn async_children_are_awaited() {
    fn sum(cx: TaskContext, from: u64, to: u64) -> futures::future::BoxFuture<'static, u64> {
        Box::pin(async move {
            if to - from <= 8 {
                return (from..to).sum();
            }
            let middle = from + (to - from) / 2;
            let right = cx.spawn(move |cx| sum(cx, middle, to)).expect("there is room");
            let left = cx.spawn(move |cx| sum(cx, from, middle)).expect("there is room");
            left.await.expect("no panic") + right.await.expect("no panic")
        })
    }
    for limit in [1, 3] {
        let pool = TaskPool::new(limit);
        let total = pool.submit_with(Placement::Injector, |cx| sum(cx, 0, 1_000)).await.expect("open");
        assert_eq!(total.await, Ok(499_500), "{limit} workers");
        let flow = pool.stats().flow;
        assert_eq!((flow.accepted, flow.done), (255, 255));
    }
}

#[tokio::test]
async fn a_child_without_room_is_handed_back() {
    let pool = CpuPool::builder().limit(1).capacity(1).build();
    let job = pool.submit_with(Placement::Injector, |cx| {
        let queued = cx.spawn(|_| 1).expect("one place");
        let refused = cx.spawn(|_| 2).expect_err("no second");
        let is_full = refused.is_full();
        (refused.into_inner()(cx), is_full, queued.wait_blocking())
    });
    assert_eq!(job.await.expect("open").await, Ok((2, true, Ok(1))));
}

#[tokio::test]
async fn a_child_does_not_queue_up_behind_those_who_wait_for_its_parent() {
    let pool = CpuPool::builder().limit(1).capacity(2).build();
    let (gate, opened) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let parent = pool.submit_with(Placement::Injector, move |cx| {
        let _ = started.send(());
        let _ = opened.recv();
        cx.spawn(|_| 7).expect("a place is free").wait_blocking()
    });
    let parent = parent.await.expect("open");
    has_started.await.expect("it runs");
    let first = pool.try_submit(|| ()).expect("one place");
    let second = pool.try_submit(|| ()).expect("another");
    let mut waiting = tokio_test::task::spawn(pool.submit(|| ()));
    assert!(waiting.poll().is_pending());
    // A place comes free, and is meant for the one who waits: the tombstone is gone when the worker passes.
    first.cancel();
    second.cancel();
    drop(gate);
    // Both places are taken by cancelled jobs until the worker comes by, so this child finds none, or one.
    assert!(parent.await.is_ok() || pool.stats().flow.failed == 1);
    waiting.await.expect("open").await.expect("it runs");
}

#[tokio::test]
async fn a_child_of_a_closed_pool_is_handed_back() {
    let pool = CpuPool::new(1);
    let (gate, opened) = mpsc::channel::<()>();
    let parent = pool.submit_with(Placement::Injector, move |cx| {
        let _ = opened.recv();
        cx.spawn(|_| ()).expect_err("closed").is_closed()
    });
    let parent = parent.await.expect("open");
    pool.close();
    drop(gate);
    assert_eq!(parent.await, Ok(true));
}

#[tokio::test]
async fn a_panic_of_a_child_is_its_own() {
    let pool = CpuPool::new(1);
    let parent = pool.submit_with(Placement::Injector, |cx| {
        let child = cx.spawn(|_| panic!("out of cheese")).expect("there is room");
        child.wait_blocking().map(|()| unreachable!("it panics")).is_err_and(|error| error.is_panicked())
    });
    assert_eq!(parent.await.expect("open").await, Ok(true));
    let flow = pool.stats().flow;
    assert_eq!((flow.done, flow.failed), (1, 1));
}

#[tokio::test]
async fn jobs_and_their_children_are_in_the_scope_they_were_made_in() {
    let mine = Registry::new();
    let (pool, tasks) = (CpuPool::new(1), TaskPool::new(1));
    let made = Arc::new(AtomicUsize::new(0));
    mine.scope(async {
        let enter = |made: &Arc<AtomicUsize>| {
            let (ends, made) = (queue::bounded::<u8>(1), made.clone());
            made.fetch_add(1, SeqCst);
            ends
        };
        let count = made.clone();
        let child = pool.submit_with(Placement::Injector, move |cx| {
            let mine = enter(&count);
            (mine, cx.spawn(move |_| enter(&count)).expect("room").wait_blocking().expect("it runs"))
        });
        let kept = child.await.expect("open").await.expect("it runs");
        let count = made.clone();
        let task = tasks.submit_with(Placement::Injector, move |cx| async move {
            let mine = enter(&count);
            (mine, cx.spawn(move |_| async move { enter(&count) }).expect("room").await.expect("it runs"))
        });
        let kept = (kept, task.await.expect("open").await.expect("it runs"));
        assert_eq!((mine.snapshot().of_kind("queue").count(), made.load(SeqCst)), (4, 4));
        drop(kept);
    })
    .await;
}
