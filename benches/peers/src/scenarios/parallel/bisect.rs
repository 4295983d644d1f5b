//! A tree of tiny nodes: the price of a fork that nobody takes.

use std::hint::black_box;
use std::num::NonZero;
use std::ops::Range;
use std::time::{Duration, Instant};

use regatta::parallel::{bisect, divide_and_conquer};
use regatta::pool::CpuPool;

use super::{on_blocking, on_rayon};
use crate::measure::{Contest, WORKERS};

const LEAVES: u32 = 1 << 22;

pub(super) fn contests() -> Vec<Contest> {
    let row = |peer, theirs: fn() -> Duration| {
        Contest::of_tasks("bisect/tree", peer, 1, ours, move || async move { on_blocking(theirs).await })
    };
    vec![
        row("rayon::join, no cutoff", || on_rayon(|| joined(0..LEAVES))).bar(2.0),
        row("rayon::join, best of 5 cutoffs", best_cutoff).bar(0.45),
        row("chili", chili).bar(1.0),
        row("sequential", sequential),
        Contest::of_tasks("bisect/tree", "our divide_and_conquer", 1, ours, divided),
    ]
}

/// What a leaf is worth; the same code for all sides.
#[inline]
fn leaf(n: u32) -> u64 {
    let mut x = u64::from(n) + 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

fn halves(range: &Range<u32>) -> [Range<u32>; 2] {
    let middle = range.start.midpoint(range.end);
    [range.start..middle, middle..range.end]
}

async fn ours() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let begun = Instant::now();
    let sum = bisect(
        black_box(0..LEAVES),
        |range: &Range<u32>| range.end - range.start == 1,
        |range| leaf(range.start),
        |range| halves(&range),
        u64::wrapping_add,
    );
    black_box(sum.on(&pool).await.expect("no node panics"));
    begun.elapsed()
}

async fn divided() -> Duration {
    let pool = CpuPool::new(WORKERS);
    let begun = Instant::now();
    let sum = divide_and_conquer(
        black_box(0..LEAVES),
        |range: &Range<u32>| range.end - range.start == 1,
        |range| leaf(range.start),
        |range| halves(&range).into(),
        |sums: Vec<u64>| sums.into_iter().fold(0, u64::wrapping_add),
    );
    black_box(sum.on(&pool).await.expect("no node panics"));
    begun.elapsed()
}

fn sequential() -> Duration {
    fn sum(range: Range<u32>) -> u64 {
        if range.end - range.start == 1 {
            return leaf(range.start);
        }
        let [left, right] = halves(&range);
        sum(left).wrapping_add(sum(right))
    }
    let begun = Instant::now();
    black_box(sum(black_box(0..LEAVES)));
    begun.elapsed()
}

fn joined(range: Range<u32>) -> u64 {
    if range.end - range.start == 1 {
        return leaf(range.start);
    }
    let [left, right] = halves(&range);
    let (left, right) = rayon::join(|| joined(left), || joined(right));
    left.wrapping_add(right)
}

/// Forks down to some depth, and goes on alone from there.
fn joined_to(range: Range<u32>, depth: u32) -> u64 {
    if range.end - range.start == 1 {
        return leaf(range.start);
    }
    let [left, right] = halves(&range);
    let (left, right) = match depth {
        0 => (joined_to(left, 0), joined_to(right, 0)),
        _ => rayon::join(|| joined_to(left, depth - 1), || joined_to(right, depth - 1)),
    };
    left.wrapping_add(right)
}

fn best_cutoff() -> Duration {
    let depths = (6..=14).step_by(2);
    let times = depths.map(|depth| on_rayon(move || joined_to(0..LEAVES, depth)));
    times.min().unwrap_or_default()
}

fn chili() -> Duration {
    fn sum(scope: &mut chili::Scope<'_>, range: Range<u32>) -> u64 {
        if range.end - range.start == 1 {
            return leaf(range.start);
        }
        let [left, right] = halves(&range);
        let (left, right) = scope.join(|scope| sum(scope, left), |scope| sum(scope, right));
        left.wrapping_add(right)
    }
    let config = chili::Config { thread_count: NonZero::new(WORKERS), ..chili::Config::default() };
    let pool = chili::ThreadPool::with_config(config);
    let begun = Instant::now();
    black_box(sum(&mut pool.scope(), black_box(0..LEAVES)));
    begun.elapsed()
}
