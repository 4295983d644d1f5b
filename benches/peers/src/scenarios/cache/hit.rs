//! Reads that all hit: 10,000 entries where there is room for 20,000.

use std::hint::black_box;
use std::time::Duration;

use super::{made, tasks};
use crate::measure::{Contest, Side};
use crate::scenarios::sync::{KEYS, contest, numbers, read};

const CAPACITY: u64 = 2 * KEYS;
const READS: u64 = 1_000_000;

pub(super) fn contests() -> Vec<Contest> {
    let (hit, reader) = ("cache/hit", "cache/hit_reader");
    vec![
        contest(hit, "moka", ours(), moka()).bar(8.0),
        contest(hit, "quick_cache", ours(), quick()).bar(1.1),
        Contest::of_tasks(hit, "moka future", READS, ours_in_tasks, moka_in_tasks),
        contest(reader, "quick_cache", ours_reader(), quick()).bar(1.4),
    ]
}

fn filled() -> made::Ours {
    let cache = made::ours(CAPACITY);
    (0..KEYS).for_each(|key| cache.insert(key, key));
    cache
}

fn ours() -> Side {
    let cache = filled();
    Box::new(move || read(READS, || |n| black_box(&cache).get(&(n % KEYS)).expect("every key is there")))
}

fn ours_reader() -> Side {
    let cache = filled();
    Box::new(move || {
        read(READS, || {
            let mut reader = cache.reader();
            move |n| *black_box(&mut reader).get(&(n % KEYS)).expect("every key is there")
        })
    })
}

fn moka() -> Side {
    let cache = made::moka(CAPACITY);
    (0..KEYS).for_each(|key| cache.insert(key, key));
    cache.run_pending_tasks();
    Box::new(move || read(READS, || |n| black_box(&cache).get(&(n % KEYS)).expect("every key is there")))
}

fn quick() -> Side {
    let cache = made::quick(CAPACITY);
    (0..KEYS).for_each(|key| cache.insert(key, key));
    Box::new(move || read(READS, || |n| black_box(&cache).get(&(n % KEYS)).expect("every key is there")))
}

async fn ours_in_tasks() -> Duration {
    let cache = filled();
    tasks::run(|worker| {
        let cache = cache.clone();
        async move {
            numbers(worker)
                .take(READS as usize)
                .fold(0, |sum, n| sum + cache.get(&(n % KEYS)).expect("every key is there"))
        }
    })
    .await
}

async fn moka_in_tasks() -> Duration {
    let cache = made::moka_future(CAPACITY);
    for key in 0..KEYS {
        cache.insert(key, key).await;
    }
    cache.run_pending_tasks().await;
    tasks::run(|worker| {
        let cache = cache.clone();
        async move {
            let mut sum = 0;
            for n in numbers(worker).take(READS as usize) {
                sum += cache.get(&(n % KEYS)).await.expect("every key is there");
            }
            sum
        }
    })
    .await
}
