//! Histories of real threads, given to the checker: what was taken out or replaced is never read again.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use regatta::cache::{Cache, CacheReader};

use crate::linear::{Event, Op, is_linearizable};

const HISTORIES: usize = 10_000;
const THREADS: usize = 3;
const OPS: usize = 5;
const KEYS: usize = 2;

/// A key that lets others in wherever the cache runs its code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slow(usize);

impl Hash for Slow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        thread::yield_now();
        self.0.hash(state);
    }
}

/// What the recorder can drive.
trait Subject: Sync {
    type Reader<'a>
    where
        Self: 'a;
    fn fresh() -> Self;
    fn reader(&self) -> Self::Reader<'_>;
    /// Runs the operation that is asked for; gives it with what it said.
    fn run(&self, reader: &mut Self::Reader<'_>, key: usize, which: u64, value: u32) -> Op;
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

/// Lets three threads loose on one subject after the other; gives how many histories there was no order for, and in how many
/// operations on one key met.
fn refused<S: Subject>(histories: usize) -> (usize, usize) {
    let (clock, begin) = (AtomicU64::new(0), Barrier::new(THREADS));
    let subjects: Vec<S> = (0..histories).map(|_| S::fresh()).collect();
    let record = &|me: u64| {
        let mut random = me * 0x9E37_79B9 + 1;
        let mut events: Vec<[Vec<Event>; KEYS]> = Vec::with_capacity(histories);
        for subject in &subjects {
            begin.wait();
            let (mut reader, mut mine) = (subject.reader(), [const { Vec::new() }; KEYS]);
            for n in 0..OPS {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let (key, value) = ((random >> 8) as usize % KEYS, (me as u32) << 8 | n as u32);
                let begun = clock.fetch_add(1, Ordering::SeqCst);
                let op = subject.run(&mut reader, key, random >> 16, value);
                let ended = clock.fetch_add(1, Ordering::SeqCst);
                mine[key].push(Event { begun, ended, op });
            }
            events.push(mine);
        }
        events
    };
    let recorded: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS as u64).map(|me| scope.spawn(move || record(me))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (mut refused, mut met) = (0, 0);
    for history in 0..histories {
        let keys = [0, 1].map(|key| recorded.iter().flat_map(|thread| thread[history][key].iter().copied()).collect());
        refused += usize::from(!keys.iter().all(|events: &Vec<Event>| is_linearizable(events)));
        met += usize::from(keys.iter().any(|events| do_meet(events)));
    }
    (refused, met)
}

fn do_meet(events: &[Event]) -> bool {
    let meet = |one: &Event, other: &Event| one.begun < other.ended && other.begun < one.ended;
    events.iter().enumerate().any(|(at, one)| events[at + 1..].iter().any(|other| meet(one, other)))
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
