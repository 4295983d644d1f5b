//! Futures that are dropped, and those that others do not wait for.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use regatta::parallel::{sort, sort_by, sort_by_cached_key, sort_by_key};
use regatta::pool::CpuPool;
use tokio::runtime::Handle;

use super::kit::{Entry, Hold, Ledger, SOON, held_comparing, held_making_keys, is_complete};
use crate::support::{poll_once, without_deadlock};

const MANY: usize = 100_000;

#[tokio::test]
async fn a_sort_that_is_never_awaited_drops_its_elements() {
    let (ledger, entries) = Ledger::entries(10);
    drop(sort_by_key(entries, |entry: &Entry| entry.key));
    assert!(ledger.is_all(1));
}

#[tokio::test]
async fn a_future_that_is_dropped_after_its_first_poll_drops_each_element_once() {
    for (size, workers) in [(65, 1), (65, 2), (MANY, 1), (MANY, 2), (MANY, 8)] {
        let pool = CpuPool::new(workers);
        let (ledger, entries) = Ledger::entries(size);
        let mut sorting = sort_by_key(entries, |entry: &Entry| entry.key).on(&pool).into_future();
        // Workers may be quicker than this.
        let polled = poll_once(sorting.as_mut());
        drop((polled, sorting));
        assert!(pool.shutdown(SOON).await.still_running.is_empty());
        assert!(ledger.is_all(1), "{size} with {workers}");
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_midway_drops_each_element_once() {
    for call in [1, 2, 1_000, MANY, 3 * MANY, 10 * MANY] {
        let pool = CpuPool::new(2);
        let (ledger, hold, sorting) = held_comparing(&pool, MANY, call).await;
        drop(sorting);
        hold.let_go();
        assert!(pool.shutdown(SOON).await.still_running.is_empty());
        assert!(ledger.is_all(1), "comparison {call}");
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_while_keys_are_made_drops_each_element_once() {
    for call in [1, 2, MANY / 2, MANY] {
        let pool = CpuPool::new(2);
        let (ledger, hold, sorting) = held_making_keys(&pool, MANY, call).await;
        drop(sorting);
        hold.let_go();
        assert!(pool.shutdown(SOON).await.still_running.is_empty());
        assert!(ledger.is_all(1), "key {call}");
    }
}

#[tokio::test]
async fn a_dropped_future_leaves_the_other_chunk_unsorted() {
    let pool = CpuPool::new(1);
    let (mut hold, compared) = Hold::at(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let sorting = sort_by((0..MANY).collect(), move |left, right| {
        counted.fetch_add(1, SeqCst);
        compared();
        // In no order.
        (left % 7).cmp(&(right % 7))
    });
    let mut sorting = sorting.on(&pool).into_future();
    assert!(poll_once(sorting.as_mut()).is_pending());
    hold.until_held().await;
    drop(sorting);
    hold.let_go();
    assert!(pool.shutdown(SOON).await.still_running.is_empty());
    assert!(calls.load(SeqCst) < 20 * MANY);
}

/// The ticker opens the gate, so it must go on while the comparison is held.
#[tokio::test]
async fn the_runtime_goes_on_while_workers_sort() {
    for sorted in [false, true] {
        let pool = CpuPool::new(2);
        let (mut hold, compared) = Hold::at(1);
        let mut numbers: Vec<i64> = (0..MANY as i64).map(|n| n * 7_919 % 10_007).collect();
        if sorted {
            numbers.sort_unstable();
        }
        let sorting = sort_by(numbers, move |left, right| {
            compared();
            left.cmp(right)
        });
        let ticker = async {
            hold.until_held().await;
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            hold.let_go();
        };
        let (result, ()) = tokio::join!(sorting.on(&pool).into_future(), ticker);
        assert!(result.expect("it sorts").is_sorted());
    }
}

#[test]
fn a_job_sorts_on_its_own_pool_of_one() {
    without_deadlock(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        runtime.block_on(async {
            for capacity in [1, 2, 1_024] {
                let pool = CpuPool::builder().limit(1).capacity(capacity).build();
                let inside = pool.clone();
                let outer = pool.submit(move || {
                    let (_, entries) = Ledger::entries(MANY);
                    let by_key = sort_by_key(entries, |entry: &Entry| entry.key).on(&inside).into_future();
                    let sorted = Handle::current().block_on(by_key).expect("it sorts");
                    let by_place = sort_by_cached_key(sorted, |entry: &Entry| entry.place).on(&inside).into_future();
                    Handle::current().block_on(by_place).expect("it sorts")
                });
                let sorted = outer.await.expect("open").await.expect("it ends");
                assert!(is_complete(&sorted, MANY) && sorted.is_sorted_by_key(|entry| entry.place));
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sorts_share_a_pool() {
    let pool = CpuPool::builder().limit(2).capacity(4).build();
    let sorts = (0..20_u64).map(|seed| {
        let numbers: Vec<u64> = (0..50_000 + seed).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed).collect();
        let pool = pool.clone();
        tokio::spawn(async move {
            let texts = numbers.iter().map(u64::to_string).collect();
            let sorted = sort(numbers).on(&pool).await.expect("it sorts");
            sorted.is_sorted() && sort::<String>(texts).on(&pool).await.expect("it sorts").is_sorted()
        })
    });
    for sorted in sorts.collect::<Vec<_>>() {
        assert!(sorted.await.expect("no panic"));
    }
    assert!(pool.shutdown(SOON).await.still_running.is_empty());
}

#[test]
#[should_panic(expected = "sort needs a tokio runtime")]
fn without_a_runtime_it_says_so() {
    drop(sort(vec![1]).into_future());
}
