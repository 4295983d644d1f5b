//! Nine reads for each write, of a cache that is full: what is written is new, and somebody has to go.
//!
//! A read that finds nothing is not followed by a write. So each side begins with a fresh cache in each round.

use std::hint::black_box;

use super::made;
use crate::measure::{Contest, Side};
use crate::scenarios::sync::{KEYS, contest, read};

const CALLS: u64 = 1_000_000;

pub(super) fn contests() -> Vec<Contest> {
    vec![
        contest("cache/mixed", "moka", ours(), moka()).bar(2.0),
        contest("cache/mixed", "quick_cache", ours(), quick()).bar(0.6),
    ]
}

/// Reads or writes, by a number that looks random.
fn mixed(n: u64, get: impl FnOnce(u64) -> Option<u64>, insert: impl FnOnce(u64)) -> u64 {
    // Other bits than those of the key, so that any key is read.
    if (n >> 32).is_multiple_of(10) {
        // As good as new: there are few numbers below `KEYS`.
        insert(n);
        0
    } else {
        get(n % KEYS).unwrap_or(0)
    }
}

fn ours() -> Side {
    Box::new(|| {
        let cache = made::ours(KEYS);
        (0..KEYS).for_each(|key| cache.insert(key, key));
        read(CALLS, || |n| mixed(n, |key| black_box(&cache).get(&key), |key| cache.insert(key, key)))
    })
}

fn moka() -> Side {
    Box::new(|| {
        let cache = made::moka(KEYS);
        (0..KEYS).for_each(|key| cache.insert(key, key));
        cache.run_pending_tasks();
        read(CALLS, || |n| mixed(n, |key| black_box(&cache).get(&key), |key| cache.insert(key, key)))
    })
}

fn quick() -> Side {
    Box::new(|| {
        let cache = made::quick(KEYS);
        (0..KEYS).for_each(|key| cache.insert(key, key));
        read(CALLS, || |n| mixed(n, |key| black_box(&cache).get(&key), |key| cache.insert(key, key)))
    })
}
