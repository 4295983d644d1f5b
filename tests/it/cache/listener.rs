//! Who is told what has left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use regatta::cache::{Cache, Cause};

use super::{later, ms};

type Log = Arc<Mutex<Vec<(u32, u32, Cause)>>>;

fn logged(capacity: u64) -> (Cache<u32, u32>, Log) {
    let log = Log::default();
    let told = log.clone();
    let listener = move |key: &u32, value: &u32, cause| told.lock().expect("no panic").push((*key, *value, cause));
    (Cache::builder(capacity).time_to_live(ms(1000)).on_removal(listener).build(), log)
}

fn taken(log: &Log) -> Vec<(u32, u32, Cause)> {
    std::mem::take(&mut log.lock().expect("no panic"))
}

#[tokio::test(start_paused = true)]
async fn each_entry_that_leaves_is_told_once_with_its_cause() {
    let (cache, log) = logged(2);
    cache.insert(1, 10);
    cache.insert(1, 11);
    assert_eq!(taken(&log), [(1, 10, Cause::Replaced)]);
    cache.invalidate(&1);
    assert_eq!(taken(&log), [(1, 11, Cause::Invalidated)]);
    cache.insert(2, 20);
    later(1000).await;
    assert_eq!((cache.get(&2), taken(&log)), (None, vec![]), "nobody has taken it out yet");
    cache.insert(3, 30);
    assert_eq!(taken(&log), [(2, 20, Cause::Expired)]);
    cache.insert(4, 40);
    cache.insert(5, 50);
    assert_eq!(taken(&log).iter().map(|(.., cause)| *cause).collect::<Vec<_>>(), [Cause::Capacity]);
    assert_eq!(cache.invalidate_if(|_, _| true).await, 2);
    assert_eq!(taken(&log).len(), 2);
    cache.insert(6, 60);
    drop(cache);
    assert_eq!(taken(&log), [], "what is there at the end has not left");
}

#[test]
fn what_was_put_in_is_there_or_was_told() {
    let (cache, log) = logged(100);
    let mut state = 1_u32;
    for n in 0..5000 {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        match state >> 29 {
            0 => {
                cache.invalidate(&(state >> 8 & 255));
            }
            _ => cache.insert(state >> 8 & 255, n),
        }
    }
    let (told, stats) = (taken(&log), cache.stats());
    assert_eq!(stats.inserted, told.len() as u64 + stats.entries);
    // Each value was put in once, and is told once at most.
    let mut values: HashMap<u32, u32> = told.iter().map(|(_, value, _)| (*value, 1)).collect();
    values.extend(cache.snapshot().iter().map(|(_, value)| (*value, 1)));
    assert_eq!(values.len() as u64, stats.inserted);
    let of = |cause| told.iter().filter(|(.., told)| *told == cause).count() as u64;
    let removed = stats.removed;
    assert_eq!(
        (of(Cause::Capacity), of(Cause::Replaced), of(Cause::Invalidated)),
        (removed.capacity, removed.replaced, removed.invalidated)
    );
}

#[test]
fn a_listener_may_use_the_cache() {
    static CACHE: OnceLock<Cache<u32, u32>> = OnceLock::new();
    let listener = |key: &u32, _: &u32, cause| {
        let cache = CACHE.get().expect("it is set");
        assert_eq!(cache.get(key), None);
        // What goes for want of room makes others go, some times.
        if cause == Cause::Capacity && *key < 1000 {
            cache.insert(key + 1000, 0);
            cache.invalidate(&(key + 2000));
            assert!(cache.snapshot().len() <= 10);
        }
    };
    let cache = CACHE.get_or_init(|| Cache::builder(10).on_removal(listener).build());
    (0..100).for_each(|key| cache.insert(key, 0));
    assert_eq!((cache.len(), cache.stats().inserted), (10, cache.stats().removed.sum() + 10));
}

/// Whoever waits for a load is told before the listener is.
#[tokio::test]
async fn a_listener_does_not_hold_up_those_who_wait_for_a_load() {
    let told = Arc::new(OnceLock::new());
    let seen = told.clone();
    let cache = Cache::builder(1).on_removal(move |_: &u32, _: &u32, _| assert_eq!(seen.get(), Some(&()))).build();
    cache.insert(1, 1);
    let mut asking = Box::pin(cache.get_or_load(&2, |_| async { 2 }));
    let wakes = told.clone();
    let waker = crate::support::waker_that_runs(move || wakes.set(()).unwrap_or_default());
    let mut context = std::task::Context::from_waker(&waker);
    assert!(asking.as_mut().poll(&mut context).is_pending());
    tokio::task::yield_now().await;
    assert_eq!((told.get(), asking.await.ok()), (Some(&()), Some(2)));
    assert_eq!((cache.stats().removed.capacity, cache.get(&2)), (1, Some(2)));
}

#[test]
fn a_listener_that_panics_spoils_nothing() {
    let cache = Cache::builder(10).on_removal(|_: &u32, _: &u32, _| panic!("told badly")).build();
    (0..100).for_each(|key| cache.insert(key, key));
    assert_eq!(cache.invalidate(&99), Some(99));
    assert_eq!((cache.len(), cache.stats().removed.sum()), (9, 91));
}
