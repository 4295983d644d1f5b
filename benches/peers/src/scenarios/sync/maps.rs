//! 10,000 numbers by number, the same hasher for all, read by two threads or written by one.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::RwLock;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use regatta::sync::RcuMap;
use rpds::HashTrieMapSync;

use super::threads::{KEYS, contest, read, write};
use crate::measure::{Contest, Side};

const READS: u64 = 1_000_000;
const WRITES: u64 = 100_000;
/// Entries of one batch.
const BATCH: u64 = 1_000;

pub(super) fn contests() -> Vec<Contest> {
    let (get, reader, insert) = ("rcumap/get", "rcumap/reader", "rcumap/insert");
    vec![
        contest(get, "rpds behind arc-swap", ours_get(), rpds_get()).bar(2.0),
        contest(get, "papaya", ours_get(), papaya_get()).bar(0.7),
        contest(get, "RwLock<HashMap>", ours_get(), lock_get()).bar(2.0),
        contest(get, "dashmap", ours_get(), dashmap_get()).bar(1.0),
        contest(reader, "papaya", ours_reader(), papaya_get()).bar(1.0),
        contest(insert, "copy-on-write HashMap", ours_insert(), copy_insert()).bar(8.0),
        contest(insert, "rpds behind arc-swap", ours_insert(), rpds_insert()).bar(1.2),
        contest("rcumap/extend1000", "1,000 of our inserts", ours_extend(), ours_insert()).bar(3.0),
    ]
}

fn entries() -> impl Iterator<Item = (u64, u64)> {
    (0..KEYS).map(|key| (key, key))
}

fn ours() -> RcuMap<u64, u64, RandomState> {
    let map = RcuMap::with_hasher(RandomState::default());
    map.extend(entries());
    map
}

fn ours_get() -> Side {
    let map = ours();
    Box::new(move || read(READS, || |n| black_box(&map).get(&(n % KEYS)).expect("every key is there")))
}

fn ours_reader() -> Side {
    let map = ours();
    Box::new(move || {
        read(READS, || {
            let mut reader = map.reader();
            move |n| *black_box(&mut reader).get(&(n % KEYS)).expect("every key is there")
        })
    })
}

fn ours_insert() -> Side {
    let map = ours();
    Box::new(move || {
        write(WRITES, |n| {
            map.insert(n % KEYS, n);
        })
    })
}

fn ours_extend() -> Side {
    let map = ours();
    let batches = WRITES / BATCH;
    Box::new(move || {
        let batch = write(batches, |first| {
            let keys = (0..BATCH).map(|n| first.wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            map.extend(keys.map(|n| (n % KEYS, n)));
        });
        batch / BATCH as f64
    })
}

fn rpds() -> ArcSwap<HashTrieMapSync<u64, u64, RandomState>> {
    let mut map = HashTrieMapSync::new_with_hasher_and_ptr_kind(RandomState::default());
    entries().for_each(|(key, value)| map.insert_mut(key, value));
    ArcSwap::from_pointee(map)
}

fn rpds_get() -> Side {
    let map = rpds();
    Box::new(move || read(READS, || |n| *black_box(&map).load().get(&(n % KEYS)).expect("every key is there")))
}

fn rpds_insert() -> Side {
    let map = rpds();
    Box::new(move || write(WRITES, |n| drop(map.rcu(|map| map.insert(n % KEYS, n)))))
}

fn papaya_get() -> Side {
    let map = papaya::HashMap::builder().hasher(RandomState::default()).build();
    for (key, value) in entries() {
        map.pin().insert(key, value);
    }
    Box::new(move || read(READS, || |n| *black_box(&map).pin().get(&(n % KEYS)).expect("every key is there")))
}

fn lock_get() -> Side {
    let map: RwLock<HashMap<u64, u64, RandomState>> = RwLock::new(entries().collect());
    Box::new(move || read(READS, || |n| black_box(&map).read().expect("no reader panics")[&(n % KEYS)]))
}

fn dashmap_get() -> Side {
    let map: dashmap::DashMap<u64, u64, RandomState> = entries().collect();
    Box::new(move || read(READS, || |n| *black_box(&map).get(&(n % KEYS)).expect("every key is there")))
}

fn copy_insert() -> Side {
    let map: ArcSwap<HashMap<u64, u64, RandomState>> = ArcSwap::from_pointee(entries().collect());
    Box::new(move || {
        write(WRITES / 20, |n| {
            map.rcu(|map| {
                let mut map = HashMap::clone(map);
                map.insert(n % KEYS, n);
                map
            });
        })
    })
}
