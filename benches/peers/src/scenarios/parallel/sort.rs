//! Stable sorts of what is in memory: random, nearly equal and ordered elements, and texts.

use std::sync::LazyLock;
use std::time::Instant;

use rayon::prelude::*;
use regatta::parallel::{self, Sort};
use regatta::pool::CpuPool;

use crate::measure::{Contest, WORKERS};
use crate::scenarios::pool::start_rayon;

const NUMBERS: usize = 10_000_000;
const TEXTS: usize = 1_000_000;

static RANDOM: LazyLock<Vec<u64>> = LazyLock::new(|| random().take(NUMBERS).collect());
static FEW: LazyLock<Vec<u64>> = LazyLock::new(|| random().take(NUMBERS).map(|n| n % 16).collect());
static SORTED: LazyLock<Vec<u64>> = LazyLock::new(|| (0..NUMBERS as u64).collect());
static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| RANDOM.iter().map(|n| (*n, !n)).collect());
static HEX: LazyLock<Vec<String>> = LazyLock::new(|| random().take(TEXTS).map(|n| format!("{:x}", n >> 8)).collect());

static URLS: LazyLock<Vec<String>> =
    LazyLock::new(|| HEX.iter().map(|hex| format!("https://example.org/item/{hex}")).collect());

/// A key, and what belongs to it.
type Record = (u64, u64);

pub(super) fn contests() -> Vec<Contest> {
    let numbers = |scenario, items: &'static LazyLock<Vec<u64>>| {
        of(scenario, "rayon par_sort", items, parallel::sort, |items: &mut [u64]| items.par_sort())
    };
    vec![
        numbers("sort/u64", &RANDOM).bar(1.6),
        numbers("sort/few_values", &FEW).bar(3.0),
        numbers("sort/sorted", &SORTED).bar(0.9),
        of(
            "sort/generic",
            "rayon par_sort_by_key",
            &RECORDS,
            |items| parallel::sort_by_key(items, |record: &Record| record.0),
            |items: &mut [Record]| items.par_sort_by_key(|record| record.0),
        )
        .bar(1.2),
        of("sort/strings", "rayon par_sort", &HEX, parallel::sort, |items: &mut [String]| items.par_sort()).bar(2.5),
        of("sort/urls", "rayon par_sort", &URLS, parallel::sort, |items: &mut [String]| items.par_sort()),
        of(
            "sort/cached_key",
            "rayon par_sort_by_cached_key",
            &HEX,
            |items| parallel::sort_by_cached_key(items, |text: &String| text.chars().rev().collect::<String>()),
            |items: &mut [String]| items.par_sort_by_cached_key(|text| text.chars().rev().collect::<String>()),
        ),
    ]
}

/// A row of two sorts of the same elements; copying them is not measured.
fn of<T: Clone + Send + Sync + 'static>(
    scenario: &'static str,
    peer: &'static str,
    items: &'static LazyLock<Vec<T>>,
    ours: fn(Vec<T>) -> Sort<T>,
    theirs: fn(&mut [T]),
) -> Contest {
    let ours = move || async move {
        let pool = CpuPool::new(WORKERS);
        let items = items.to_vec();
        let begun = Instant::now();
        let sorted = ours(items).on(&pool).await.expect("no comparison panics");
        let took = begun.elapsed();
        drop(sorted);
        took
    };
    let theirs = move || async move {
        start_rayon();
        let mut items = items.to_vec();
        let begun = Instant::now();
        let (tx, rx) = tokio::sync::oneshot::channel();
        rayon::spawn(move || {
            theirs(&mut items);
            // Whoever waits has panicked if it is gone.
            let _ = tx.send(items);
        });
        let sorted = rx.await.expect("no comparison panics");
        let took = begun.elapsed();
        drop(sorted);
        took
    };
    Contest::of_tasks(scenario, peer, 1, ours, theirs)
}

/// The same numbers each time.
fn random() -> impl Iterator<Item = u64> {
    let mut state = 7_u64;
    std::iter::repeat_with(move || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
