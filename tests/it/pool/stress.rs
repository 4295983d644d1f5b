//! Many at once: every job is in exactly one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use regatta::policy::Priority;
use regatta::pool::{CpuPool, JobOptions, Placement, TaskPool};

use super::kit::{Drops, Held, SOON, Waiting, multi_thread};
use crate::support::without_deadlock;

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

/// A payload whose destructor panics, too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped badly");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_in_a_hundred_panics_and_every_handle_resolves() {
    const JOBS: usize = 100_000;
    // Unwinding by hand: two thousand messages on stderr would be read by nobody.
    let pool = CpuPool::builder().limit(2).capacity(JOBS).build();
    let tasks = TaskPool::builder().limit(2).capacity(JOBS).build();
    let (mut handles, mut futures) = (Vec::new(), Vec::new());
    for n in 0..JOBS {
        let job = move || match n % 200 {
            0 => std::panic::resume_unwind(Box::new("out of cheese")),
            100 => std::panic::resume_unwind(Box::new(Bomb)),
            _ => n,
        };
        handles.push(pool.submit(job).await.expect("open"));
        futures.push(tasks.submit(async move { job() }).await.expect("open"));
    }
    for handles in [handles, futures] {
        for (n, handle) in handles.into_iter().enumerate() {
            match handle.await {
                Ok(value) => assert_eq!(value, n),
                Err(error) => assert!(error.is_panicked() && n % 100 == 0, "{n}: {error}"),
            }
        }
    }
    for stats in [pool.stats(), tasks.stats()] {
        assert_eq!((stats.flow.done, stats.flow.failed), (99_000, 1_000));
        assert_eq!((stats.limit, stats.flow.in_flight), (2, 0));
    }
    // As many run at once as before.
    let held = [Held::submit(&pool).await, Held::submit(&pool).await];
    assert_eq!(pool.stats().running, 2);
    for held in held {
        held.finish().await;
    }
    let waiting = [Waiting::submit(&tasks).await, Waiting::submit(&tasks).await];
    assert_eq!(tasks.stats().running, 2);
    for waiting in waiting {
        waiting.finish().await;
    }
    assert_eq!(pool.shutdown(SOON).await.panicked_count, 1_000);
    assert_eq!(tasks.shutdown(SOON).await.panicked_count, 1_000);
}

/// Which of a million jobs have run, each by a bit that was set once.
struct Seen(Vec<AtomicU64>);

impl Seen {
    fn new(jobs: usize) -> Arc<Self> {
        Arc::new(Self((0..jobs.div_ceil(64)).map(|_| AtomicU64::new(0)).collect()))
    }

    fn mark(&self, job: usize) {
        let bit = 1 << (job % 64);
        assert_eq!(self.0[job / 64].fetch_or(bit, SeqCst) & bit, 0, "job {job} has run twice");
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.load(SeqCst).count_ones() as usize).sum()
    }
}

