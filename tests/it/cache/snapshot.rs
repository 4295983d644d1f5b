//! Consistent cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use regatta::cache::Cache;

use super::{later, ms};
use crate::support::DropCounter;

#[test]
fn a_snapshot_stays_as_it_was() {
    let cache = Cache::new(10);
    (0..10).for_each(|key| cache.insert(key, key));
    let before = cache.snapshot();
    let kept: Vec<u32> = (0..10).filter(|key| before.get(key).is_some()).collect();
    (10..30).for_each(|key| cache.insert(key, key));
    cache.invalidate(&29);
    assert_eq!((before.len(), kept.len()), (10, 10));
    assert!(kept.iter().all(|key| before.get(key) == Some(key)));
    assert_eq!((before.get(&29), before.iter().count()), (None, 10));
}

#[tokio::test(start_paused = true)]
async fn nothing_in_a_snapshot_gets_older() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).build();
    cache.insert(1, 1);
    later(900).await;
    let fresh = cache.snapshot();
    later(100).await;
    let old = cache.snapshot();
    assert_eq!((fresh.get(&1), fresh.len()), (Some(&1), 1));
    assert_eq!((old.get(&1), old.len(), old.is_empty()), (None, 0, true));
}

/// A writer that raises one key after the other: whoever looks at one moment sees at most one step between them.
#[test]
fn no_snapshot_is_torn() {
    const KEYS: u64 = 64;
    let (cache, done) = (Cache::builder(10_000).shards(16).build(), AtomicBool::new(false));
    (0..KEYS).for_each(|key| cache.insert(key, 0_u64));
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut cuts = 0;
            while !done.load(Ordering::Relaxed) {
                let snapshot = cache.snapshot();
                let values: Vec<u64> = (0..KEYS).map(|key| *snapshot.get(&key).expect("it is there")).collect();
                // Keys are written in order: those already at the new round come first.
                assert!(values.is_sorted_by(|one, other| one >= other), "{values:?}");
                assert!(values[0] - values[KEYS as usize - 1] <= 1, "{values:?}");
                cuts += 1;
            }
            cuts
        });
        (1..=500).for_each(|round| (0..KEYS).for_each(|key| cache.insert(key, round)));
        done.store(true, Ordering::Relaxed);
        assert!(reading.join().expect("no panic") > 0);
    });
}

#[test]
fn snapshots_that_are_alive_are_counted_and_keep_what_they_show() {
    let (cache, counter) = (Cache::new(10), DropCounter::new());
    cache.insert(1, Arc::new(counter.guard()));
    let snapshots = [cache.snapshot(), cache.snapshot()];
    assert_eq!(cache.stats().snapshots, 2);
    cache.invalidate(&1);
    assert_eq!(counter.alive(), 1);
    drop(snapshots);
    assert_eq!((counter.alive(), cache.stats().snapshots), (0, 0));
}

#[test]
fn a_snapshot_outlives_its_cache() {
    let cache = Cache::new(10);
    cache.insert("a", 1);
    let snapshot = cache.snapshot();
    drop(cache);
    assert_eq!(snapshot.get("a"), Some(&1));
}
