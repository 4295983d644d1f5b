//! What is the user's may panic, be slow, call back, and hash badly.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use regatta::cache::Cache;

use super::{later, ms, panics};
use crate::support::{DropCounter, poll_once, without_deadlock};

/// A key whose hash is the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alike(u32);

impl Hash for Alike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0_u8.hash(state);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_all_hash_alike_are_told_apart() {
    let cache = Cache::new(100);
    let mut reader = cache.reader();
    (0..50).for_each(|n| cache.insert(Alike(n), n));
    cache.invalidate(&Alike(7));
    cache.insert(Alike(8), 80);
    assert!((0..50).filter(|n| !(7..9).contains(n)).all(|n| cache.get(&Alike(n)) == Some(n)));
    assert_eq!((cache.get(&Alike(7)), reader.get(&Alike(8))), (None, Some(&80)));

    // And so are their loads.
    let load = |key: Alike| async move {
        later(100).await;
        key.0
    };
    let mut asking: Vec<_> = (100..110).map(|n| Box::pin(async move { Alike(n) })).collect();
    let mut keys = Vec::new();
    for one in &mut asking {
        keys.push(one.as_mut().await);
    }
    let mut loads: Vec<_> = keys.iter().chain(&keys).map(|key| Box::pin(cache.get_or_load(key, load))).collect();
    assert!(loads.iter_mut().all(|load| poll_once(load.as_mut()).is_pending()));
    assert_eq!((cache.stats().loads, cache.stats().coalesced), (10, 10));
    cache.invalidate(&Alike(105));
    for (load, key) in loads.into_iter().zip(keys.iter().chain(&keys)) {
        assert_eq!(load.await.ok(), Some(key.0));
    }
    assert_eq!((cache.get(&Alike(104)), cache.get(&Alike(105))), (Some(104), None));
}

/// A key that uses the cache whenever it is compared.
#[derive(Debug, Clone, Eq)]
struct Meddler(u32);

static MEDDLED: OnceLock<Cache<Meddler, u32>> = OnceLock::new();

