//! Handles that remember what they have read.

use std::thread;

use regatta::cache::Cache;

use crate::support::{DropCounter, Gate};

#[test]
fn a_reader_sees_each_write_at_once() {
    let cache = Cache::new(1000);
    let (mut reader, mut other) = (cache.reader(), cache.reader());
    for n in 0..1000 {
        cache.insert(n % 7, n);
        assert_eq!((reader.get(&(n % 7)), other.get(&(n % 7))), (Some(&n), Some(&n)));
        if n % 3 == 0 {
            cache.invalidate(&(n % 7));
            assert_eq!(reader.get(&(n % 7)), None);
        }
    }
}

#[test]
fn a_reader_does_not_see_what_was_sent_away() {
    let cache = Cache::new(10);
    let mut reader = cache.reader();
    for key in 0..1000 {
        cache.insert(key, key);
        let seen: Vec<u32> = (0..=key).filter(|key| reader.get(key).is_some()).collect();
        assert_eq!(seen.len(), cache.len());
        assert!(seen.iter().all(|key| cache.contains_key(key)));
    }
}

#[test]
fn what_a_reader_keeps_it_can_release() {
    let (cache, counter) = (Cache::new(10), DropCounter::new());
    let value = || std::sync::Arc::new(counter.guard());
    cache.insert(1, value());
    let mut reader = cache.reader();
    assert!(reader.get(&1).is_some());
    cache.invalidate(&1);
    assert_eq!(counter.alive(), 1, "it has read it");
    reader.release();
    assert_eq!(counter.alive(), 0);
    cache.insert(1, value());
    assert!(reader.get(&1).is_some());
    cache.invalidate(&1);
    assert!(reader.get(&1).is_none());
    assert_eq!(counter.alive(), 0, "it has read there again");
}

/// A reference from a reader, or from a snapshot, is no lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_may_be_held_over_an_await_and_stops_no_writer() {
    let cache = Cache::new(10);
    cache.insert(1, "old".to_owned());
    let (mut reader, snapshot, gate) = (cache.reader(), cache.snapshot(), Gate::new());
    let opens = gate.clone();
    let holding = tokio::spawn(async move {
        let held = [reader.get(&1), snapshot.get(&1)];
        opens.wait().await;
        held.map(|held| held.cloned())
    });
    cache.insert(1, "new".to_owned());
    cache.invalidate(&1);
    cache.insert(2, "another".to_owned());
    assert_eq!(cache.get(&2).as_deref(), Some("another"));
    gate.open();
    let [read, cut] = holding.await.expect("no panic");
    assert_eq!(cut.as_deref(), Some("old"));
    // It may have begun late.
    assert!(read.is_none_or(|read| read == "old" || read == "new"));
}

#[test]
fn readers_on_many_threads_never_see_a_value_go_back() {
    const KEYS: u64 = 50;
    let cache = Cache::builder(1000).shards(4).build();
    (0..KEYS).for_each(|key| cache.insert(key, 0_u64));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (mut reader, mut last) = (cache.reader(), vec![0; KEYS as usize]);
                for n in 0..20_000_u64 {
                    let key = n.wrapping_mul(0x9E37_79B9) % KEYS;
                    let value = *reader.get(&key).expect("it is never taken out");
                    assert!(value >= last[key as usize]);
                    last[key as usize] = value;
                }
            });
        }
        (1..=200).for_each(|round| (0..KEYS).for_each(|key| cache.insert(key, round)));
    });
}
