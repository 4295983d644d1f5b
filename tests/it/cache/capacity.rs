//! How much is kept, and which of it.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use regatta::cache::Cache;

/// Puts the same keys into the same shards.
type SameEachTime = BuildHasherDefault<DefaultHasher>;

/// A generator that is the same each time.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// Draws by Zipf's law: the n-th key comes n times less often than the first.
fn zipf(keys: usize, draws: usize) -> Vec<u64> {
    let mut sums = Vec::with_capacity(keys);
    let total = (1..=keys).fold(0.0, |sum, rank| {
        sums.push(sum + 1.0 / rank as f64);
        sum + 1.0 / rank as f64
    });
    let mut next = random(7);
    let unit = |bits: u64| (bits >> 11) as f64 / (1_u64 << 53) as f64;
    let mut draw = || {
        let wanted = unit(next()) * total;
        sums.partition_point(|sum| *sum < wanted) as u64
    };
    (0..draws).map(|_| draw()).collect()
}

fn hits(trace: &[u64], capacity: u64) -> usize {
    let cache = Cache::builder(capacity).hasher(SameEachTime::default()).build();
    let hits = trace.iter().filter(|key| {
        let hit = cache.get(*key).is_some();
        if !hit {
            cache.insert(**key, ());
        }
        assert!(cache.len() as u64 <= capacity);
        hit
    });
    hits.count()
}

/// The most hits there can be: whoever is wanted last goes (Belady 1966).
fn optimum(trace: &[u64], capacity: usize) -> usize {
    let mut next = vec![usize::MAX; trace.len()];
    let mut last = HashMap::new();
    for (at, key) in trace.iter().enumerate().rev() {
        next[at] = last.insert(key, at).unwrap_or(usize::MAX);
    }
    let (mut wanted, mut by_time, mut hits) = (HashMap::new(), BTreeSet::new(), 0);
    for (at, key) in trace.iter().enumerate() {
        if let Some(time) = wanted.remove(key) {
            hits += 1;
            by_time.remove(&(time, *key));
        } else if wanted.len() == capacity
            && let Some((_, victim)) = by_time.pop_last()
        {
            wanted.remove(&victim);
        }
        wanted.insert(*key, next[at]);
        by_time.insert((next[at], *key));
    }
    hits
}

#[test]
fn no_hit_ratio_is_above_the_optimum() {
    let zipf = zipf(10_000, 50_000);
    let circle: Vec<u64> = (0..50_000).map(|at| at % 110).collect();
    for (name, trace, at_least) in [("zipf", zipf, 0.85), ("a loop", circle, 0.9)] {
        let (hits, optimum) = (hits(&trace, 100), optimum(&trace, 100));
        assert!(hits <= optimum, "{name}: {hits} of {optimum}");
        // And worth its name.
        assert!(hits as f64 >= at_least * optimum as f64, "{name}: {hits} of {optimum}");
    }
}

#[test]
fn what_is_read_stays_through_a_scan() {
    let cache = Cache::builder(1000).hasher(SameEachTime::default()).build();
    let hot = || 0..500_u64;
    hot().for_each(|key| cache.insert(key, ()));
    for round in 0..20 {
        hot().for_each(|key| assert!(round == 0 || cache.get(&key).is_some() || !cache.contains_key(&key)));
        (0..1000).for_each(|n| cache.insert(1_000_000 + round * 1000 + n, ()));
    }
    let stayed = hot().filter(|key| cache.contains_key(key)).count();
    assert!(stayed > 450, "{stayed} of 500");
}

/// Whoever was there first, and is never read, goes.
#[test]
fn a_full_cache_makes_room_for_others_that_come_again_and_again() {
    // Also those who are a few too many.
    for (capacity, keys) in [(100, 60), (100, 90), (1000, 600), (1000, 950), (10_000, 6000), (200, 210)] {
        let cache = Cache::builder(capacity).hasher(SameEachTime::default()).build();
        (0..2 * capacity).for_each(|old| cache.insert(1_000_000 + old, ()));
        let mut hits = 0;
        for round in 0..100 {
            for key in 0..keys {
                match cache.get(&key) {
                    Some(()) => hits += u64::from(round == 99),
                    None => cache.insert(key, ()),
                }
            }
        }
        assert!(hits >= keys * 8 / 10, "{keys} keys in {capacity}: {hits} hits in the last round");
    }
}

