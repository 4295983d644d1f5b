//! Which worker gets a job.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};

use regatta::pool::{CpuPool, JobEvent, Placement, Source, TaskPool};
use tokio::runtime::Builder;

use super::kit::{Held, Waiting};

/// What a hook has seen.
type Log = Arc<Mutex<Vec<JobEvent>>>;

fn logging(limit: usize) -> (CpuPool, Log) {
    let log = Log::default();
    let hook = log.clone();
    let pool = CpuPool::builder().limit(limit).on_job(move |event| hook.lock().unwrap().push(event.clone())).build();
    (pool, log)
}

/// Of these jobs, in the order in which they began.
fn began(log: &Log, jobs: &[u64]) -> Vec<(u64, usize, Source)> {
    let log = log.lock().unwrap();
    log.iter().filter(|event| jobs.contains(&event.job)).map(|event| (event.job, event.worker, event.source)).collect()
}

#[tokio::test]
async fn a_job_bound_to_a_worker_runs_there() {
    let pool = CpuPool::new(4);
    for worker in [3, 0, 2, 1, 3] {
        assert_eq!(pool.submit_to(worker, |cx| cx.worker()).await.expect("open").await, Ok(worker));
    }
    let tasks = TaskPool::new(4);
    for worker in [3, 0, 2, 1, 3] {
        assert_eq!(tasks.submit_to(worker, |cx| async move { cx.worker() }).await.expect("open").await, Ok(worker));
    }
}

#[tokio::test]
async fn a_bound_job_waits_for_its_worker_although_others_are_free() {
    let pool = CpuPool::new(2);
    let held = Held::submit_with(&pool, Placement::Worker(0)).await;
    let bound = pool.submit_to(0, |cx| cx.worker()).await.expect("open");
    // The other worker comes, runs this, and leaves: it does not wait for what it may not take.
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
    while pool.stats().active > 1 {
        tokio::task::yield_now().await;
    }
    assert!(!bound.is_finished());
    assert_eq!((pool.stats().queued, pool.stats().running), (1, 1));
    held.finish().await;
    assert_eq!(bound.await, Ok(0));
}