fn options(job: usize) -> JobOptions {
    let placement = match job % 7 {
        0 => Placement::Random,
        1 => Placement::RoundRobin,
        2 | 4 => Placement::Worker(job % 8),
        3 => Placement::Prefer(job % 8),
        _ => Placement::Injector,
    };
    JobOptions::new().placement(placement).priority(Priority::ALL[job / 7 % 3])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_jobs_run_exactly_once_while_the_pool_is_resized() {
    const JOBS: usize = 1_000_000;
    let (pool, seen) = (CpuPool::builder().limit(1).capacity(4_096).build(), Seen::new(JOBS));
    let submitters: Vec<_> = (0..4)
        .map(|id| {
            let (pool, seen) = (pool.clone(), seen.clone());
            tokio::spawn(async move {
                for job in (id..JOBS).step_by(4) {
                    let seen = seen.clone();
                    let submitted = match pool.submit_with(options(job), move |_| seen.mark(job)).await {
                        Err(refused) if refused.is_no_worker() => {
                            pool.submit_with(Placement::Injector, refused.into_inner()).await
                        }
                        submitted => submitted,
                    };
                    submitted.expect("open").detach();
                }
            })
        })
        .collect();
    let are_over = || submitters.iter().all(|submitter| submitter.is_finished());
    for limit in [8, 2, 1].iter().cycle() {
        pool.resize(*limit);
        let before = pool.stats().flow.accepted;
        while pool.stats().flow.accepted < before + 20_000 && !are_over() {
            tokio::task::yield_now().await;
        }
        if are_over() {
            break;
        }
    }
    for submitter in submitters {
        submitter.await.expect("nothing is refused");
    }
    let report = pool.shutdown(SOON).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((seen.count(), report.finished), (JOBS, JOBS as u64));
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_jobs_run_exactly_once_while_the_pool_is_resized() {
    const JOBS: usize = 1_000_000;
    let (pool, seen) = (TaskPool::builder().limit(1).capacity(1_024).build(), Seen::new(JOBS));
    let submitters: Vec<_> = (0..4)
        .map(|id| {
            let (pool, seen) = (pool.clone(), seen.clone());
            tokio::spawn(async move {
                for job in (id..JOBS).step_by(4) {
                    let seen = seen.clone();
                    let work = move |_| async move {
                        if job % 3 == 0 {
                            tokio::task::yield_now().await;
                        }
                        seen.mark(job);
                    };
                    let submitted = match pool.submit_with(options(job), work).await {
                        Err(refused) if refused.is_no_worker() => {
                            pool.submit_with(Placement::Injector, refused.into_inner()).await
                        }
                        submitted => submitted,
                    };
                    submitted.expect("open").detach();
                }
            })
        })
        .collect();
    let are_over = || submitters.iter().all(|submitter| submitter.is_finished());
    for limit in [8, 2, 1].iter().cycle() {
        pool.resize(*limit);
        let before = pool.stats().flow.accepted;
        while pool.stats().flow.accepted < before + 20_000 && !are_over() {
            tokio::task::yield_now().await;
        }
        if are_over() {
            break;
        }
    }
    for submitter in submitters {
        submitter.await.expect("nothing is refused");
    }
    let report = pool.shutdown(SOON).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((seen.count(), report.finished), (JOBS, JOBS as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_jobs_that_are_cancelled_dropped_and_awaited_at_random_end_once() {
    let pool = TaskPool::builder().limit(8).capacity(16).build();
    let gone = Drops::default();
    let submitters: Vec<_> = (0..4_u64)
        .map(|id| {
            let (pool, gone) = (pool.clone(), gone.clone());
            tokio::spawn(async move {
                let (mut values, mut cancelled) = (0_u64, 0_u64);
                for n in 0..2_000_u64 {
                    let captured = gone.guard();
                    let job = async move {
                        let _captured = captured;
                        for _ in 0..n % 4 {
                            tokio::task::yield_now().await;
                        }
                    };
                    let handle = pool.submit(job).await.expect("open");
                    match (n + id) % 4 {
                        0 => handle.detach(),
                        1 => drop(handle),
                        2 => {
                            handle.cancel();
                            match handle.await {
                                Ok(()) => values += 1,
                                Err(error) => {
                                    assert!(error.is_cancelled(), "{error}");
                                    cancelled += 1;
                                }
                            }
                        }
                        _ => drop(handle.cancel_on_drop()),
                    }
                }
                (values, cancelled)
            })
        })
        .collect();
    let mut told = (0, 0);
    for submitter in submitters {
        let (values, cancelled) = submitter.await.expect("it ends");
        told = (told.0 + values, told.1 + cancelled);
    }
    let report = pool.shutdown(SOON).await;
    let flow = pool.stats().flow;
    assert_eq!((flow.accepted, flow.in_flight, gone.count()), (8_000, 0, 8_000));
    assert_eq!((flow.done + flow.discarded, told.0 + told.1), (8_000, 2_000));
    assert!(flow.discarded >= told.1 && report.still_running.is_empty(), "{report}");
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn placement(&mut self) -> Placement {
        let worker = self.roll(6) as usize;
        match self.roll(6) {
            0 => Placement::Random,
            1 => Placement::RoundRobin,
            2 | 3 => Placement::Worker(worker),
            4 => Placement::Prefer(worker),
            _ => Placement::Injector,
        }
    }
}

/// Jobs that await jobs, are bound, cancelled, dropped and resized around, in pools with hardly any room: each handle
/// resolves, and the pool comes to rest with nothing left.
#[test]
fn pools_come_to_rest_whatever_is_done_with_them() {
    without_deadlock(|| {
        multi_thread().block_on(async {
            for seed in 0..300 {
                let mut dice = Dice(seed);
                let pool =
                    TaskPool::builder().limit(1 + dice.roll(4) as usize).capacity(1 + dice.roll(8) as usize).build();
                let mut handles = Vec::new();
                for step in 0..40 {
                    let (inside, awaits, yields) = (pool.clone(), dice.roll(3), dice.roll(3));
                    let job = move |cx: regatta::pool::TaskContext| async move {
                        for _ in 0..yields {
                            tokio::task::yield_now().await;
                        }
                        let child = match awaits {
                            0 => cx.spawn(|_| async { 1 }).ok(),
                            1 => inside.submit(async { 1 }).await.ok(),
                            _ => None,
                        };
                        match child {
                            Some(child) => child.await.map_or(0, |n| n),
                            None => 0,
                        }
                    };
                    match (pool.submit_with(dice.placement(), job).at_once(), dice.roll(5)) {
                        (Ok(handle), 0) => drop(handle),
                        (Ok(handle), 1) => handle.detach(),
                        (Ok(handle), 2) => {
                            handle.cancel();
                            handles.push(handle);
                        }
                        (Ok(handle), _) => handles.push(handle),
                        (Err(_), _) => tokio::task::yield_now().await,
                    }
                    if dice.roll(4) == 0 {
                        pool.resize(1 + dice.roll(6) as usize);
                    }
                    if step % 10 == 9 {
                        for handle in handles.drain(..) {
                            assert!(handle.await.is_ok_and(|n| n < 2) || pool.stats().cancelled > 0);
                        }
                    }
                }
                let report = pool.shutdown(SOON).await;
                let stats = pool.stats();
                assert!(report.still_running.is_empty() && report.panicked_count == 0, "{seed}: {report}");
                assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0), "{seed}");
                let done: u64 = stats.workers.iter().map(|worker| worker.done).sum();
                assert_eq!(done, stats.flow.done, "{seed}");
            }
        });
    });
}

/// The same for closures, which are waited for on their threads.
#[test]
fn pools_of_closures_come_to_rest_whatever_is_done_with_them() {
    without_deadlock(|| {
        multi_thread().block_on(async {
            for seed in 0..300 {
                let mut dice = Dice(seed);
                let pool =
                    CpuPool::builder().limit(1 + dice.roll(4) as usize).capacity(1 + dice.roll(8) as usize).build();
                let mut handles = Vec::new();
                for step in 0..40 {
                    let (inside, awaits) = (pool.clone(), dice.roll(3));
                    let job = move |cx: regatta::pool::CpuContext| {
                        let child = match awaits {
                            0 => cx.spawn(|_| 1).ok(),
                            1 => inside.try_submit(|| 1).ok(),
                            _ => None,
                        };
                        child.map_or(0, |child| child.wait_blocking().unwrap_or(0))
                    };
                    match (pool.submit_with(dice.placement(), job).at_once(), dice.roll(5)) {
                        (Ok(handle), 0) => drop(handle),
                        (Ok(handle), 1) => handle.detach(),
                        (Ok(handle), 2) => {
                            handle.cancel();
                            handles.push(handle);
                        }
                        (Ok(handle), _) => handles.push(handle),
                        (Err(_), _) => tokio::task::yield_now().await,
                    }
                    if dice.roll(4) == 0 {
                        pool.resize(1 + dice.roll(6) as usize);
                    }
                    if step % 10 == 9 {
                        for handle in handles.drain(..) {
                            assert!(handle.await.is_ok_and(|n| n < 2) || pool.stats().cancelled > 0);
                        }
                    }
                }
                let report = pool.shutdown(SOON).await;
                let stats = pool.stats();
                assert!(report.still_running.is_empty() && report.panicked_count == 0, "{seed}: {report}");
                assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0), "{seed}");
                let done: u64 = stats.workers.iter().map(|worker| worker.done).sum();
                assert_eq!(done, stats.flow.done, "{seed}");
            }
        });
    });
}
