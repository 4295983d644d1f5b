//! Stages that do next to nothing, so that what is measured is the way between them.

use std::hint::black_box;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures::stream::{self, Stream, StreamExt};
use regatta::pipeline::Pipeline;

use crate::measure::Contest;

const ITEMS: u64 = 200_000;
const FUSED_ITEMS: u64 = 20_000_000;
/// Items in work at once, at each stage.
const CONCURRENCY: usize = 8;

pub(crate) fn contests() -> Vec<Contest> {
    let (one, three, fused5) = ("pipeline/1stage/ordered", "pipeline/3stages/ordered", "pipeline/fused5");
    vec![
        Contest::of_tasks(one, "tokio::spawn + buffered", ITEMS, one_stage, one_buffered).bar(1.9),
        Contest::of_tasks(three, "tokio::spawn + buffered", ITEMS, three_stages, three_buffered).bar(2.5),
        Contest::of_tasks(fused5, "bare loop", FUSED_ITEMS, fused, bare_loop).bar(0.8),
    ]
}

async fn one_stage() -> Duration {
    let begun = Instant::now();
    let run = Pipeline::from_iter(0..ITEMS).map_async(CONCURRENCY, increment);
    let sum = run.fold(0, |sum, item| sum + item).await;
    checked(1, begun, sum.expect("no stage fails"))
}

async fn three_stages() -> Duration {
    let begun = Instant::now();
    let run = Pipeline::from_iter(0..ITEMS)
        .map_async(CONCURRENCY, increment)
        .map_async(CONCURRENCY, increment)
        .map_async(CONCURRENCY, increment);
    let sum = run.fold(0, |sum, item| sum + item).await;
    checked(3, begun, sum.expect("no stage fails"))
}

async fn one_buffered() -> Duration {
    let begun = Instant::now();
    let sum = sum_of(buffered(stream::iter(0..ITEMS))).await;
    checked(1, begun, sum)
}

async fn three_buffered() -> Duration {
    let begun = Instant::now();
    let sum = sum_of(buffered(buffered(buffered(stream::iter(0..ITEMS))))).await;
    checked(3, begun, sum)
}

fn buffered(items: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
    let tasks = items.map(|item| tokio::spawn(increment(item))).buffered(CONCURRENCY);
    tasks.map(|joined| joined.expect("no task panics"))
}

async fn sum_of(items: impl Stream<Item = u64>) -> u64 {
    let mut items = pin!(items);
    let mut sum = 0;
    while let Some(item) = items.next().await {
        sum += item;
    }
    sum
}

async fn increment(item: u64) -> u64 {
    item + 1
}

/// Each stage adds one to each item.
fn checked(stages: u64, begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2 + stages * ITEMS, "items were lost or doubled");
    took
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
