//! The pool of CPU jobs. Jobs are held at gates, so nothing here depends on time.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regatta::observe::Registry;
use regatta::pool::{CpuPool, JobError, JobHandle};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::support::{waker_dropped_with, without_deadlock};

const SOON: Duration = Duration::from_secs(60);

/// How many drops there have been.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

struct Dropped(Drops);

#[derive(Debug)]
struct PanicsOnDrop;

impl Drops {
    fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

/// A job that runs until its gate is opened, or dropped.
struct Held {
    gate: mpsc::Sender<()>,
    handle: JobHandle<&'static str>,
}

impl Held {
    /// Submits the job and waits until it runs.
    async fn submit(pool: &CpuPool) -> Self {
        let (gate, opened) = mpsc::channel();
        let (started, has_started) = oneshot::channel();
        let job = move || {
            let _ = started.send(());
            let _ = opened.recv();
            "held"
        };
        let handle = pool.submit(job).await.expect("the pool is open");
        has_started.await.expect("the job runs");
        Self { gate, handle }
    }

    async fn finish(self) {
        drop(self.gate);
        assert_eq!(self.handle.await, Ok("held"));
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("the runtime starts")
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

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
    assert_eq!(refused.to_string(), "the job was not submitted: pool `small` is full: 1 of 1 taken");
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
    assert_eq!(report.still_running.iter().map(|name| &**name).collect::<Vec<_>>(), ["job of pool `stuck` at worker `stuck/0`"]);
    assert_eq!((report.finished, report.aborted), (0, 1));
    assert!(queued.await.expect_err("discarded").is_closed());
    held.finish().await;
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.still_running.len()), (1, 0), "a second look finds it gone");
}

#[test]
fn when_the_runtime_is_dropped_queued_jobs_resolve() {
    let runtime = runtime();
    let (pool, held, queued) = runtime.block_on(async {
        let pool = CpuPool::new(1);
        let held = Held::submit(&pool).await;
        let queued = pool.try_submit(|| 7).expect("there is room");
        (pool, held, queued)
    });
    let Held { gate, handle } = held;
    runtime.shutdown_background();
    // Another runtime waits: nothing of the first is needed to resolve the handles.
    let other = self::runtime();
    assert!(other.block_on(queued).expect_err("discarded").is_closed());
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
    assert!(self::runtime().block_on(queued).expect_err("discarded").is_closed());
    assert!(pool.is_closed());
}

#[test]
fn a_job_submitted_to_a_runtime_that_is_gone_is_refused_or_resolves() {
    let runtime = runtime();
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
    let (first, second) = (runtime(), runtime());
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
    let runtime = runtime();
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
    assert_eq!((pool.stats().limit, pool.stats().capacity), (131_071, 268_435_455));
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

            // The same where a wait is given up, and where one for the end is.
            let looker = pool.clone();
            let waker = waker_dropped_with(move || looker.abort());
            let mut submit = Box::pin(pool.submit(|| ()));
            assert!(submit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            drop(submit);
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
async fn map_gives_results_in_the_order_of_the_input() {
    let pool = CpuPool::new(3);
    for len in [0, 1, 7, 5_000_u64] {
        let expected: Vec<u64> = (0..len).map(|n| n * n).collect();
        assert_eq!(pool.map(0..len, |n| n * n).await, Ok(expected.clone()));
        // An iterator that does not tell its length.
        assert_eq!(pool.map((0..len).filter(|_| true), |n| n * n).await, Ok(expected));
    }
}

#[tokio::test]
async fn map_pulls_no_more_than_two_chunks_for_each_worker_ahead() {
    let pool = CpuPool::new(1);
    let held = Held::submit(&pool).await;
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = pulled.clone();
    let items = std::iter::from_fn(move || Some(count.fetch_add(1, SeqCst)));
    let mut map = pin!(pool.map(items.take_while(|n| *n < 100), |n| n));
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // Two are out, and the third is in hand.
    assert_eq!(pulled.load(SeqCst), 3);
    held.finish().await;
    assert_eq!(map.await, Ok((0..100).collect()));
}

#[tokio::test]
async fn map_gives_the_failure_that_comes_first_in_the_input() {
    let pool = CpuPool::new(2);
    // The second input fails first in time: the first waits for it.
    let barrier = Barrier::new(2);
    let (failed, has_failed) = mpsc::channel();
    let (failed, has_failed) = (std::sync::Mutex::new(failed), std::sync::Mutex::new(has_failed));
    let result = pool.map(0..2, move |n: u32| -> u32 {
        barrier.wait();
        if n == 0 {
            has_failed.lock().expect("held once").recv().expect("the other fails");
        } else {
            failed.lock().expect("held once").send(()).expect("the first waits");
        }
        panic!("input {n}")
    });
    let Err(JobError::Panicked(panicked)) = result.await else { panic!("both fail") };
    assert_eq!(&*panicked.message, "input 0");
}

#[tokio::test]
async fn map_stops_after_a_failure() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let items: Vec<_> = (0..1_000).map(|n| (n, drops.guard())).collect();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let result = pool.map(items, move |(n, _guard)| {
        count.fetch_add(1, SeqCst);
        assert!(n < 10, "input {n}");
        PanicsOnDrop
    });
    assert!(result.await.expect_err("it fails").is_panicked());
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 1);
    assert_eq!(seen.load(SeqCst), 11, "no item after the failed one was worked on");
    assert_eq!(drops.count(), 1_000);
}

