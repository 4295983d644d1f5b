//! What a pipeline costs in time for an item and in memory in all, from ten thousand to ten million items: both have to stay
//! what they are. A program of its own, because the allocator that counts would slow the other scenarios down.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin pipeline_memory
//! ```
#![forbid(unsafe_code)]

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use regatta::pipeline::{Concurrency, Pipeline, Run};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often the memory is looked at: each so many items.
const LOOK: u64 = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    println!("| stages | items | ns an item | peak in bytes |");
    println!("|---|--:|--:|--:|");
    for (name, run) in KINDS {
        for items in [10_000, 100_000, 1_000_000, 10_000_000] {
            let (before, peak) = (live(), Arc::<AtomicUsize>::default());
            let (begun, seen) = (Instant::now(), peak.clone());
            // In a task: `block_on` polls on a thread that is no worker.
            let count = runtime.block_on(async move { tokio::spawn(async move { run(items, seen).await }).await });
            let took = begun.elapsed();
            assert_eq!(count.expect("no task panics").expect("no stage fails"), items);
            let peak = peak.load(Ordering::Relaxed).saturating_sub(before);
            println!("| {name} | {items} | {:.0} | {peak} |", took.as_nanos() as f64 / items as f64);
        }
    }
}

type Kind = fn(u64, Arc<AtomicUsize>) -> Run<u64>;

const KINDS: [(&str, Kind); 4] = [
    ("three ordered, 8 at once", |items, peak| {
        let stages = Pipeline::from_iter(0..items).map_async(8, pass).map_async(8, pass).map_async(8, pass);
        stages.fold(0, move |count, _| counted(count, &peak))
    }),
    ("keyed, every key once", |items, peak| {
        let keyed = Concurrency::keyed(8, |item: &u64| *item);
        Pipeline::from_iter(0..items).map_async(keyed, pass).fold(0, move |count, _| counted(count, &peak))
    }),
    ("keyed, a thousand keys", |items, peak| {
        let keyed = Concurrency::keyed(8, |item: &u64| item % 1_000);
        Pipeline::from_iter(0..items).map_async(keyed, pass).fold(0, move |count, _| counted(count, &peak))
    }),
    ("broadcast to two, merged", |items, peak| {
        let [left, right] = Pipeline::from_iter(0..items / 2).broadcast(16);
        left.merge(right).fold(0, move |count, _| counted(count, &peak))
    }),
];

async fn pass(item: u64) -> u64 {
    item
}

fn counted(count: u64, peak: &AtomicUsize) -> u64 {
    if count.is_multiple_of(LOOK) {
        peak.fetch_max(live(), Ordering::Relaxed);
    }
    count + 1
}

/// What is allocated and not yet free.
fn live() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
