//! Histories of real threads, given to the checker: what was taken out or replaced is never read again.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::thread;

use regatta::cache::{Cache, CacheReader};

use crate::histories::{Subject, refused};
use crate::linear::Op;

const HISTORIES: usize = 10_000;

/// A key that lets others in wherever the cache runs its code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slow(usize);

impl Hash for Slow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        thread::yield_now();
        self.0.hash(state);
    }
}

/// Ours: read by all three ways, with a neighbour that makes the tables change all the time.
impl Subject for Cache<Slow, u32> {
    type Reader<'a> = CacheReader<Slow, u32>;

    fn fresh() -> Self {
        Self::builder(1 << 20).shards(1).weigher(|_, _| 1).build()
    }

    fn reader(&self) -> Self::Reader<'_> {
        self.reader()
    }

    fn run(&self, reader: &mut Self::Reader<'_>, key: usize, which: u64, value: u32) -> Op {
        match which % 6 {
            0 => Op::Get(self.get(&Slow(key))),
            1 => Op::Get(reader.get(&Slow(key)).copied()),
            2 => Op::Get(self.snapshot().get(&Slow(key)).copied()),
            3 => Op::Remove(self.invalidate(&Slow(key))),
            _ => {
                self.insert(Slow(1000 + value as usize), 0);
                self.insert(Slow(key), value);
                Op::Put(value)
            }
        }
    }
}

/// One whose readers keep what they have read, for one read too long: stale after an invalidation.
struct Stale(Mutex<HashMap<usize, u32>>);

impl Subject for Stale {
    type Reader<'a> = HashMap<usize, u32>;

    fn fresh() -> Self {
        Self(Mutex::default())
    }

    fn reader(&self) -> HashMap<usize, u32> {
        HashMap::new()
    }

    fn run(&self, reader: &mut HashMap<usize, u32>, key: usize, which: u64, value: u32) -> Op {
        let mut now = self.0.lock().expect("no panic");
        match which % 4 {
            0 | 1 => Op::Get(match reader.remove(&key) {
                Some(kept) => Some(kept),
                None => {
                    reader.extend(now.get(&key).map(|value| (key, *value)));
                    now.get(&key).copied()
                }
            }),
            2 => Op::Remove(now.remove(&key)),
            _ => {
                now.insert(key, value);
                Op::Put(value)
            }
        }
    }
}

#[test]
fn ten_thousand_histories_of_a_cache_are_linearizable() {
    let (refused, met) = refused::<Cache<Slow, u32>>(HISTORIES);
    assert_eq!(refused, 0);
    // Else it would say little.
    assert!(met > HISTORIES / 2, "only {met}");
}

#[test]
fn a_cache_with_stale_reads_is_found_out() {
    let (refused, _) = refused::<Stale>(1000);
    assert!(refused > 0);
}
