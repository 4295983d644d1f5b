//! Misses that load: each key is asked for once, by one of two tasks, and its loader has nothing to wait for.
//!
//! There is room for 10,000 entries, so that after a while each that comes takes the room of another. Our loader runs in a
//! task of its own, moka's in the caller's.

use std::io;
use std::ops::Range;
use std::time::Duration;

use super::{made, tasks};
use crate::measure::Contest;
use crate::scenarios::sync::KEYS;

/// Of one task.
const LOADS: u64 = 100_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![Contest::of_tasks("cache/load", "moka future", LOADS, ours, moka).bar(0.7)]
}

fn keys(worker: u64) -> Range<u64> {
    worker * LOADS..(worker + 1) * LOADS
}

async fn ours() -> Duration {
    let cache = made::ours(KEYS);
    tasks::run(|worker| {
        let cache = cache.clone();
        async move {
            let mut sum = 0;
            for key in keys(worker) {
                let loaded = cache.try_get_or_load(&key, |key| async move { Ok::<_, io::Error>(key) }).await;
                sum += loaded.expect("no load fails");
            }
            sum
        }
    })
    .await
}

async fn moka() -> Duration {
    let cache = made::moka_future(KEYS);
    tasks::run(|worker| {
        let cache = cache.clone();
        async move {
            let mut sum = 0;
            for key in keys(worker) {
                let loaded = cache.try_get_with(key, async move { Ok::<_, io::Error>(key) }).await;
                sum += loaded.expect("no load fails");
            }
            sum
        }
    })
    .await
}
