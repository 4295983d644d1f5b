//! Streams: slow, endless, failing ones.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::stream::{iter, poll_fn, unfold};
use futures::{Stream, StreamExt};
use regatta::parallel::{MapReduce, MapReduceError};
use regatta::pool::CpuPool;
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{eventually, poll_once};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_slow_stream_is_worked_on_as_it_comes() {
    let pool = CpuPool::new(2);
    let (mapped, has_mapped) = unbounded_channel();
    // Each record comes when the one before has been mapped.
    let records = unfold((0, has_mapped), |(n, mut has_mapped)| async move {
        if n > 0 {
            assert_eq!(has_mapped.recv().await, Some(n - 1));
        }
        (n < 200).then_some((n, (n + 1, has_mapped)))
    });
    let count = MapReduce::new().map(move |n: &u32| {
        let _ = mapped.send(*n);
        [(n % 10, 1)]
    });
    let counts = count.combine(|n: &mut u32, m| *n += m).on(&pool).run_stream(records).await;
    assert_eq!(counts.expect("it works")[&3], 20);
}

#[tokio::test]
async fn a_stream_is_read_no_further_than_there_is_room() {
    let pool = CpuPool::new(1);
    let (open, gate) = mpsc::channel::<()>();
    let (read, gate) = (Arc::<AtomicUsize>::default(), Mutex::new(gate));
    let reads = read.clone();
    let records = poll_fn(move |_| (reads.fetch_add(1, SeqCst), std::task::Poll::Ready(Some(1_u32))).1);
    let map = MapReduce::new().map(move |n: &u32| {
        let _ = gate.lock().unwrap().recv();
        [(*n, 1)]
    });
    let mut run = map.combine(|n: &mut u32, m| *n += m).on(&pool).run_stream(records);
    for _ in 0..100 {
        assert!(poll_once(run.as_mut()).is_pending());
    }
    assert_eq!(read.load(SeqCst), 3 * 1_024);
    drop((run, open));
    eventually(SOON, "the pool is idle", || pool.stats().running == 0).await;
}

#[tokio::test]
async fn large_records_are_read_a_mebibyte_at_a_time() {
    let pool = CpuPool::new(1);
    let read = Arc::<AtomicUsize>::default();
    let (reads, (open, gate)) = (read.clone(), mpsc::channel::<()>());
    let gate = Mutex::new(gate);
    let records = poll_fn(move |_| (reads.fetch_add(1, SeqCst), std::task::Poll::Ready(Some(vec![0_u8; 1 << 18]))).1);
    let map = MapReduce::new().map(move |_: &Vec<u8>| gate.lock().unwrap().recv().ok().map(|()| (1, 1)));
    let mut run = map.combine(|n: &mut u32, m| *n += m).on(&pool).run_stream(records);
    for _ in 0..100 {
        assert!(poll_once(run.as_mut()).is_pending());
    }
    assert_eq!(read.load(SeqCst), 3 * 4);
    drop((run, open));
    eventually(SOON, "the pool is idle", || pool.stats().running == 0).await;
}

#[tokio::test]
async fn a_panic_of_the_stream_goes_on_in_the_caller() {
    let pool = CpuPool::new(2);
    let records = iter(0..5_000_u32).map(|n| if n == 4_000 { panic!("read badly") } else { n });
    let count = MapReduce::new().map(|n: &u32| [(*n, 1)]).combine(|n: &mut u32, m| *n += m).on(&pool);
    let panicked = tokio::spawn(count.run_stream(records)).await.expect_err("it panics").into_panic();
    assert_eq!(panicked.downcast_ref::<&str>(), Some(&"read badly"));
    eventually(SOON, "the pool is idle", || pool.stats().running == 0 && pool.stats().queued == 0).await;
}

#[tokio::test]
async fn a_record_that_fails_has_its_place_in_the_stream() {
    let even = |n: &u32| if *n == 123_456 { Err("the one") } else { Ok([(n % 10, 1)]) };
    let count = MapReduce::new().try_map(even).combine(|n: &mut u32, m| *n += m);
    let error = count.run_stream(iter(0..1_000_000)).await;
    assert_eq!(error, Err(MapReduceError::Failed { record: 123_456, error: "the one" }));
}

#[tokio::test]
async fn a_stream_that_borrows_is_read() {
    let numbers: Vec<u32> = (0..1_000).collect();
    let records: Box<dyn Stream<Item = u32> + Send + Unpin + '_> = Box::new(iter(numbers.iter().copied()));
    let count = MapReduce::new().map(|n: &u32| [(n % 10, 1)]).combine(|n: &mut u32, m| *n += m);
    assert_eq!(count.run_stream(records).await.map(|counts| counts[&3]), Ok(100));
}

#[tokio::test]
async fn the_smallest_limit_of_memory_ends_and_does_not_hang() {
    for limit in [1, 63, 64] {
        let counts = MapReduce::new().map(|n: &u32| [(*n, 1)]).combine(|n: &mut u32, m| *n += m).memory_limit(limit);
        let counts = counts.run_stream(futures::stream::empty());
        assert!(tokio::time::timeout(std::time::Duration::from_secs(60), counts).await.expect("it ends").is_ok());
    }
}

#[tokio::test]
async fn one_record_cannot_hold_much_more_than_the_limit() {
    let list = MapReduce::new()
        .map_emit(|_: &u8, emit: &mut regatta::parallel::Emit<'_, u8, u64>| {
            (0..30_000_000).for_each(|n| emit.one(0, n))
        })
        .reduce(|_key, values: Vec<u64>| values.len())
        .memory_limit(1 << 20);
    let Err(error) = list.run(vec![1]).await else { panic!("30 M values are more") };
    let regatta::parallel::MapReduceError::MemoryLimit(limit) = error else { panic!("{error}") };
    assert!(limit.reached < 8 << 20, "{limit}");
}
