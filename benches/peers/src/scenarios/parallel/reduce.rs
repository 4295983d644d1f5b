//! A sum over numbers: nothing but reading memory.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use regatta::parallel::reduce;
use regatta::pool::CpuPool;

use super::{on_blocking, on_rayon};
use crate::measure::{Contest, WORKERS};

const NUMBERS: u64 = 10_000_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![Contest::of_tasks("reduce/sum", "rayon par_iter().sum()", 1, ours, theirs).bar(0.9)]
}

fn numbers() -> Arc<[u64]> {
    static NUMBERS_ONCE: OnceLock<Arc<[u64]>> = OnceLock::new();
    NUMBERS_ONCE.get_or_init(|| (0..NUMBERS).collect()).clone()
}

async fn ours() -> Duration {
    let (pool, numbers) = (CpuPool::new(WORKERS), numbers());
    let begun = Instant::now();
    let sum = reduce(numbers, || 0, |sum: u64, n: &u64| sum + n, |left, right| left + right);
    let sum = sum.on(&pool).await.expect("nothing panics");
    let took = begun.elapsed();
    assert_eq!(sum, NUMBERS * (NUMBERS - 1) / 2);
    took
}

async fn theirs() -> Duration {
    let numbers = numbers();
    on_blocking(move || on_rayon(|| black_box(numbers.par_iter().sum::<u64>()))).await
}
