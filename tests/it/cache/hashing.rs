//! Hashers of every quality, and tables that are split while they are read.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use regatta::cache::Cache;

/// Gives a number as it is.
#[derive(Debug, Clone, Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type ByNumber = BuildHasherDefault<Plain>;

#[test]
fn a_hasher_that_does_nothing_wastes_no_room() {
    for stride in [1, 16, 1 << 20, 1 << 40, 1 << 48] {
        let cache = Cache::builder(16_384).hasher(ByNumber::default()).build();
        (0..16_000_u64).for_each(|n| cache.insert(n.wrapping_mul(stride), n));
        assert!(cache.len() > 12_000, "{} of 16000 by {stride}", cache.len());
    }
}

/// Splits come one after the other while readers are on their way with an old number of segments.
#[test]
fn what_is_there_is_found_while_tables_are_split() {
    const KEYS: [u64; 5] = [0xffff, 0x5555, 0xaaab, 0x7fff, 0xfffb];
    let misses = AtomicU64::new(0);
    // Few entries each time: the window is widest while there are few segments.
    for _ in 0..1000 {
        let (cache, done) =
            (Cache::builder(1 << 40).weigher(|_, _| 1).hasher(ByNumber::default()).build(), AtomicBool::new(false));
        KEYS.iter().for_each(|key| cache.insert(*key, 1_u64));
        thread::scope(|scope| {
            for reading in 0..4 {
                let (cache, done, misses) = (&cache, &done, &misses);
                scope.spawn(move || {
                    let (mut reader, key) = (cache.reader(), KEYS[reading % KEYS.len()]);
                    while !done.load(Ordering::Relaxed) {
                        let is_there = if reading % 2 == 0 {
                            cache.get(&key).is_some()
                        } else {
                            reader.release();
                            reader.get(&key).is_some()
                        };
                        misses.fetch_add(u64::from(!is_there), Ordering::Relaxed);
                    }
                });
            }
            (0..200_u64).for_each(|n| cache.insert((1 << 20) + n, n));
            done.store(true, Ordering::Relaxed);
        });
    }
    assert_eq!(misses.load(Ordering::Relaxed), 0);
}
