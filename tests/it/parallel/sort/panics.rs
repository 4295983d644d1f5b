//! Comparisons and key functions that panic, or contradict themselves: no element is lost, none is dropped twice.

use std::cmp::Ordering;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use regatta::parallel::{sort, sort_by, sort_by_cached_key, sort_by_key};
use regatta::pool::CpuPool;

use super::kit::{Entry, Ledger, SOON, either_way, is_complete, panics_at};

const SIZES: [usize; 5] = [3, 64, 65, 5_000, 40_000];

/// Calls that are somewhere in each phase of a sort of so many elements.
fn calls(size: usize) -> impl Iterator<Item = usize> {
    let early = [1, 2, 3, 64, 65, 100, 1_000, 4_000];
    early.into_iter().chain((1..16).map(move |n| n * size)).chain((1..16).map(move |n| n * size + size / 2))
}

#[tokio::test]
async fn a_comparison_that_panics_gives_all_elements_back() {
    for (size, workers) in SIZES.into_iter().flat_map(|size| [1, 2, 3].map(|workers| (size, workers))) {
        let pool = CpuPool::new(workers);
        for call in calls(size) {
            let (ledger, entries) = Ledger::entries(size);
            let compared = panics_at(call);
            let sorting = sort_by(entries, move |left: &Entry, right| {
                compared();
                left.key.cmp(&right.key)
            });
            let result = sorting.on(&pool).await;
            assert!(result.is_ok() || result.as_ref().is_err_and(|error| error.is_panicked()));
            let entries = either_way(result);
            assert!(is_complete(&entries, size) && ledger.is_all(0), "call {call} of {size} with {workers}");
            drop(entries);
            assert!(ledger.is_all(1));
        }
    }
}

#[tokio::test]
async fn a_key_that_panics_gives_all_elements_back() {
    for (size, workers) in SIZES.into_iter().flat_map(|size| [1, 2, 3].map(|workers| (size, workers))) {
        let pool = CpuPool::new(workers);
        for call in [1, 2, size / 2, size - 1, size] {
            let (ledger, entries) = Ledger::entries(size);
            let made = panics_at(call);
            let sorting = sort_by_cached_key(entries, move |entry: &Entry| {
                made();
                entry.key
            });
            let error = sorting.on(&pool).await.expect_err("it panics");
            assert!(error.is_panicked());
            assert!(is_complete(&error.into_inner(), size), "key {call} of {size} with {workers}");
            assert!(ledger.is_all(1));
        }
    }
}

/// A key that panics when it is compared for this time, from 1.
struct Fuse(u64, std::sync::Arc<dyn Fn() + Send + Sync>);

impl PartialEq for Fuse {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fuse {}

impl PartialOrd for Fuse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fuse {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.1)();
        self.0.cmp(&other.0)
    }
}

#[tokio::test]
async fn a_cached_key_whose_comparison_panics_gives_all_elements_back() {
    for (size, workers) in SIZES.into_iter().flat_map(|size| [1, 2, 3].map(|workers| (size, workers))) {
        let pool = CpuPool::new(workers);
        for call in calls(size) {
            let (ledger, entries) = Ledger::entries(size);
            let compared = std::sync::Arc::new(panics_at(call));
            let sorting = sort_by_cached_key(entries, move |entry: &Entry| Fuse(entry.key, compared.clone()));
            let entries = either_way(sorting.on(&pool).await);
            assert!(is_complete(&entries, size) && ledger.is_all(0), "call {call} of {size} with {workers}");
        }
    }
}

#[tokio::test]
async fn a_panic_is_told_with_the_name_of_the_call_and_the_pool() {
    let pool = CpuPool::builder().limit(2).name("cpu").build();
    for size in [2, 100, 40_000] {
        let failed = sort_by(Ledger::entries(size).1, |_, _| panic!("no\norder")).on(&pool).await;
        let error = failed.expect_err("it panics");
        let text = "the elements were not sorted: `sort_by` on pool `cpu` panicked: no\\norder";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), text.split_once(": ").map(|(_, error)| error));
        assert!(format!("{error:?}").starts_with(&format!("SortError {{ elements: {size}, error: Panicked(")));
    }
    let failed = sort_by_key(vec![1, 2], |_| -> u32 { panic!("no key") }).on(&pool).await;
    assert!(failed.expect_err("it panics").to_string().contains("`sort_by_key` on pool `cpu`"));
    let report = pool.shutdown(SOON).await;
    assert_eq!((report.finished, report.panicked_count), (0, 4));
}

