//! Stages fused into each other, beside the loop that the compiler would make of them.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use regatta::pipeline::Pipeline;

use crate::measure::Contest;

const FUSED_ITEMS: u64 = 20_000_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![Contest::of_tasks("pipeline/fused5", "bare loop", FUSED_ITEMS, fused, bare_loop).bar(0.8)]
}

async fn fused() -> Duration {
    let begun = Instant::now();
    let run = Pipeline::from_iter(0..black_box(FUSED_ITEMS)).map(mix).filter(keep_two_thirds).map(spread);
    let sum = run.filter(keep_half).map(shrink).fold(0_u64, |sum, item| sum.wrapping_add(item)).await;
    checked_fused(begun, sum.expect("no stage fails"))
}

async fn bare_loop() -> Duration {
    let begun = Instant::now();
    let sum = loop_over(black_box(FUSED_ITEMS));
    checked_fused(begun, sum)
}

fn loop_over(items: u64) -> u64 {
    let mut sum = 0_u64;
    for item in 0..items {
        let item = mix(item);
        if !keep_two_thirds(&item) {
            continue;
        }
        let item = spread(item);
        if !keep_half(&item) {
            continue;
        }
        sum = sum.wrapping_add(shrink(item));
    }
    sum
}

fn mix(item: u64) -> u64 {
    item ^ (item << 7)
}

fn keep_two_thirds(item: &u64) -> bool {
    !item.is_multiple_of(3)
}

fn spread(item: u64) -> u64 {
    item.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn keep_half(item: &u64) -> bool {
    item & 8 == 0
}

fn shrink(item: u64) -> u64 {
    item >> 3
}

fn checked_fused(begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, *EXPECTED, "an item was lost, doubled or wrong");
    took
}

/// What plain iterators make of the same closures.
static EXPECTED: LazyLock<u64> = LazyLock::new(|| {
    let kept = (0..FUSED_ITEMS).map(mix).filter(keep_two_thirds).map(spread).filter(keep_half);
    kept.map(shrink).fold(0, u64::wrapping_add)
});
