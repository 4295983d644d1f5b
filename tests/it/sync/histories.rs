//! Histories of real threads, given to the checker.

use std::hash::{Hash, Hasher};
use std::sync::{Barrier, Mutex};
use std::thread;

use regatta::sync::{RcuMap, RcuMapReader};

use crate::histories::{KEYS, Subject, THREADS, refused};
use crate::linear::Op;

const HISTORIES: usize = 10_000;

/// A key that lets others in wherever the map runs its code: in the middle of a look, and between what a change has read
/// and what it publishes.
#[derive(PartialEq, Eq)]
struct Slow(usize);

impl Hash for Slow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        thread::yield_now();
        self.0.hash(state);
    }
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        thread::yield_now();
        Self(self.0)
    }
}

/// Ours: read by all three ways, changed by all of its single changes and by transactions.
impl Subject for RcuMap<Slow, u32> {
    type Reader<'a> = RcuMapReader<Slow, u32>;

    fn fresh() -> Self {
        Self::new()
    }

    fn reader(&self) -> Self::Reader<'_> {
        self.reader()
    }

    fn run(&self, reader: &mut Self::Reader<'_>, key: usize, which: u64, value: u32) -> Op {
        match which % 8 {
            0 => Op::Get(self.get(&Slow(key))),
            1 => Op::Get(reader.get(&Slow(key)).copied()),
            2 => Op::Get(self.snapshot().get(&Slow(key)).copied()),
            3 => Op::Insert(value, self.insert(Slow(key), value)),
            4 => Op::Remove(self.remove(&Slow(key))),
            5 => Op::Increment(self.update(Slow(key), |n| Some(n.copied().unwrap_or(0) + 1))),
            6 => {
                let removed = self.transaction(|map| {
                    let removed = map.remove(&Slow(key));
                    map.insert(Slow(1_000 + key), 0);
                    Ok::<_, ()>(removed)
                });
                Op::Remove(removed.expect("it goes through"))
            }
            _ => {
                let before = self.transaction(|map| {
                    let before = map.get(&Slow(key)).copied();
                    map.extend([(Slow(key), before.unwrap_or(0) + 1)]);
                    Ok::<_, ()>(before)
                });
                Op::Increment(before.expect("it goes through"))
            }
        }
    }
}

/// One that reads, lets others in, and then writes what it had read: the update in between is lost.
struct Loses(Mutex<[Option<u32>; KEYS]>, Barrier);

impl Subject for Loses {
    type Reader<'a> = ();

    fn fresh() -> Self {
        Self(Mutex::default(), Barrier::new(THREADS))
    }

    fn reader(&self) {}

    fn run(&self, (): &mut (), key: usize, _: u64, _: u32) -> Op {
        let before = self.0.lock().expect("no panic")[key];
        self.1.wait(); // everybody has read
        self.0.lock().expect("no panic")[key] = Some(before.unwrap_or(0) + 1);
        self.1.wait(); // everybody has written
        Op::Increment(before)
    }
}

#[test]
fn ten_thousand_histories_of_the_map_are_linearizable() {
    let (refused, met) = refused::<RcuMap<Slow, u32>>(HISTORIES);
    assert_eq!(refused, 0);
    // Else it would say little.
    assert!(met > HISTORIES / 2, "only {met}");
}

#[test]
fn a_map_that_loses_updates_is_found_out() {
    // Three threads on two keys: in each history two of them meet on one.
    assert_eq!(refused::<Loses>(20), (20, 20));
}
