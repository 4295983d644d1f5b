//! One stage, three stages, in order and not: beside tasks and `buffered`, and beside libraries of the kind.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::stream::{self, Stream, StreamExt};
use par_stream::ParStreamExt;
use regatta::pipeline::{Concurrency, Pipeline};

use super::{CONCURRENCY, increment};
use crate::measure::Contest;

const ITEMS: u64 = 200_000;

pub(super) fn contests() -> Vec<Contest> {
    let spawned = "tokio::spawn + buffered";
    let unordered = "tokio::spawn + buffer_unordered";
    vec![
        Contest::of_tasks("pipeline/1stage/ordered", spawned, ITEMS, one_stage, one_buffered).bar(1.9),
        Contest::of_tasks("pipeline/3stages/ordered", spawned, ITEMS, three_stages, three_buffered).bar(2.5),
        Contest::of_tasks("pipeline/3stages/unordered", unordered, ITEMS, three_unordered, three_buffer_unordered)
            .bar(2.5),
        Contest::of_tasks("pipeline/inline", "futures buffered", ITEMS, inline, bare_buffered).bar(0.8),
        Contest::of_tasks("pipeline/pumps", "pumps", ITEMS, three_stages, three_pumps).bar(1.3),
        Contest::of_tasks("pipeline/par_stream", "par-stream", ITEMS, three_stages, three_par_then).bar(1.3),
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

async fn three_unordered() -> Duration {
    let (begun, eight) = (Instant::now(), Concurrency::unordered(CONCURRENCY));
    let run = Pipeline::from_iter(0..ITEMS).map_async(eight, increment).map_async(eight, increment);
    let sum = run.map_async(eight, increment).fold(0, |sum, item| sum + item).await;
    checked(3, begun, sum.expect("no stage fails"))
}

async fn inline() -> Duration {
    let begun = Instant::now();
    let run = Pipeline::from_iter(0..ITEMS).inline().map_async(CONCURRENCY, increment);
    let sum = run.fold(0, |sum, item| sum + item).await;
    checked(1, begun, sum.expect("no stage fails"))
}

async fn bare_buffered() -> Duration {
    let begun = Instant::now();
    let sum = sum_of(stream::iter(0..ITEMS).map(increment).buffered(CONCURRENCY)).await;
    checked(1, begun, sum)
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

async fn three_buffer_unordered() -> Duration {
    let begun = Instant::now();
    let sum = sum_of(buffer_unordered(buffer_unordered(buffer_unordered(stream::iter(0..ITEMS))))).await;
    checked(3, begun, sum)
}

async fn three_pumps() -> Duration {
    let begun = Instant::now();
    let eight = || pumps::Concurrency::concurrent_ordered(CONCURRENCY);
    let stages = pumps::Pipeline::from_iter(0..ITEMS).map(increment, eight()).map(increment, eight());
    let (mut results, end) = stages.map(increment, eight()).build();
    let mut sum = 0;
    while let Some(item) = results.recv().await {
        sum += item;
    }
    end.await.expect("no stage fails");
    checked(3, begun, sum)
}

async fn three_par_then() -> Duration {
    let begun = Instant::now();
    let stages = stream::iter(0..ITEMS).par_then(CONCURRENCY, increment).par_then(CONCURRENCY, increment);
    let sum = sum_of(stages.par_then(CONCURRENCY, increment)).await;
    checked(3, begun, sum)
}

fn buffered(items: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
    let tasks = items.map(|item| tokio::spawn(increment(item))).buffered(CONCURRENCY);
    tasks.map(|joined| joined.expect("no task panics"))
}

fn buffer_unordered(items: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
    let tasks = items.map(|item| tokio::spawn(increment(item))).buffer_unordered(CONCURRENCY);
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

/// Each stage adds one to each item.
fn checked(stages: u64, begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2 + stages * ITEMS, "items were lost or doubled");
    took
}
