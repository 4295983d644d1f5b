//! What is put in, found, replaced and taken out.

use std::collections::HashMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use regatta::cache::{Cache, Cause};

use super::panics;

#[test]
fn what_is_put_in_is_found_by_a_borrowed_key() {
    let cache = Cache::new(10);
    cache.insert("one".to_owned(), 1);
    assert_eq!((cache.get("one"), cache.get("two")), (Some(1), None));
    assert!(cache.contains_key("one") && !cache.contains_key("two"));
}

#[test]
fn a_value_takes_the_place_of_the_one_before() {
    let cache = Cache::new(10);
    cache.insert(1, "a");
    cache.insert(1, "b");
    assert_eq!((cache.get(&1), cache.len()), (Some("b"), 1));
    assert_eq!(cache.stats().removed.replaced, 1);
}

#[test]
fn invalidate_gives_what_it_takes_out() {
    let cache = Cache::new(10);
    cache.insert(1, "a");
    assert_eq!((cache.invalidate(&1), cache.invalidate(&1), cache.get(&1)), (Some("a"), None, None));
    assert!(cache.is_empty());
}

#[tokio::test]
async fn invalidate_if_takes_out_what_it_is_told_to() {
    let cache = Cache::new(10_000);
    (0..1000).for_each(|n| cache.insert(n, n * 2));
    assert_eq!(cache.invalidate_if(|key, value| key % 2 == 0 && *value == key * 2).await, 500);
    assert!((0..1000).all(|n| cache.get(&n).is_some() == (n % 2 == 1)));
    assert_eq!(cache.invalidate_if(|_, _| true).await, 500);
    assert_eq!((cache.len(), cache.stats().removed.invalidated), (0, 1000));
}

#[test]
fn reads_are_counted() {
    let cache = Cache::new(10);
    cache.insert(1, 1);
    let mut reader = cache.reader();
    assert_eq!((cache.get(&1), cache.get(&2)), (Some(1), None));
    assert_eq!((reader.get(&1).copied(), reader.get(&2)), (Some(1), None));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.readers, stats.hit_ratio()), (2, 2, 1, Some(0.5)));
    drop(reader);
    assert_eq!((cache.stats().hits, cache.stats().misses, cache.stats().readers), (2, 2, 0));
}

#[test]
fn what_makes_no_sense_is_refused_at_the_callers_line() {
    let zero = Duration::ZERO;
    let builder = || Cache::<u8, u8>::builder(10);
    assert_eq!(panics(|| Cache::<u8, u8>::new(0)), "cache: capacity must be above zero");
    assert_eq!(panics(|| builder().time_to_live(zero)), "cache: time_to_live must be above zero");
    assert_eq!(panics(|| builder().time_to_idle(zero)), "cache: time_to_idle must be above zero");
    assert_eq!(panics(|| builder().negative_time_to_live(zero)), "cache: negative_time_to_live must be above zero");
    assert_eq!(panics(|| builder().load_timeout(zero)), "cache: load_timeout must be above zero");
    assert_eq!(panics(|| builder().shards(0)), "cache: shards must be above zero");
    assert_eq!(
        panics(|| builder().shards(11).build()),
        "cache: shards (16, a power of two) must not exceed the capacity (10)"
    );
    let second = Duration::from_secs(1);
    assert_eq!(
        panics(|| builder().stale_while_revalidate(second).build()),
        "cache: stale_while_revalidate needs time_to_live or expiry: without them nothing ever is too old"
    );
    assert_eq!(
        panics(|| builder().time_to_live(second).refresh_ahead(second).build()),
        "cache: refresh_ahead (1s) must be shorter than time_to_live (1s)"
    );
}

#[test]
fn the_largest_limits_cost_nothing() {
    let cache = Cache::builder(u64::MAX)
        .shards(usize::MAX)
        .time_to_live(Duration::MAX)
        .time_to_idle(Duration::MAX)
        .stale_while_revalidate(Duration::MAX)
        .weigher(|_, _| u64::MAX / 256)
        .build();
    cache.insert(1, 1);
    cache.insert(2, 2);
    assert_eq!((cache.get(&1), cache.get(&2)), (Some(1), Some(2)));
    assert_eq!(cache.stats().weight, u64::MAX / 256 * 2);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u32),
    Invalidate(u8),
    Get(u8),
    Read(u8),
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        1 => any::<u8>().prop_map(Step::Invalidate),
        3 => any::<u8>().prop_map(Step::Get),
        3 => any::<u8>().prop_map(Step::Read),
        1 => Just(Step::Snapshot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// With room for all there is no difference to a map.
    #[test]
    fn a_cache_with_room_is_a_map(steps in vec(step(), 1..400)) {
        let (cache, mut map) = (Cache::builder(1 << 12).shards(4).build(), HashMap::new());
        let mut reader = cache.reader();
        for step in steps {
            match step {
                Step::Insert(key, value) => { cache.insert(key, value); map.insert(key, value); }
                Step::Invalidate(key) => prop_assert_eq!(cache.invalidate(&key), map.remove(&key)),
                Step::Get(key) => prop_assert_eq!(cache.get(&key), map.get(&key).copied()),
                Step::Read(key) => prop_assert_eq!(reader.get(&key), map.get(&key)),
                Step::Snapshot => {
                    let seen: HashMap<u8, u32> = cache.snapshot().iter().map(|(key, value)| (*key, *value)).collect();
                    prop_assert_eq!(&seen, &map);
                }
            }
            prop_assert_eq!(cache.len(), map.len());
        }
    }

    /// Without, it forgets, but never gives anything else than what was put in last; and nothing is lost in silence.
    #[test]
    fn a_cache_without_room_never_gives_an_old_value(steps in vec(step(), 1..400), capacity in 1..40_u64) {
        let (cache, mut map) = (Cache::new(capacity), HashMap::new());
        let mut reader = cache.reader();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    cache.insert(key, value);
                    map.insert(key, value);
                    prop_assert_eq!(cache.get(&key), Some(value));
                }
                Step::Invalidate(key) => {
                    let (taken, known) = (cache.invalidate(&key), map.remove(&key));
                    prop_assert!(taken.is_none() || taken == known);
                }
                Step::Get(key) => prop_assert!(cache.get(&key).is_none_or(|value| map.get(&key) == Some(&value))),
                Step::Read(key) => {
                    let read = reader.get(&key).copied();
                    prop_assert_eq!(read, cache.get(&key));
                    prop_assert!(read.is_none_or(|value| map.get(&key) == Some(&value)));
                }
                Step::Snapshot => {
                    let snapshot = cache.snapshot();
                    prop_assert_eq!(snapshot.len(), cache.len());
                    prop_assert!(snapshot.iter().all(|(key, value)| map.get(key) == Some(value)));
                }
            }
            let stats = cache.stats();
            prop_assert!(stats.entries <= capacity);
            prop_assert_eq!(stats.inserted, stats.entries + stats.removed.sum());
        }
    }
}

#[test]
fn causes_say_what_they_are() {
    let causes = [Cause::Capacity, Cause::Expired, Cause::Replaced, Cause::Invalidated];
    assert_eq!(causes.map(|cause| cause.to_string()), ["capacity", "expired", "replaced", "invalidated"]);
}
