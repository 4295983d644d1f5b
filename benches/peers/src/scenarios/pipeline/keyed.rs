//! A thousand keys, each in order: beside workers with a channel each, to which items are dealt by the hash of their key.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regatta::pipeline::{Concurrency, Pipeline};
use tokio::sync::mpsc;

use super::{CONCURRENCY, increment};
use crate::measure::Contest;

const ITEMS: u64 = 200_000;
const SLOW_ITEMS: u64 = 20_000;
const KEYS: u64 = 1_000;
/// What a worker that was dealt items may leave waiting: as many as a stage lets wait in all, shared among eight.
const CHANNEL: usize = 64;

pub(super) fn contests() -> Vec<Contest> {
    let peer = "hash to 8 mpsc workers";
    vec![
        Contest::of_tasks("pipeline/keyed", peer, ITEMS, keyed, dealt).bar(0.8),
        Contest::of_tasks("pipeline/keyed/slow_key", peer, SLOW_ITEMS, keyed_with_a_slow_key, dealt_with_a_slow_key)
            .bar(3.0),
    ]
}

fn key(item: u64) -> u64 {
    item % KEYS
}

async fn keyed() -> Duration {
    let begun = Instant::now();
    let eight = Concurrency::keyed(CONCURRENCY, |item: &u64| key(*item));
    let sum = Pipeline::from_iter(0..ITEMS).map_async(eight, increment).fold(0, |sum, item| sum + item).await;
    checked(begun, sum.expect("no stage fails"))
}

async fn dealt() -> Duration {
    let begun = Instant::now();
    let (results, mut finished) = mpsc::channel(CHANNEL);
    let dealer = tokio::spawn(deal(ITEMS, move |item| {
        let results = results.clone();
        async move {
            let result = increment(item).await;
            results.send(result).await.expect("somebody sums up");
        }
    }));
    let mut sum = 0;
    while let Some(item) = finished.recv().await {
        sum += item;
    }
    dealer.await.expect("no task panics");
    checked(begun, sum)
}

/// Deals items to eight workers, each with a channel.
async fn deal<Fut>(items: u64, work: impl Fn(u64) -> Fut + Clone + Send + 'static)
where
    Fut: Future<Output = ()> + Send,
{
    let random = RandomState::new();
    let (mut channels, mut workers) = (Vec::new(), Vec::new());
    for _ in 0..CONCURRENCY {
        let (channel, mut items) = mpsc::channel(CHANNEL);
        let work = work.clone();
        channels.push(channel);
        workers.push(tokio::spawn(async move {
            while let Some(item) = items.recv().await {
                work(item).await;
            }
        }));
    }
    drop(work);
    for item in 0..items {
        let worker = random.hash_one(key(item)) as usize % CONCURRENCY;
        channels[worker].send(item).await.expect("the worker lives");
    }
    drop(channels);
    for worker in workers {
        worker.await.expect("no task panics");
    }
}

/// Takes the time at which the last item of all other keys was finished.
#[derive(Clone)]
struct Others(Arc<(AtomicU64, Mutex<Option<Duration>>, Instant)>);

impl Others {
    fn new() -> Self {
        let left = AtomicU64::new(SLOW_ITEMS - SLOW_ITEMS / KEYS);
        Self(Arc::new((left, Mutex::new(None), Instant::now())))
    }

    /// Items of one key take some milliseconds, the others nothing.
    async fn work(self, item: u64) {
        if key(item) == 0 {
            return tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if self.0.0.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.0.1.lock().expect("nobody panics") = Some(self.0.2.elapsed());
        }
    }

    fn took(&self) -> Duration {
        self.0.1.lock().expect("nobody panics").expect("all are finished")
    }
}

async fn keyed_with_a_slow_key() -> Duration {
    let (others, eight) = (Others::new(), Concurrency::keyed(CONCURRENCY, |item: &u64| key(*item)));
    let work = others.clone();
    let run = Pipeline::from_iter(0..SLOW_ITEMS).for_each(eight, move |item| work.clone().work(item));
    run.await.expect("no stage fails");
    others.took()
}

async fn dealt_with_a_slow_key() -> Duration {
    let others = Others::new();
    let work = others.clone();
    deal(SLOW_ITEMS, move |item| work.clone().work(item)).await;
    others.took()
}

fn checked(begun: Instant, sum: u64) -> Duration {
    let took = begun.elapsed();
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2 + ITEMS, "items were lost or doubled");
    took
}