#[tokio::test]
async fn jobs_bound_to_one_worker_keep_their_order_and_never_overlap() {
    let pool = CpuPool::new(3);
    let (inside, log) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let mut handles = Vec::new();
    for n in 0..200 {
        let (inside, log) = (inside.clone(), log.clone());
        let job = move |_| {
            assert!(!inside.swap(true, SeqCst), "another one runs");
            log.lock().unwrap().push(n);
            inside.store(false, SeqCst);
        };
        handles.push(pool.submit_to(1, job).await.expect("open"));
        pool.submit(|| ()).await.expect("open").detach();
    }
    for handle in handles {
        handle.await.expect("it runs alone");
    }
    assert_eq!(*log.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_preferred_job_is_stolen_while_its_worker_is_busy() {
    let (pool, log) = logging(2);
    let held = Held::submit_with(&pool, Placement::Worker(1)).await;
    let preferred = pool.submit_with(Placement::Prefer(1), |cx| cx.worker()).await.expect("open");
    let id = preferred.id();
    assert_eq!(preferred.await, Ok(0));
    assert_eq!(began(&log, &[id]), [(id, 0, Source::Stolen { from: 1 })]);
    assert_eq!(pool.stats().stolen, 1);
    held.finish().await;
}

#[tokio::test]
async fn a_worker_takes_its_newest_child_first() {
    let (pool, log) = logging(1);
    let parent = pool.submit_with(Placement::Injector, |cx| {
        let children: Vec<_> = (0..5).map(|_| cx.spawn(|_| ()).expect("there is room")).collect();
        let ids: Vec<u64> = children.iter().map(|child| child.id()).collect();
        children.into_iter().for_each(|child| child.detach());
        ids
    });
    let ids = parent.await.expect("open").await.expect("it runs");
    while pool.stats().flow.in_flight > 0 {
        tokio::task::yield_now().await;
    }
    let expected: Vec<_> = ids.iter().rev().map(|id| (*id, 0, Source::Own)).collect();
    // Of eight looks some begin elsewhere, and find nothing there.
    assert_eq!(began(&log, &ids), expected);
}

#[tokio::test]
async fn a_thief_takes_the_oldest_child_first() {
    let (pool, log) = logging(2);
    let (children, spawned) = mpsc::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let other = Held::submit_with(&pool, Placement::Worker(1)).await;
    let parent = pool.submit_to(0, move |cx| {
        for _ in 0..5 {
            children.send(cx.spawn(|_| ()).expect("there is room")).expect("the test waits");
        }
        drop(children);
        let _ = opened.recv();
    });
    let parent = parent.await.expect("open");
    let children: Vec<_> = spawned.iter().collect();
    let ids: Vec<u64> = children.iter().map(|child| child.id()).collect();
    // The parent keeps its worker busy: only the other can run its children.
    other.finish().await;
    for child in children {
        child.await.expect("it runs");
    }
    drop(gate);
    parent.await.expect("it ends");
    let expected: Vec<_> = ids.iter().map(|id| (*id, 1, Source::Stolen { from: 0 })).collect();
    assert_eq!(began(&log, &ids), expected);
}

#[tokio::test]
async fn round_robin_goes_from_one_worker_to_the_next() {
    let (pool, log) = logging(3);
    let mut held = Vec::new();
    for worker in 0..3 {
        held.push(Held::submit_with(&pool, Placement::Worker(worker)).await);
    }
    let mut ids = Vec::new();
    let mut handles = Vec::new();
    for _ in 0..9 {
        let handle = pool.submit_with(Placement::RoundRobin, |_| ()).await.expect("open");
        ids.push(handle.id());
        handles.push(handle);
    }
    for held in held {
        held.finish().await;
    }
    for handle in handles {
        handle.await.expect("it runs");
    }
    let mut homes: Vec<(u64, usize)> = began(&log, &ids)
        .into_iter()
        .map(|(job, worker, source)| match source {
            Source::Preferred => (job, worker),
            Source::Stolen { from } => (job, from),
            other => panic!("job {job} was found {other}"),
        })
        .collect();
    homes.sort_unstable();
    let first = homes[0].1;
    assert!(homes.iter().enumerate().all(|(n, (_, home))| *home == (first + n) % 3), "{homes:?}");
}

#[tokio::test]
async fn random_placement_reaches_every_worker() {
    let (pool, log) = logging(4);
    let mut held = Vec::new();
    for worker in 0..4 {
        held.push(Held::submit_with(&pool, Placement::Worker(worker)).await);
    }
    let mut ids = Vec::new();
    let mut handles = Vec::new();
    for _ in 0..100 {
        let handle = pool.submit_with(Placement::Random, |_| ()).await.expect("open");
        ids.push(handle.id());
        handles.push(handle);
    }
    for held in held {
        held.finish().await;
    }
    for handle in handles {
        handle.await.expect("it runs");
    }
    let mut counts = [0; 4];
    for (_, worker, source) in began(&log, &ids) {
        counts[if let Source::Stolen { from } = source { from } else { worker }] += 1;
    }
    assert!(counts.iter().all(|count| (5..=60).contains(count)), "{counts:?}");
}

#[tokio::test]
async fn a_worker_that_is_not_there_is_refused() {
    let pool = CpuPool::builder().limit(2).name("two").build();
    for worker in [2, usize::MAX] {
        let refused = pool.submit_with(Placement::Worker(worker), |_| 7).await.expect_err("there are two");
        assert!(refused.is_no_worker() && !refused.is_full() && !refused.is_closed());
    }
    let refused = pool.submit_to(2, |_| 7).await.expect_err("there are two");
    assert_eq!(
        refused.to_string(),
        "the job was not submitted: pool `two` has no worker 2: its limit is 2, and the first worker is 0"
    );
    assert_eq!(pool.stats().flow.accepted, 0);
}

#[tokio::test]
async fn a_job_that_prefers_a_worker_that_is_not_there_runs_at_any() {
    let pool = CpuPool::new(2);
    for worker in [2, usize::MAX] {
        let ran = pool.submit_with(Placement::Prefer(worker), |cx| cx.worker()).await.expect("it is a wish");
        assert!(ran.await.expect("it runs") < 2);
    }
    assert!(pool.stats().workers.len() <= 2, "no line was made for a worker that never comes");
}

#[tokio::test]
async fn a_bound_job_is_cancelled_like_any_other() {
    let pool = CpuPool::new(2);
    let held = Held::submit_with(&pool, Placement::Worker(1)).await;
    let bound = pool.submit_to(1, |_| ()).await.expect("open");
    assert!(bound.cancel());
    assert!(bound.await.expect_err("cancelled").is_cancelled());
    held.finish().await;
    pool.close();
    assert!(pool.shutdown(super::kit::SOON).await.still_running.is_empty());
    assert_eq!(pool.stats().queued, 0);
}

#[tokio::test]
async fn an_abort_discards_what_is_bound() {
    let pool = CpuPool::new(2);
    let held = Held::submit_with(&pool, Placement::Worker(1)).await;
    let bound = pool.submit_to(1, |_| ()).await.expect("open");
    let report = pool.aborted().await;
    assert_eq!((report.aborted, report.still_running.len()), (1, 1));
    assert!(bound.await.expect_err("discarded").is_closed());
    held.finish().await;
}

#[tokio::test]
async fn places_are_counted_over_all_lines_together() {
    let pool = CpuPool::builder().limit(2).capacity(3).build();
    let held =
        [Held::submit_with(&pool, Placement::Worker(0)).await, Held::submit_with(&pool, Placement::Worker(1)).await];
    let bound = pool.submit_to(1, |_| 1).await.expect("the first place");
    let preferred = pool.submit_with(Placement::Prefer(0), |_| 2).await.expect("the second");
    let common = pool.submit(|| 3).await.expect("the third");
    assert!(pool.try_submit(|| 4).expect_err("there is no fourth").is_full());
    let mut waiting = tokio_test::task::spawn(pool.submit_to(0, |_| 5));
    assert!(waiting.poll().is_pending());
    for held in held {
        held.finish().await;
    }
    let last = waiting.await.expect("room has come");
    assert_eq!((bound.await, preferred.await, common.await, last.await), (Ok(1), Ok(2), Ok(3), Ok(5)));
}

#[test]
fn with_fewer_threads_than_workers_bound_jobs_still_run() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_time().build().expect("it starts");
    runtime.block_on(async {
        let pool = CpuPool::new(2);
        // A worker that always has something to do.
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        fn again(pool: &CpuPool, stop: &Arc<AtomicBool>, rounds: &Arc<AtomicUsize>) {
            let (next, stop, rounds) = (pool.clone(), stop.clone(), rounds.clone());
            let job = move || {
                rounds.fetch_add(1, SeqCst);
                if !stop.load(SeqCst) {
                    again(&next, &stop, &rounds);
                }
            };
            pool.try_submit(job).expect("there is room").detach();
        }
        again(&pool, &stop, &rounds);
        again(&pool, &stop, &rounds);
        for worker in [1, 0, 1] {
            assert_eq!(pool.submit_to(worker, |cx| cx.worker()).await.expect("open").await, Ok(worker));
        }
        stop.store(true, SeqCst);
        assert!(rounds.load(SeqCst) > 0);
    });
}

#[tokio::test]
async fn an_async_job_keeps_its_worker_while_it_waits() {
    let pool = TaskPool::new(2);
    let waiting = Waiting::submit_with(&pool, Placement::Worker(0)).await;
    let bound = pool.submit_to(0, |cx| async move { cx.worker() }).await.expect("open");
    assert_eq!(pool.submit_to(1, |cx| async move { cx.worker() }).await.expect("open").await, Ok(1));
    assert!(!bound.is_finished());
    waiting.finish().await;
    assert_eq!(bound.await, Ok(0));
}

/// The limit was looked at twice: a pick among more workers than there had been was taken for one that is not there.
#[tokio::test]
async fn what_the_pool_picks_is_never_refused_while_it_grows() {
    let pool = CpuPool::builder().limit(1).capacity(4).build();
    let held = Held::submit(&pool).await;
    let resized = pool.clone();
    let resizer = std::thread::spawn(move || (0..50_000).for_each(|n| resized.resize(if n % 2 == 0 { 4 } else { 1 })));
    while !resizer.is_finished() {
        for placement in [Placement::Random, Placement::RoundRobin] {
            match pool.submit_with(placement, |_| ()).at_once() {
                Ok(handle) => handle.detach(),
                Err(refused) => assert!(refused.is_full(), "{refused}"),
            }
        }
    }
    held.finish().await;
}