#[tokio::test]
async fn map_that_is_dropped_midway_stops_within_one_item() {
    let pool = CpuPool::new(1);
    let drops = Drops::default();
    let items: Vec<_> = (0..80).map(|_| drops.guard()).collect();
    let (begun, begins) = mpsc::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let (begun, opened) = (std::sync::Mutex::new(begun), std::sync::Mutex::new(opened));
    let map = pool.map(items, move |_guard| {
        let _ = begun.lock().expect("held by one").send(());
        let _ = opened.lock().expect("held by one").recv();
    });
    {
        let mut map = pin!(map);
        assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        begins.recv().expect("the first item is being worked on");
    }
    drop(gate);
    let report = pool.shutdown(SOON).await;
    assert_eq!(begins.try_iter().count(), 0, "no second item was begun");
    assert_eq!((report.finished, report.aborted, drops.count()), (1, 1, 80));
}

#[tokio::test]
async fn map_survives_items_and_results_whose_destructors_panic() {
    let pool = CpuPool::new(1);
    // 80 items are chunks of ten. The first chunk fails: the rest of it, and what is queued, is dropped unrun.
    let items = (0..80).map(|n| (n, PanicsOnDrop));
    let failed = pool.map(items, |(n, item)| {
        if n == 5 {
            std::mem::forget(item);
            panic!("input {n}");
        }
        item
    });
    assert!(failed.await.expect_err("it fails").is_panicked());

    // A future that is dropped with results that nobody has read, and chunks that nobody will work on.
    let held = Held::submit(&pool).await;
    let mut map = Box::pin(pool.map((0..80).map(|_| PanicsOnDrop), |item| item));
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    held.finish().await;
    while pool.stats().flow.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert!(map.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(map);
    let report = pool.shutdown(SOON).await;
    assert_eq!(report.panicked_count, 1, "{report}");
}

#[tokio::test]
async fn map_on_a_closed_pool_says_so() {
    let pool = CpuPool::new(1);
    pool.close();
    assert!(pool.map([1], |n| n).await.expect_err("closed").is_closed());
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

#[tokio::test(start_paused = true)]
async fn a_pool_that_has_nothing_to_do_does_not_hold_up_a_paused_clock() {
    let pool = CpuPool::new(1);
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
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

#[tokio::test]
async fn a_pool_is_seen_in_snapshots_while_it_lives() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::builder().limit(2).capacity(8).name("seen").build());
    let held = Held::submit(&pool).await;
    let snapshot = registry.snapshot();
    let row = snapshot.named("seen").expect("it lives");
    assert_eq!((row.kind, row.state), ("pool", "open"));
    assert_eq!((row.flow.accepted, row.flow.in_flight), (1, 1));
    let gauges: Vec<String> = row.gauges.iter().map(ToString::to_string).collect();
    assert_eq!(gauges, ["queued 0/8", "active 1/2"]);
    drop(pool);
    assert!(registry.snapshot().rows.is_empty());
    held.finish().await;
}

#[tokio::test]
async fn a_pool_without_a_name_is_numbered() {
    let registry = Registry::new();
    let pool = registry.enter(|| CpuPool::new(1));
    assert_eq!(pool.name(), "pool#1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_stress_every_accepted_job_is_in_exactly_one_place() {
    let pool = CpuPool::builder().limit(3).capacity(8).build();
    // What the jobs themselves, and those who submit them, know.
    let (begun, panicked, gone) = (Drops::default(), Drops::default(), Drops::default());
    let submitters: Vec<_> = (0..6_u64)
        .map(|id| {
            let (pool, begun, panicked, gone) = (pool.clone(), begun.clone(), panicked.clone(), gone.clone());
            tokio::spawn(async move {
                let (mut accepted, mut refused) = (0_u64, 0_usize);
                for n in 0..500 {
                    let (begun, panicked, captured) = (begun.clone(), panicked.clone(), gone.guard());
                    let job = move || {
                        let _captured = captured;
                        drop(begun.guard());
                        if (n + id) % 7 == 0 {
                            drop(panicked.guard());
                            panic!("the seventh");
                        }
                    };
                    let handle = match (n + id) % 5 {
                        2 => pool.try_submit(job).ok(),
                        _ => Some(pool.submit(job).await.expect("open")),
                    };
                    match handle {
                        Some(handle) => {
                            accepted += 1;
                            match (n + id) % 5 {
                                0 | 2 => drop(handle),
                                1 => handle.detach(),
                                _ => drop(handle.await),
                            }
                        }
                        None => refused += 1,
                    }
                    let flow = pool.stats().flow;
                    assert!(flow.in_flight <= 6 * 500 && flow.accepted >= accepted, "{flow}");
                }
                (accepted, refused)
            })
        })
        .collect();
    let (mut accepted, mut refused) = (0, 0);
    for submitter in submitters {
        let counted = submitter.await.expect("the submitter ends");
        (accepted, refused) = (accepted + counted.0, refused + counted.1);
    }
    let report = pool.shutdown(SOON).await;
    let (begun, panicked) = (begun.count() as u64, panicked.count() as u64);
    let expected = (begun - panicked, panicked, accepted - begun);
    assert_eq!((report.finished, report.panicked_count, report.aborted), expected);
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    assert_eq!((stats.flow.done, stats.flow.failed, stats.flow.discarded), expected);
    assert_eq!(stats.flow.accepted, accepted);
    assert_eq!(gone.count(), 6 * 500, "every closure is gone, also the {refused} that were refused");
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
