//! Handing a million numbers over, from as many producers as there are consumers.
//!
//! Ours tracks every item until it is finished; no peer does.

mod ours;
mod peers;

use std::future::Future;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::measure::Contest;

const ITEMS: u64 = 1_000_000;
const CAPACITY: usize = 1024;
/// The most items that are received together, and how many are sent together.
const BATCH: usize = 256;

pub(crate) fn contests() -> Vec<Contest> {
    let (one, four) = ("queue/1x1/tracked", "queue/4x4/tracked");
    let (one_batch, four_batch) = ("queue/1x1/batch", "queue/4x4/batch");
    let (one_both, four_both) = ("queue/1x1/batch_both", "queue/4x4/batch_both");
    vec![
        Contest::of_tasks(one, "async-channel", ITEMS, || ours::tracked(1), || peers::async_channel(1)).bar(0.8),
        Contest::of_tasks(one, "tokio mpsc", ITEMS, || ours::tracked(1), peers::tokio_mpsc),
        Contest::of_tasks(one, "flume", ITEMS, || ours::tracked(1), || peers::flume(1)),
        Contest::of_tasks(one, "kanal", ITEMS, || ours::tracked(1), || peers::kanal(1)),
        Contest::of_tasks(four, "async-channel", ITEMS, || ours::tracked(4), || peers::async_channel(4)).bar(0.8),
        Contest::of_tasks(four, "flume", ITEMS, || ours::tracked(4), || peers::flume(4)),
        Contest::of_tasks(four, "kanal", ITEMS, || ours::tracked(4), || peers::kanal(4)),
        Contest::of_tasks(one_batch, "async-channel drained", ITEMS, || ours::batch(1), || peers::drained(1)).bar(2.5),
        Contest::of_tasks(one_batch, "tokio mpsc recv_many", ITEMS, || ours::batch(1), peers::tokio_recv_many),
        Contest::of_tasks(four_batch, "async-channel drained", ITEMS, || ours::batch(4), || peers::drained(4)).bar(1.1),
        Contest::of_tasks(one_both, "async-channel drained", ITEMS, || ours::batch_both(1), || peers::drained(1)),
        Contest::of_tasks(one_both, "tokio mpsc reserve_many", ITEMS, || ours::batch_both(1), peers::tokio_both_many),
        Contest::of_tasks(four_both, "async-channel drained", ITEMS, || ours::batch_both(4), || peers::drained(4)),
    ]
}

/// Runs `width` producers and as many consumers, each in a task of its own, until all have ended; checks that the sum
/// of what went in came out.
///
/// `produce` owns the first sender, so that the end comes when the last producer is done.
async fn relay<P, Produced, C, Consumed>(width: u64, mut produce: P, mut consume: C) -> Duration
where
    P: FnMut(Range<u64>) -> Produced,
    Produced: Future<Output = ()> + Send + 'static,
    C: FnMut() -> Consumed,
    Consumed: Future<Output = u64> + Send + 'static,
{
    let share = ITEMS / width;
    let begun = Instant::now();
    let consumers: Vec<_> = (0..width).map(|_| tokio::spawn(consume())).collect();
    let producers: Vec<_> = (0..width).map(|n| tokio::spawn(produce(n * share..(n + 1) * share))).collect();
    drop(produce);
    for producer in producers {
        producer.await.expect("no producer panics");
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.expect("no consumer panics");
    }
    let took = begun.elapsed();
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2, "items were lost or doubled");
    took
}
