//! A function over many items that cost CPU time: the same for each, or very different.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use regatta::pool::{CpuPool, Schedule};

use super::hand_over::start_rayon;
use crate::measure::{Contest, WORKERS};

/// How many rounds of nothing much item `n` of the skewed work takes: most are small, the last ones very large.
fn skewed(n: usize) -> u64 {
    let share = n as f64 / SKEWED as f64;
    300 + (share.powi(12) * 400_000.0) as u64
}

const SKEWED: usize = 2_000;
const EVEN: usize = 100_000;
const EVEN_ROUNDS: u64 = 500;

pub(super) fn contests() -> Vec<Contest> {
    let (skewed, even) = ("pool/skewed", "pool/even");
    vec![
        Contest::of_tasks(skewed, "max(total / 2, largest)", 1, skewed_regatta, skewed_ideal).bar(1.0 / 1.15),
        Contest::of_tasks(skewed, "rayon par_iter max_len 1", 1, skewed_regatta, skewed_rayon).bar(0.95),
        Contest::of_tasks(skewed, "our Static", 1, skewed_regatta, || skewed_with(Schedule::Static)),
        Contest::of_tasks(skewed, "our Guided", 1, skewed_regatta, || skewed_with(Schedule::Guided)),
        Contest::of_tasks(even, "our Static", 1, || even_with(Schedule::Stealing), || even_with(Schedule::Static))
            .bar(0.9),
        Contest::of_tasks(even, "rayon par_iter", 1, || even_with(Schedule::Stealing), even_rayon),
    ]
}

/// One piece of code for all sides: inlined here and there, its loop differs by more than what is measured.
#[inline(never)]
fn work(rounds: u64) -> u64 {
    (0..rounds).fold(rounds, |sum, n| black_box(sum.rotate_left(5) ^ n))
}

async fn skewed_regatta() -> Duration {
    skewed_with(Schedule::Stealing).await
}

async fn skewed_with(schedule: Schedule) -> Duration {
    let pool = CpuPool::new(WORKERS);
    let items: Vec<u64> = (0..SKEWED).map(skewed).collect();
    let begun = Instant::now();
    let (results, _) = pool.map_with(schedule, items, work).await.expect("no item fails");
    let took = begun.elapsed();
    assert_eq!(results.len(), SKEWED);
    took
}

async fn skewed_rayon() -> Duration {
    start_rayon();
    let items: Vec<u64> = (0..SKEWED).map(skewed).collect();
    let begun = Instant::now();
    let (tx, rx) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        let results: Vec<u64> = items.into_par_iter().with_max_len(1).map(work).collect();
        // Whoever waits has panicked if it is gone.
        let _ = tx.send(results);
    });
    let results = rx.await.expect("no item fails");
    let took = begun.elapsed();
    assert_eq!(results.len(), SKEWED);
    took
}

/// What two cores would take at best, by how long one takes.
async fn skewed_ideal() -> Duration {
    let mut largest = Duration::ZERO;
    let begun = Instant::now();
    for rounds in (0..SKEWED).map(skewed) {
        let begun = Instant::now();
        black_box(work(rounds));
        largest = largest.max(begun.elapsed());
    }
    largest.max(begun.elapsed() / WORKERS as u32)
}

async fn even_with(schedule: Schedule) -> Duration {
    let pool = CpuPool::new(WORKERS);
    let items = vec![EVEN_ROUNDS; EVEN];
    let begun = Instant::now();
    let (results, _) = pool.map_with(schedule, items, work).await.expect("no item fails");
    let took = begun.elapsed();
    assert_eq!(results.len(), EVEN);
    took
}

async fn even_rayon() -> Duration {
    start_rayon();
    let items = vec![EVEN_ROUNDS; EVEN];
    let begun = Instant::now();
    let (tx, rx) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        let results: Vec<u64> = items.into_par_iter().map(work).collect();
        // Whoever waits has panicked if it is gone.
        let _ = tx.send(results);
    });
    let results = rx.await.expect("no item fails");
    let took = begun.elapsed();
    assert_eq!(results.len(), EVEN);
    took
}
