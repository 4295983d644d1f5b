//! How much memory a sort takes at its peak, its elements included, as a multiple of these. A program of its own, because the
//! allocator that counts would slow the other scenarios down. A thread looks at the counts from time to time.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin sort_memory
//! ```
#![forbid(unsafe_code)]

use std::alloc::System;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use regatta::parallel::{sort, sort_by_key};
use regatta::pool::CpuPool;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const COUNT: u64 = 10_000_000;
const TEXTS: u64 = 1_000_000;
const LOOK: Duration = Duration::from_micros(100);

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("it is not used before");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let pool = runtime.block_on(async { CpuPool::new(2) });
    println!("| elements | bytes | ours | rayon |");
    println!("|---|--:|--:|--:|");
    row(
        "u64",
        || (0..COUNT).map(mixed).collect(),
        |items| runtime.block_on(sort(items).on(&pool).into_future()).expect("it sorts"),
        |items| items.par_sort(),
    );
    row(
        "16 bytes, by key",
        || (0..COUNT).map(|n| (mixed(n), n)).collect(),
        |items| {
            runtime.block_on(sort_by_key(items, |pair: &(u64, u64)| pair.0).on(&pool).into_future()).expect("it sorts")
        },
        |items| items.par_sort_by_key(|pair| pair.0),
    );
    row(
        "String, without their text",
        || (0..TEXTS).map(|n| format!("{:x}", mixed(n) >> 8)).collect(),
        |items| runtime.block_on(sort(items).on(&pool).into_future()).expect("it sorts"),
        |items: &mut [String]| items.par_sort(),
    );
}

fn row<T>(name: &str, make: impl Fn() -> Vec<T>, ours: impl FnOnce(Vec<T>) -> Vec<T>, theirs: impl FnOnce(&mut [T])) {
    let bytes = make().capacity() * size_of::<T>();
    let ours = peak(make(), ours) as f64 / bytes as f64;
    let theirs = peak(make(), |mut items| {
        theirs(&mut items);
        items
    });
    println!("| {name} | {bytes} | {:.2} | {:.2} |", 1.0 + ours, 1.0 + theirs as f64 / bytes as f64);
}

/// The most that is allocated at once while this runs, beyond what is allocated before.
fn peak<T>(items: Vec<T>, sort: impl FnOnce(Vec<T>) -> Vec<T>) -> usize {
    let (before, is_over) = (live(), AtomicBool::new(false));
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut peak = 0;
            while !is_over.load(Ordering::Relaxed) {
                peak = live().saturating_sub(before).max(peak);
                thread::sleep(LOOK);
            }
            peak
        });
        let sorted = sort(items);
        is_over.store(true, Ordering::Relaxed);
        drop(sorted);
        looks.join().expect("it only looks")
    })
}

/// splitmix64
fn mixed(n: u64) -> u64 {
    let state = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What is allocated and not yet free.
fn live() -> usize {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
