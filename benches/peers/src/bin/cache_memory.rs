//! What an entry costs in memory, of a cache that is full: ours and the rivals'. A program of its own, because the allocator
//! that counts would slow the other scenarios down. Bytes as asked for, without what the allocator adds.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin cache_memory
//! ```
#![forbid(unsafe_code)]

use std::alloc::System;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Moka = moka::sync::Cache<u64, u64, RandomState>;
type Quick = quick_cache::sync::Cache<u64, u64, UnitWeighter, RandomState>;

const CAPACITY: u64 = 1_000_000;
/// Different keys that are put in, so that half of them have gone again.
const INSERTS: u64 = 2 * CAPACITY;

fn main() {
    println!("| cache | entries | bytes an entry |");
    println!("|---|--:|--:|");
    row("ours", || {
        let cache = regatta::cache::Cache::builder(CAPACITY).hasher(RandomState::default()).build();
        (0..INSERTS).for_each(|key| cache.insert(key, key));
        (cache.len() as u64, cache)
    });
    row("moka", || {
        let cache: Moka = moka::sync::Cache::builder().max_capacity(CAPACITY).build_with_hasher(RandomState::default());
        (0..INSERTS).for_each(|key| cache.insert(key, key));
        // One call does only so much.
        while cache.entry_count() != settled(&cache) {}
        (cache.entry_count(), cache)
    });
    row("quick_cache", || {
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        let cache = Quick::with(CAPACITY as usize, CAPACITY, UnitWeighter, hasher, lifecycle);
        (0..INSERTS).for_each(|key| cache.insert(key, key));
        (cache.len() as u64, cache)
    });
}

/// How many entries there are after what was put off is done.
fn settled(cache: &Moka) -> u64 {
    cache.run_pending_tasks();
    cache.entry_count()
}

/// Fills a cache and looks at what is allocated while it is there.
fn row<C>(name: &str, fill: impl FnOnce() -> (u64, C)) {
    let before = live();
    let (entries, cache) = fill();
    let bytes = live().saturating_sub(before);
    drop(cache);
    println!("| {name} | {entries} | {:.1} |", bytes as f64 / entries as f64);
}

/// What is allocated and not yet free.
fn live() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