#[test]
fn sixteen_writers_never_get_above_the_capacity() {
    const CAPACITY: u64 = 1000;
    let (cache, done) = (Cache::new(CAPACITY), AtomicBool::new(false));
    thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|seed| {
                let cache = &cache;
                scope.spawn(move || {
                    let mut next = random(seed + 1);
                    (0..3000).for_each(|n| match next() % 8 {
                        0 => {
                            cache.invalidate(&(next() % 5000));
                        }
                        1..4 => {
                            let _ = cache.get(&(next() % 5000));
                        }
                        _ => cache.insert(next() % 5000, n),
                    });
                })
            })
            .collect();
        let sampler = scope.spawn(|| {
            let mut samples = 0;
            while !done.load(Ordering::Relaxed) {
                let (stats, seen) = (cache.stats(), cache.snapshot().len() as u64);
                assert!(stats.entries <= CAPACITY && stats.weight <= CAPACITY && seen <= CAPACITY, "{stats:?} {seen}");
                assert_eq!(stats.inserted, stats.entries + stats.removed.sum());
                samples += 1;
            }
            samples
        });
        writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
        done.store(true, Ordering::Relaxed);
        assert!(sampler.join().expect("no panic") > 0);
    });
    // But for what was taken out at last.
    assert!(cache.len() as u64 > CAPACITY - 50);
}

/// Ten writers of heavy values for keys that come again, ten of keys that don't.
#[test]
fn weights_stay_below_the_capacity_while_entries_are_replaced() {
    const CAPACITY: u64 = 10 << 20;
    let cache = Cache::builder(CAPACITY).weigher(|_: &u64, weight: &u64| *weight).build();
    let fresh = AtomicU64::new(1000);
    thread::scope(|scope| {
        for seed in 0..20 {
            let (cache, fresh) = (&cache, &fresh);
            scope.spawn(move || {
                let mut next = random(seed + 1);
                for _ in 0..1000 {
                    let key = if seed % 2 == 0 { next() % 500 } else { fresh.fetch_add(1, Ordering::Relaxed) };
                    cache.insert(key, next() % (64 << 10));
                    assert!(cache.stats().weight <= CAPACITY);
                }
            });
        }
    });
    let kept: u64 = cache.snapshot().iter().map(|(_, weight)| (*weight).max(1)).sum();
    assert_eq!(cache.stats().weight, kept);
    assert!(kept > CAPACITY / 10 * 9, "{kept}");
}

#[test]
fn what_is_heavier_than_the_capacity_takes_nobody_elses_room() {
    let cache = Cache::builder(10).weigher(|_: &u8, weight: &u64| *weight).build();
    (0..5).for_each(|key| cache.insert(key, 2));
    cache.insert(0, 11);
    assert_eq!((cache.get(&0), cache.stats().weight), (None, 8), "the value before is gone, the others are there");
    cache.insert(5, u64::MAX);
    assert_eq!((cache.get(&5), cache.len()), (None, 4));
    cache.insert(1, 10);
    assert_eq!((cache.get(&1), cache.stats().weight, cache.len()), (Some(10), 10, 1), "as heavy as there is room");
    cache.insert(1, 0);
    assert_eq!(cache.stats().weight, 1, "nothing weighs nothing");
}

#[test]
fn a_capacity_of_one_keeps_the_last() {
    let cache = Cache::new(1);
    for key in 0..100 {
        cache.insert(key, key);
        assert_eq!((cache.get(&key), cache.len()), (Some(key), 1));
    }
}

#[test]
fn many_entries_are_found_while_and_after_the_tables_grow() {
    let cache = Cache::builder(1 << 40).weigher(|_, _| 1).build();
    let mut reader = cache.reader();
    for key in 0..50_000_u64 {
        cache.insert(key, key);
        let earlier = key / 2;
        assert_eq!((cache.get(&earlier), reader.get(&earlier)), (Some(earlier), Some(&earlier)));
    }
    assert!((0..50_000).all(|key| cache.get(&key) == Some(key) && reader.get(&key) == Some(&key)));
    assert_eq!(cache.snapshot().len(), 50_000);
}