impl Hash for Meddler {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Meddler {
    fn eq(&self, other: &Self) -> bool {
        static DEPTH: AtomicBool = AtomicBool::new(false);
        if !DEPTH.swap(true, Ordering::Relaxed) {
            let cache = MEDDLED.get().expect("it is set");
            cache.insert(Meddler(self.0 + 1000), 0);
            cache.invalidate(&Meddler(self.0 + 1000));
            let _ = cache.get(&Meddler(self.0));
            let _ = (cache.snapshot().len(), cache.stats());
            DEPTH.store(false, Ordering::Relaxed);
        }
        self.0 == other.0
    }
}

#[test]
fn a_comparison_may_use_the_cache() {
    without_deadlock(|| {
        let cache = MEDDLED.get_or_init(|| Cache::new(1000));
        for round in 0..3 {
            (0..50).for_each(|n| cache.insert(Meddler(n), round));
            assert!((0..50).all(|n| cache.get(&Meddler(n)) == Some(round)));
        }
        (0..50).for_each(|n| assert_eq!(cache.invalidate(&Meddler(n)), Some(2)));
        assert!(cache.is_empty());
    });
}

/// A key that panics when it is compared, if it is told to.
#[derive(Debug, Clone)]
struct Bad(u32, Arc<AtomicBool>);

impl Hash for Bad {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Bad {
    fn eq(&self, other: &Self) -> bool {
        assert!(!self.1.load(Ordering::Relaxed), "compared badly");
        self.0 == other.0
    }
}

impl Eq for Bad {}

#[tokio::test]
async fn a_comparison_that_panics_changes_nothing() {
    let (cache, bad) = (Cache::new(100), Arc::new(AtomicBool::new(false)));
    let key = Bad(1, bad.clone());
    cache.insert(key.clone(), 1);
    bad.store(true, Ordering::Relaxed);
    assert_eq!(panics(|| cache.insert(key.clone(), 2)), "compared badly");
    assert_eq!(panics(|| cache.invalidate(&key)), "compared badly");
    assert_eq!(panics(|| cache.get(&key)), "compared badly");
    bad.store(false, Ordering::Relaxed);
    assert_eq!((cache.get(&key), cache.len()), (Some(1), 1));

    // Where a load is about to be put in, it is the load's outcome.
    let (other, late) = (Bad(2, bad.clone()), bad.clone());
    let racing = cache.clone();
    let (put, own) = (other.clone(), other.clone());
    let load = |_| async move {
        racing.insert(Bad(3, late.clone()), 3);
        late.store(true, Ordering::Relaxed);
        drop(put);
        4
    };
    let told = cache.get_or_load(&own, load).await;
    bad.store(false, Ordering::Relaxed);
    assert!(told.is_ok() || told.is_err_and(|error| error.is_panicked()));
    assert_eq!(cache.stats().loading, 0);
}

#[tokio::test]
async fn a_weigher_or_expiry_that_panics_is_the_outcome() {
    let heavy = Cache::builder(100).weigher(|_: &u32, value: &u32| u64::from(*value / (*value - 1))).build();
    assert!(panics(|| heavy.insert(1, 1)).contains("divide by zero"));
    let error = heavy.get_or_load(&1, |_| async { 1 }).await.expect_err("it cannot be weighed");
    assert!(error.is_panicked() && error.to_string().contains("divide by zero"), "{error}");
    assert_eq!((heavy.len(), heavy.stats().loading, heavy.stats().loads_failed), (0, 0, 1));
    assert_eq!(heavy.get_or_load(&1, |_| async { 2 }).await.ok(), Some(2));

    let timed = Cache::builder(100).expiry(|_: &u32, value: &u32| Some(ms(u64::from(*value - 1)))).build();
    assert!(timed.get_or_load(&1, |_| async { 0 }).await.is_err_and(|error| error.is_panicked()));
    assert_eq!(timed.get_or_load(&1, |_| async { 9 }).await.ok(), Some(9));
}

#[tokio::test]
async fn a_predicate_may_use_the_cache_and_panic() {
    let cache = Cache::new(1000);
    (0..100).for_each(|n| cache.insert(n, n));
    let inside = cache.clone();
    let count = cache.invalidate_if(move |key, _| {
        inside.insert(key + 1000, 0);
        let _ = inside.get(key);
        *key < 10
    });
    assert_eq!(count.await, 10);
    let asking = cache.invalidate_if(|_, _| panic!("decided badly"));
    assert_eq!(panics(|| poll_once(std::pin::pin!(asking)).is_ready()), "decided badly");
    assert_eq!(cache.get(&50), Some(50));
}

/// A value that counts its clones, and whose destructor panics.
#[derive(Debug)]
struct Touchy(Arc<AtomicUsize>);

impl Clone for Touchy {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(self.0.load(Ordering::Relaxed) < 100, "dropped badly");
    }
}

#[test]
fn a_destructor_that_panics_harms_no_writer() {
    let cache = Cache::new(10);
    let count = Arc::new(AtomicUsize::new(0));
    (0..10).for_each(|key| cache.insert(key, Touchy(count.clone())));
    count.store(100, Ordering::Relaxed);
    (0..10).for_each(|key| cache.insert(key, Touchy(count.clone())));
    assert_eq!((cache.len(), cache.stats().removed.replaced), (10, 10));
    count.store(0, Ordering::Relaxed);
}

#[test]
fn no_value_is_dropped_under_a_lock() {
    struct Looks(Option<Cache<u32, Arc<Looks>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(cache) = self.0.take() {
                let _ = (cache.get(&1).is_some(), cache.len(), cache.stats());
                cache.invalidate(&99);
            }
        }
    }
    without_deadlock(|| {
        let cache = Cache::builder(10).time_to_live(ms(1)).build();
        for key in 0..200 {
            cache.insert(key % 30, Arc::new(Looks(Some(cache.clone()))));
            if key % 7 == 0 {
                cache.invalidate(&(key % 30));
            }
        }
        let snapshot = cache.snapshot();
        (0..50).for_each(|key| cache.insert(key, Arc::new(Looks(Some(cache.clone())))));
        drop(snapshot);
        cache.remove_expired();
    });
}

#[tokio::test]
async fn each_value_is_dropped_once() {
    let counter = DropCounter::new();
    {
        let cache = Cache::new(20);
        for key in 0..200 {
            cache.insert(key % 50, Arc::new(counter.guard()));
            let _ = cache.get(&(key % 13));
            let guard = counter.guard();
            let _ = cache.get_or_load(&(key % 50 + 25), |_| async move { Arc::new(guard) }).await;
        }
        assert!(counter.alive() >= 20);
        let _snapshot = cache.snapshot();
        cache.invalidate_if(|key, _| key % 2 == 0).await;
    }
    tokio::task::yield_now().await;
    assert_eq!(counter.alive(), 0);
}
