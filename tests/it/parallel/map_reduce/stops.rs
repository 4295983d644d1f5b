//! Futures that are dropped, pools that stop, runtimes of both kinds, jobs that wait in their own pool.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::stream::iter;
use regatta::parallel::MapReduce;
use regatta::pool::CpuPool;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::support::{DropCounter, DropGuard, eventually, poll_once};

const SOON: Duration = Duration::from_secs(60);

fn guards(drops: &DropCounter) -> Vec<DropGuard> {
    (0..100).map(|_| drops.guard()).collect()
}

async fn all_dropped(drops: &DropCounter, count: usize, pool: &CpuPool) {
    eventually(SOON, "all is dropped", || drops.alive() == 0 && pool.stats().running == 0).await;
    assert_eq!(drops.dropped(), count);
}

/// A mapper, or a reducer, that says when it is called first, and waits then for the gate.
struct Held {
    called: Arc<AtomicUsize>,
    first: Mutex<Option<oneshot::Sender<()>>>,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl Held {
    fn new() -> (Self, oneshot::Receiver<()>, mpsc::Sender<()>, Arc<AtomicUsize>) {
        let (first, is_called) = oneshot::channel();
        let (open, gate) = mpsc::channel();
        let called = Arc::<AtomicUsize>::default();
        (
            Self { called: called.clone(), first: Mutex::new(Some(first)), gate: Mutex::new(gate) },
            is_called,
            open,
            called,
        )
    }

    fn call(&self) {
        self.called.fetch_add(1, SeqCst);
        if let Some(first) = self.first.lock().unwrap().take() {
            let _ = first.send(());
        }
        let _ = self.gate.lock().unwrap().recv();
    }
}

#[tokio::test]
async fn dropped_at_once_it_drops_everything() {
    let (pool, drops) = (CpuPool::new(2), DropCounter::new());
    for is_stream in [false, true] {
        let records = guards(&drops);
        let map = MapReduce::new().map(|_: &DropGuard| [(1, 1)]).combine(|n: &mut u32, m| *n += m).on(&pool);
        let mut run = if is_stream { map.run_stream(iter(records)) } else { map.run(records) };
        let _ = poll_once(run.as_mut());
        drop(run);
    }
    all_dropped(&drops, 200, &pool).await;
}

#[tokio::test]
async fn dropped_while_it_maps_it_stops_within_a_record() {
    for is_stream in [false, true] {
        let (pool, drops) = (CpuPool::new(1), DropCounter::new());
        let (held, is_called, open, called) = Held::new();
        let kept = drops.guard();
        let map = MapReduce::new().map(move |_: &DropGuard| {
            let _ = &kept;
            held.call();
            [(1, 1)]
        });
        let map = map.combine(|n: &mut u32, m| *n += m).on(&pool);
        let records = guards(&drops);
        let run = tokio::spawn(if is_stream { map.run_stream(iter(records)) } else { map.run(records) });
        is_called.await.expect("a record is mapped");
        run.abort();
        assert!(run.await.expect_err("it was aborted").is_cancelled());
        drop(open);
        all_dropped(&drops, 101, &pool).await;
        assert_eq!(called.load(SeqCst), 1);
    }
}

#[tokio::test]
async fn dropped_while_it_reduces_it_stops_within_a_key() {
    let (pool, drops) = (CpuPool::new(1), DropCounter::new());
    let (held, is_called, open, called) = Held::new();
    let (values, counter) = (AtomicUsize::new(0), drops.clone());
    let listed = MapReduce::new().map(move |_: &u32| [(values.fetch_add(1, SeqCst), counter.guard())]);
    let listed = listed.reduce(move |_, _| held.call()).partitions(1).on(&pool);
    let run = tokio::spawn(listed.run(vec![1; 50]));
    is_called.await.expect("a key is reduced");
    run.abort();
    assert!(run.await.expect_err("it was aborted").is_cancelled());
    drop(open);
    all_dropped(&drops, 50, &pool).await;
    assert_eq!(called.load(SeqCst), 1);
}

#[tokio::test]
async fn done_it_has_dropped_everything() {
    let (pool, drops) = (CpuPool::new(2), DropCounter::new());
    let counter = drops.clone();
    let map = move |_: &DropGuard| [(1, counter.guard()), (2, counter.guard())];
    let results = MapReduce::new().map(map).reduce(|_, all| all.len()).on(&pool).run(guards(&drops)).await;
    assert_eq!(results, Ok([(1, 100), (2, 100)].into()));
    all_dropped(&drops, 300, &pool).await;
}

#[tokio::test]
async fn a_closed_pool_refuses_it() {
    let pool = CpuPool::new(2);
    pool.close();
    let count = || MapReduce::new().map(|n: &u32| [(*n, 1)]).combine(|n: &mut u32, m| *n += m).on(&pool);
    assert!(count().run([1]).await.expect_err("closed").is_closed());
    assert!(count().run_stream(iter([1])).await.expect_err("closed").is_closed());
    assert!(count().run_stream(iter([])).await.expect_err("closed").is_closed());
}

#[tokio::test]
async fn an_abort_of_the_pool_ends_it() {
    for is_stream in [false, true] {
        let pool = CpuPool::new(1);
        let (held, is_called, open, called) = Held::new();
        let map = MapReduce::new().map(move |n: &u32| {
            held.call();
            [(*n, 1)]
        });
        let map = map.combine(|n: &mut u32, m| *n += m).on(&pool);
        let records: Vec<u32> = (0..100).collect();
        let run = tokio::spawn(if is_stream { map.run_stream(iter(records)) } else { map.run(records) });
        is_called.await.expect("a record is mapped");
        pool.abort();
        drop(open);
        assert!(run.await.expect("no panic").expect_err("aborted").is_closed());
        assert_eq!(called.load(SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_job_awaits_it_in_its_own_pool_of_one() {
    for capacity in [1, 2, 1_024] {
        let pool = CpuPool::builder().limit(1).capacity(capacity).build();
        let inside = pool.clone();
        let outer = pool.submit(move || {
            let count = || MapReduce::new().map(|n: &u32| [(n % 10, 1)]).combine(|n: &mut u32, m| *n += m).on(&inside);
            let all: Vec<u32> = (0..50_000).collect();
            let whole = Handle::current().block_on(count().run(all.clone()));
            (whole, Handle::current().block_on(count().run_stream(iter(all))))
        });
        let (whole, streamed) = outer.await.expect("open").await.expect("it ends");
        assert_eq!(whole.expect("it works")[&3], 5_000);
        assert_eq!(streamed.expect("it works")[&3], 5_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_a_pool() {
    let pool = CpuPool::new(2);
    let all: Arc<[u32]> = (0..20_000).collect();
    let runs = (0..8).map(|run| {
        let count = MapReduce::new().map(|n: &u32| [(n % 10, 1)]).combine(|n: &mut u32, m| *n += m).on(&pool);
        let all = all.clone();
        tokio::spawn(if run % 2 == 0 { count.run(all) } else { count.run_stream(iter(all.to_vec())) })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.expect("no panic").expect("it works")[&3], 2_000);
    }
}

/// The only thread of the runtime has to send what the mapper waits for.
#[tokio::test]
async fn other_tasks_go_on_meanwhile() {
    let pool = CpuPool::new(1);
    let (tick, ticks) = mpsc::channel();
    let ticking = tokio::spawn(async move {
        while tick.send(()).is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let ticks = Mutex::new(ticks);
    let map = move |n: &u32| [(*n, ticks.lock().unwrap().recv().is_ok())];
    let ticked = MapReduce::new().map(map).combine(|_: &mut bool, _| ()).on(&pool).run((0..500).collect::<Vec<_>>());
    assert!(ticked.await.expect("it works").values().all(|ticked| *ticked));
    ticking.await.expect("no panic");
}