#[tokio::test]
async fn a_comparison_that_contradicts_itself_loses_nothing() {
    let state = AtomicU64::new(1);
    let random = move || {
        let seen = state.fetch_add(1, SeqCst).wrapping_mul(6_364_136_223_846_793_005);
        [Ordering::Less, Ordering::Equal, Ordering::Greater][(seen >> 40) as usize % 3]
    };
    let by_turns = Mutex::new(false);
    let by_turns = move || {
        let mut turn = by_turns.lock().unwrap();
        *turn = !*turn;
        if *turn { Ordering::Less } else { Ordering::Greater }
    };
    let comparisons: [std::sync::Arc<dyn Fn() -> Ordering + Send + Sync>; 5] = [
        std::sync::Arc::new(|| Ordering::Less),
        std::sync::Arc::new(|| Ordering::Equal),
        std::sync::Arc::new(|| Ordering::Greater),
        std::sync::Arc::new(random),
        std::sync::Arc::new(by_turns),
    ];
    for (number, compare) in comparisons.into_iter().enumerate() {
        for (size, workers) in [64, 65, 5_000, 200_000].into_iter().flat_map(|size| [1, 2, 8].map(|n| (size, n))) {
            let (ledger, entries) = Ledger::entries(size);
            let compare = compare.clone();
            let sorting = sort_by(entries, move |_, _| compare()).on(&CpuPool::new(workers)).into_future();
            let entries = either_way(tokio::time::timeout(SOON, sorting).await.expect("it ends"));
            assert!(is_complete(&entries, size) && ledger.is_all(0), "comparison {number}, {size} with {workers}");
        }
    }
}

/// An order that does not hold together.
#[derive(Debug, PartialEq, Eq)]
struct Circle(u64);

impl PartialOrd for Circle {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Circle {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 % 3, (other.0 + 1) % 3).cmp(&(other.0 % 3, (self.0 + 1) % 3))
    }
}

#[tokio::test]
async fn keys_in_a_circle_lose_nothing() {
    for size in [64, 65, 5_000, 200_000] {
        let (ledger, entries) = Ledger::entries(size);
        let entries = either_way(sort_by_cached_key(entries, |entry: &Entry| Circle(entry.key)).await);
        assert!(is_complete(&entries, size) && ledger.is_all(0), "{size}");
        let (ledger, entries) = Ledger::entries(size);
        let entries = either_way(sort_by_key(entries, |entry: &Entry| Circle(entry.key)).await);
        assert!(is_complete(&entries, size) && ledger.is_all(0), "{size}");
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PanicsOnDrop(u64);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

#[tokio::test]
async fn destructors_that_panic_are_survived() {
    let bad = |count: u64| (0..count).map(|n| PanicsOnDrop(n * 7 % count)).collect::<Vec<_>>();
    for count in [10, 100] {
        let failed = sort_by(bad(count), |_, _| panic!("no order")).await;
        drop(failed.expect_err("it panics"));
        let failed = sort_by_key((0..count).rev().collect(), |_| PanicsOnDrop(7)).await;
        assert_eq!(failed.expect("the keys are dropped quietly").len(), count as usize);
        let failed = sort_by_cached_key((0..count).collect(), move |n| {
            assert!(n + 1 < count, "the last key");
            PanicsOnDrop(*n)
        });
        assert_eq!(failed.await.expect_err("it panics").into_inner().len(), count as usize);
        let pool = CpuPool::new(1);
        pool.close();
        let refused = sort(bad(100)).on(&pool).await.expect_err("it is closed");
        drop(refused);
    }
}

#[tokio::test]
async fn a_comparison_whose_destructor_panics_is_survived() {
    for count in [10, 100] {
        let bad = PanicsOnDrop(1);
        let sorting = sort_by((0..count).rev().collect(), move |left: &u64, right| {
            let PanicsOnDrop(one) = &bad;
            (left * one).cmp(right)
        });
        assert_eq!(sorting.await.expect("it sorts").len(), count as usize);
    }
}
