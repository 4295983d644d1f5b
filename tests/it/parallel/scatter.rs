//! Data in chunks, results gathered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use regatta::parallel::{Missing, ScatterError, scatter_gather};
use regatta::pool::{CpuPool, JobError};

use super::kit::{Held, SOON, inside, multi_thread, ticks, until_idle};
use crate::support::DropCounter;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn chunks_differ_by_one_at_the_most_and_come_in_order(len in 0_usize..200, chunks in 1_usize..20, workers in 1_usize..4) {
        let gathered = multi_thread().block_on(async move {
            let items: Vec<usize> = (0..len).collect();
            scatter_gather(items, chunks, |chunk| chunk, |chunks| chunks).on(&CpuPool::new(workers)).await
        });
        let gathered = gathered.expect("nothing panics");
        prop_assert_eq!(gathered.len(), chunks.min(len));
        let (shortest, longest) = (gathered.iter().map(Vec::len).min(), gathered.iter().map(Vec::len).max());
        prop_assert!(longest.unwrap_or(0) - shortest.unwrap_or(0) <= 1);
        prop_assert_eq!(gathered.concat(), (0..len).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn no_data_gathers_an_empty_list() {
    let gathered = scatter_gather(Vec::<u8>::new(), 4, |_| 1, |results: Vec<u8>| results.len());
    assert_eq!(gathered.await, Ok(0));
    let gathered = scatter_gather(Vec::<u8>::new(), 4, |_| 1, |results: Vec<u8>| results.len()).quorum(3);
    assert_eq!(gathered.await.map(|gathered| gathered.value), Ok(0));
}

#[tokio::test]
#[should_panic(expected = "scatter_gather: the number of chunks must be above zero")]
async fn zero_chunks_are_refused() {
    drop(scatter_gather(vec![1], 0, |chunk| chunk, |chunks| chunks));
}

#[tokio::test]
#[should_panic(expected = "scatter_gather: the quorum must be above zero")]
async fn a_quorum_of_zero_is_refused() {
    drop(scatter_gather(vec![1], 1, |chunk| chunk, |chunks| chunks).quorum(0));
}

#[tokio::test]
async fn more_chunks_than_elements_are_one_for_each() {
    let gathered = scatter_gather(vec![1, 2, 3], usize::MAX, |chunk| chunk, |chunks| chunks).await;
    assert_eq!(gathered, Ok(vec![vec![1], vec![2], vec![3]]));
}

#[tokio::test]
async fn a_panic_says_in_which_chunk_or_that_it_was_gathering() {
    let divide = |chunk: Vec<u32>| 8 / chunk[0];
    let Err(JobError::Panicked(panicked)) = scatter_gather(vec![4, 0], 2, divide, |all| all).await else {
        panic!("the second divides by zero")
    };
    assert!(panicked.to_string().starts_with("chunk 1 of `scatter_gather` on pool"), "{panicked}");

    let gather = |_: Vec<u32>| -> u32 { panic!("out of baskets") };
    let Err(JobError::Panicked(panicked)) = scatter_gather(vec![4, 2], 2, divide, gather).await else {
        panic!("gathering panics")
    };
    assert!(panicked.place.starts_with("gathering of `scatter_gather` on pool"), "{panicked}");
}

#[tokio::test]
async fn all_chunks_are_worked_on_at_once() {
    let (pool, held) = (CpuPool::new(3), Held::default());
    let gate = held.clone();
    let gathered = scatter_gather(
        vec![1, 2, 3],
        3,
        move |chunk| {
            gate.pass();
            chunk[0]
        },
        |all| all,
    );
    let gathered = tokio::spawn(gathered.on(&pool).into_future());
    held.until_entered(3).await;
    held.open();
    assert_eq!(gathered.await.expect("no panic"), Ok(vec![1, 2, 3]));
}

/// A worker function that is held on chunks whose first element is zero.
fn held_at_zero(held: &Held) -> impl Fn(Vec<u32>) -> u32 + Send + Sync + 'static {
    let gate = held.clone();
    move |chunk| {
        if chunk[0] == 0 {
            gate.pass();
        }
        chunk[0]
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_gathers_what_is_there_even_if_all_workers_are_stuck() {
    let (pool, held) = (CpuPool::new(2), Held::default());
    let gathered = scatter_gather(vec![5, 0, 0, 7], 4, held_at_zero(&held), |all| all).on(&pool);
    let gathered = tokio::spawn(gathered.timeout(SOON).into_future());
    held.until_entered(2).await;
    tokio::time::advance(SOON).await;
    let gathered = gathered.await.expect("no panic").expect("no quorum");
    assert_eq!(gathered.value, [5]);
    assert_eq!(gathered.missing, [(1, Missing::Late), (2, Missing::Late), (3, Missing::Late)]);
    held.open();
    until_idle(&pool).await;
}

#[tokio::test]
async fn a_timeout_that_is_not_needed_gathers_all_and_panics_are_missing() {
    let divide = |chunk: Vec<u32>| 8 / chunk[0];
    let gathered = scatter_gather(vec![4, 0, 2], 3, divide, |all| all).timeout(SOON).await.expect("no quorum");
    assert_eq!(gathered.value, [2, 4]);
    let [(1, Missing::Panicked(panicked))] = &gathered.missing[..] else { panic!("{gathered:?}") };
    assert!(panicked.place.starts_with("chunk 1 of"), "{panicked}");

    let none = scatter_gather(vec![0], 1, divide, |all| all).timeout(Duration::MAX).await.expect("no quorum");
    assert_eq!((none.value.len(), none.missing.len()), (0, 1));
}

#[tokio::test]
async fn a_quorum_gathers_as_soon_as_it_is_reached() {
    let (pool, held) = (CpuPool::new(2), Held::default());
    let gathered = scatter_gather(vec![0, 5, 6, 7], 4, held_at_zero(&held), |all| all).on(&pool).quorum(2);
    let gathered = gathered.await.expect("the other worker does two");
    assert_eq!(gathered.value, [5, 6]);
    assert_eq!(gathered.missing, [(0, Missing::Late), (3, Missing::Late)]);
    held.open();
    until_idle(&pool).await;
}

#[tokio::test]
async fn a_quorum_that_cannot_be_reached_is_an_error() {
    let divide = |chunk: Vec<u32>| 8 / chunk[0];
    let failed = scatter_gather(vec![0, 4, 0], 3, divide, |all| all).quorum(2).await;
    let Err(error @ ScatterError::Quorum { wanted: 2, chunks: 3, .. }) = failed else { panic!("{failed:?}") };
    assert!(error.to_string().contains("cannot reach its quorum of 2 of 3 chunks: chunk "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_before_the_quorum_is_an_error() {
    let (pool, held) = (CpuPool::new(1), Held::default());
    let gathered = scatter_gather(vec![0, 1], 2, held_at_zero(&held), |all| all).on(&pool).quorum(1).timeout(SOON);
    let gathered = tokio::spawn(gathered.into_future());
    held.until_entered(1).await;
    tokio::time::advance(SOON).await;
    let failed = gathered.await.expect("no panic");
    let Err(error @ ScatterError::Elapsed { wanted: 1, reached: 0, .. }) = failed else { panic!("{failed:?}") };
    assert!(
        error.to_string().ends_with("took longer than 60s: 0 of the 1 results that are needed were there"),
        "{error}"
    );
    held.open();
    until_idle(&pool).await;
}

#[tokio::test]
async fn dropped_midway_it_drops_everything_and_begins_no_further_chunk() {
    let (pool, held, drops) = (CpuPool::new(1), Held::default(), DropCounter::new());
    let (gate, seen) = (held.clone(), Arc::new(AtomicUsize::new(0)));
    let (count, results) = (seen.clone(), drops.clone());
    let items: Vec<_> = (0..10).map(|_| drops.guard()).collect();
    let worker = move |_| {
        count.fetch_add(1, SeqCst);
        gate.pass();
        results.guard()
    };
    let gathered = tokio::spawn(scatter_gather(items, 5, worker, |all| all).on(&pool).into_future());
    held.until_entered(1).await;
    gathered.abort();
    assert!(gathered.await.is_err());
    held.open();
    until_idle(&pool).await;
    assert_eq!(seen.load(SeqCst), 1);
    assert_eq!((drops.alive(), drops.dropped()), (0, 11));
}

#[tokio::test]
async fn the_executor_stays_free() {
    let held = Held::default();
    let gathered = tokio::spawn(scatter_gather(vec![0, 1], 2, held_at_zero(&held), |all| all).into_future());
    held.until_entered(1).await;
    ticks(1_000).await;
    held.open();
    assert_eq!(gathered.await.expect("no panic"), Ok(vec![0, 1]));
}

#[tokio::test]
async fn it_can_be_awaited_in_a_job_of_its_own_pool_of_one() {
    let pool = CpuPool::new(1);
    let gathered =
        inside(
            &pool,
            |pool| async move { scatter_gather(vec![1, 2, 3], 3, |chunk| chunk[0], |all| all).on(&pool).await },
        );
    assert_eq!(gathered.await, Ok(vec![1, 2, 3]));
}

#[tokio::test]
async fn a_pool_that_is_closed_or_aborted_is_an_error() {
    let (pool, held) = (CpuPool::new(1), Held::default());
    let gathered = tokio::spawn(scatter_gather(vec![0, 0], 2, held_at_zero(&held), |all| all).on(&pool).into_future());
    held.until_entered(1).await;
    pool.abort();
    held.open();
    assert!(gathered.await.expect("no panic").is_err_and(|error| error.is_closed()));
    let refused = scatter_gather(vec![1], 1, |chunk| chunk, |all| all).on(&pool).await;
    assert!(refused.is_err_and(|error| error.is_closed()));
}
