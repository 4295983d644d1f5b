//! Handles of jobs: values, panics, cancelling, dropping.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use regatta::pool::CpuPool;
use tokio::sync::oneshot;

use super::kit::{Drops, Held, PanicsOnDrop, SOON, multi_thread};

#[tokio::test]
async fn cancelling_a_queued_job_drops_its_closure_at_once() {
    let pool = CpuPool::builder().limit(1).name("c").build();
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let captured = drops.guard();
    let queued = pool.try_submit(move || drop(captured)).expect("there is room");
    assert!(queued.cancel());
    assert_eq!(drops.count(), 1);
    assert!(!queued.cancel(), "there is nothing left to cancel");
    let error = queued.await.expect_err("cancelled");
    assert!(error.is_cancelled());
    assert_eq!(error.to_string(), "job of pool `c` was cancelled");
    assert_eq!(pool.stats().flow.discarded, 1);
    held.finish().await;
    let _ = pool.shutdown(SOON).await;
    assert_eq!(pool.stats().queued, 0, "the place of the cancelled job is free again");
}

#[tokio::test]
async fn cancelling_a_running_job_lets_it_finish() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    assert!(!held.handle.cancel());
    held.finish().await;
}

#[tokio::test]
async fn dropping_the_handle_of_a_queued_job_cancels_it() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let drops = Drops::default();
    let captured = drops.guard();
    drop(pool.try_submit(move || drop(captured)).expect("there is room"));
    assert_eq!(drops.count(), 1);
    held.finish().await;
    assert_eq!(pool.stats().flow.discarded, 1);
}

#[tokio::test]
async fn dropping_the_handle_of_a_running_job_lets_it_finish_and_drops_its_value() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let value = drops.guard();
    let (started, has_started) = oneshot::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let job = move || {
        let _ = started.send(());
        let _ = opened.recv();
        value
    };
    let handle = pool.submit(job).await.expect("open");
    has_started.await.expect("the job runs");
    drop(handle);
    assert_eq!(drops.count(), 0);
    drop(gate);
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, drops.count()), (1, 1));
}

#[tokio::test]
async fn a_detached_job_runs() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let (ran, has_run) = oneshot::channel();
    pool.try_submit(move || ran.send(7)).expect("there is room").detach();
    held.finish().await;
    assert_eq!(has_run.await, Ok(7));
}

#[tokio::test]
async fn a_result_that_is_never_read_is_dropped_with_its_handle() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let value = drops.guard();
    let handle = pool.submit(move || value).await.expect("open");
    let _ = pool.shutdown(SOON).await;
    assert!(handle.is_finished());
    assert_eq!(drops.count(), 0);
    drop(handle);
    assert_eq!(drops.count(), 1);
}

#[tokio::test]
async fn a_panic_is_a_value_and_the_worker_goes_on() {
    let pool = CpuPool::builder().limit(1).name("p").build();
    let held = Held::submit(&pool).await;
    let broken = pool.try_submit(|| -> u32 { panic!("out of cheese") }).expect("there is room");
    let next = pool.try_submit(|| 7).expect("there is room");
    held.finish().await;
    let error = broken.await.expect_err("it panicked");
    assert_eq!(error.to_string(), "job of pool `p` panicked: out of cheese");
    assert_eq!(next.await, Ok(7));
    let flow = pool.stats().flow;
    assert_eq!((flow.done, flow.failed), (2, 1));
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 1);
    assert_eq!(&*report.panicked[0].message, "out of cheese");
}

#[tokio::test]
async fn a_panic_in_a_captured_destructor_is_a_value() {
    let pool = CpuPool::new(1);
    let captured = PanicsOnDrop;
    let run = move || {
        let _captured = &captured;
    };
    let error = pool.submit(run).await.expect("open").await.expect_err("it panicked");
    assert!(error.is_panicked(), "{error}");
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
}

#[tokio::test]
async fn a_destructor_that_panics_while_a_job_is_cancelled_harms_nobody() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let captured = PanicsOnDrop;
    let queued = pool.try_submit(move || drop(captured)).expect("there is room");
    assert!(queued.cancel());
    assert!(queued.await.expect_err("cancelled").is_cancelled());
    // And a value that nobody reads.
    pool.try_submit(|| PanicsOnDrop).expect("there is room").detach();
    held.finish().await;
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.aborted, report.panicked_count), (2, 1, 0));
}

#[test]
fn an_id_that_is_asked_for_too_late_is_refused_at_the_line_of_the_caller() {
    let runtime = multi_thread();
    let _entered = runtime.enter();
    let mut handle = CpuPool::new(1).try_submit(|| 7).expect("there is room");
    let _ = runtime.block_on(&mut handle);
    let line = Arc::new(AtomicU32::new(0));
    let (seen, others) = (line.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        if info.to_string().contains("`id` was asked of a job handle") {
            seen.store(info.location().map_or(0, |at| at.line()), SeqCst);
        }
        others(info);
    }));
    let (expected, refused) = (line!(), catch_unwind(AssertUnwindSafe(|| handle.id())));
    assert!(refused.is_err());
    assert_eq!(line.load(SeqCst), expected);
}

#[tokio::test]
#[should_panic(expected = "a job handle was polled after it had given its value: await it once, or `fuse` it")]
async fn a_handle_that_is_awaited_twice_says_so() {
    let mut handle = CpuPool::new(1).submit(|| 7).await.expect("open");
    let _ = (&mut handle).await;
    let _ = (&mut handle).await;
}

#[tokio::test]
#[should_panic(expected = "a submit future was polled after its end: await it once, or `fuse` it")]
async fn a_submit_that_is_awaited_twice_says_so() {
    let pool = CpuPool::new(1);
    let mut submit = pool.submit(|| 7);
    (&mut submit).await.expect("open").detach();
    let _ = (&mut submit).await;
}

#[tokio::test]
async fn what_a_job_captured_is_dropped_before_its_handle_resolves() {
    let pool = CpuPool::new(1);
    for _ in 0..100 {
        let shared = Arc::new(());
        let captured = shared.clone();
        let mut handle = pool.submit(move || drop(captured)).await.expect("open");
        (&mut handle).await.expect("it runs");
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
