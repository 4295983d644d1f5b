//! Two threads that read as fast as they can, or one that writes.

use std::hint::black_box;
use std::iter;
use std::thread;
use std::time::Instant;

use crate::measure::{Contest, Side, Sides, WORKERS};

/// Entries of a map, or of a cache.
pub(in crate::scenarios) const KEYS: u64 = 10_000;

/// A row of two pieces of code that time themselves.
pub(in crate::scenarios) fn contest(scenario: &'static str, peer: &'static str, ours: Side, theirs: Side) -> Contest {
    Contest::new(scenario, peer, move || Ok(Sides { ours, theirs, note: None }))
}

/// Runs as many readers as there are workers, each with what `prepare` makes for it; gives nanoseconds for each read of
/// one thread. A read is given a number that looks random, the same sequence in each run.
pub(in crate::scenarios) fn read<R: FnMut(u64) -> u64>(reads: u64, prepare: impl Fn() -> R + Sync) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for worker in 0..WORKERS as u64 {
            let prepare = &prepare;
            scope.spawn(move || {
                let mut read = prepare();
                let numbers = numbers(worker).take(reads as usize);
                black_box(numbers.fold(0_u64, |sum, n| sum.wrapping_add(read(n))));
            });
        }
    });
    begun.elapsed().as_nanos() as f64 / reads as f64
}

/// Runs one writer; gives nanoseconds for each write.
pub(super) fn write(writes: u64, mut write: impl FnMut(u64)) -> f64 {
    let begun = Instant::now();
    let mut random = 1;
    for _ in 0..writes {
        random = next(random);
        write(random);
    }
    begun.elapsed().as_nanos() as f64 / writes as f64
}

/// What a reader is given.
pub(in crate::scenarios) fn numbers(worker: u64) -> impl Iterator<Item = u64> {
    let mut random = worker * 7919 + 1;
    iter::repeat_with(move || {
        random = next(random);
        random
    })
}

/// Xorshift: cheap, and the same for all.
fn next(mut random: u64) -> u64 {
    random ^= random << 13;
    random ^= random >> 7;
    random ^ (random << 17)
}
