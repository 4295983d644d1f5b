//! Pools that do not let the work in, or stop it: the elements come back.

use std::future::IntoFuture;

use regatta::parallel::{sort, sort_by, sort_by_cached_key};
use regatta::policy::Overflow;
use regatta::pool::CpuPool;

use super::super::kit::keep_busy;
use super::kit::{Entry, Ledger, held_comparing, held_making_keys, is_complete};
use crate::support::poll_once;

const MANY: usize = 100_000;

#[tokio::test]
async fn a_closed_pool_refuses() {
    let pool = CpuPool::builder().limit(2).name("shut").build();
    pool.close();
    for size in [65, MANY] {
        let (ledger, entries) = Ledger::entries(size);
        let error =
            sort_by(entries, |left: &Entry, right| left.key.cmp(&right.key)).on(&pool).await.expect_err("closed");
        assert_eq!(error.to_string(), "the elements were not sorted: pool `shut` is closed");
        assert!(error.is_closed() && !error.is_panicked() && !error.is_full() && !error.is_cancelled());
        assert!(is_complete(&error.into_inner(), size) && ledger.is_all(1));
        let (ledger, entries) = Ledger::entries(size);
        let error = sort_by_cached_key(entries, |entry: &Entry| entry.key).on(&pool).await.expect_err("closed");
        assert!(is_complete(&error.into_inner(), size) && ledger.is_all(1));
    }
    let numbers: Vec<u64> = (0..MANY as u64).rev().collect();
    assert_eq!(sort(numbers.clone()).on(&pool).await.expect_err("closed").into_inner(), numbers);
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    assert_eq!(sort(texts.clone()).on(&pool).await.expect_err("closed").into_inner(), texts);
}

#[tokio::test]
async fn few_elements_need_no_pool() {
    let pool = CpuPool::new(1);
    pool.close();
    assert_eq!(sort(vec![2, 1]).on(&pool).await.expect("it sorts"), [1, 2]);
    assert_eq!(sort(vec!["b", "a"]).on(&pool).await.expect("it sorts"), ["a", "b"]);
    // Nobody knows what a key costs.
    assert!(sort_by_cached_key(vec![2, 1], |n| *n).on(&pool).await.expect_err("it needs the pool").is_closed());
}

#[tokio::test]
async fn a_pool_that_is_closed_meanwhile_ends_the_sort() {
    let pool = CpuPool::new(2);
    let (_, hold, sorting) = held_making_keys(&pool, MANY, 1).await;
    pool.close();
    hold.let_go();
    assert!(sorting.await.expect("it was let in").is_sorted_by_key(|entry| entry.key));
}

#[tokio::test]
async fn an_abort_midway_hands_all_elements_back() {
    for (call, workers) in [(1, 1), (1, 2), (1_000, 2), (MANY, 2), (3 * MANY, 2), (10 * MANY, 2), (2 * MANY, 8)] {
        let pool = CpuPool::builder().limit(workers).name("cpu").build();
        let (ledger, hold, sorting) = held_comparing(&pool, MANY, call).await;
        pool.abort();
        hold.let_go();
        let error = sorting.await.expect_err("it is stopped");
        let entries = if error.is_closed() { error.into_inner() } else { panic!("{error}") };
        assert!(is_complete(&entries, MANY) && ledger.is_all(0), "comparison {call} with {workers}");
    }
}

#[tokio::test]
async fn an_abort_while_keys_are_made_hands_all_elements_back() {
    for call in [1, MANY / 2, MANY] {
        let pool = CpuPool::new(2);
        let (ledger, hold, sorting) = held_making_keys(&pool, MANY, call).await;
        pool.abort();
        hold.let_go();
        let error = sorting.await.expect_err("it is stopped");
        assert!(error.is_closed() && is_complete(&error.into_inner(), MANY) && ledger.is_all(1), "key {call}");
    }
}

#[tokio::test]
async fn an_abort_before_it_begins_hands_all_elements_back() {
    let pool = CpuPool::new(1);
    let (held, busy) = keep_busy(&pool).await;
    let (ledger, entries) = Ledger::entries(MANY);
    let mut sorting = sort_by(entries, |left: &Entry, right| left.key.cmp(&right.key)).on(&pool).into_future();
    assert!(poll_once(sorting.as_mut()).is_pending());
    pool.abort();
    let error = sorting.await.expect_err("it is stopped");
    assert!(error.to_string().ends_with("is closed: it was aborted"), "{error}");
    assert!(is_complete(&error.into_inner(), MANY) && ledger.is_all(1));
    held.open();
    let _ = busy.await;
}

#[tokio::test]
async fn work_that_others_push_out_of_the_queue_hands_all_elements_back() {
    let pool = CpuPool::builder().limit(1).capacity(1).overflow(Overflow::DropOldest).build();
    let (held, busy) = keep_busy(&pool).await;
    let (ledger, entries) = Ledger::entries(MANY);
    let mut sorting = sort_by(entries, |left: &Entry, right| left.key.cmp(&right.key)).on(&pool).into_future();
    assert!(poll_once(sorting.as_mut()).is_pending());
    let newer = pool.try_submit(|| ()).expect("it takes the place");
    let error = sorting.await.expect_err("it is pushed out");
    assert!(error.is_full(), "{error}");
    assert!(is_complete(&error.into_inner(), MANY) && ledger.is_all(1));
    held.open();
    busy.await.expect("it ends");
    newer.await.expect("it runs");
}

#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let pool = CpuPool::builder().limit(1).capacity(1).overflow(Overflow::Reject).build();
    let (held, busy) = keep_busy(&pool).await;
    let queued = pool.try_submit(|| ()).expect("the only place");
    let mut sorting = sort((0..MANY as u64).rev().collect()).on(&pool).into_future();
    assert!(poll_once(sorting.as_mut()).is_pending());
    held.open();
    assert!(sorting.await.expect("there is room at last").is_sorted());
    busy.await.expect("it ends");
    queued.await.expect("it runs");
}
