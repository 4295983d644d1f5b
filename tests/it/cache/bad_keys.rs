//! Keys and values that panic when they are cloned or dropped: whoever waits is told all the same.

use std::hash::{Hash, Hasher};
use std::mem::{ManuallyDrop, forget};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use regatta::cache::Cache;
use tokio::time::timeout;

use super::{later, ms};

/// A key whose clones can be counted down to a panic.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Uncloned(u32);

static CLONES_LEFT: AtomicI64 = AtomicI64::new(i64::MAX);

impl Clone for Uncloned {
    fn clone(&self) -> Self {
        assert_ne!(CLONES_LEFT.fetch_sub(1, Ordering::SeqCst), 1, "cloned badly");
        Self(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_when_it_is_cloned_blocks_nobody() {
    for nth in 1..=4 {
        let cache: Cache<Uncloned, u32> = Cache::new(10);
        CLONES_LEFT.store(nth, Ordering::SeqCst);
        let asks = cache.clone();
        // It panics, or its load does.
        let _ = tokio::spawn(async move { asks.get_or_load(&Uncloned(1), |_| async { 1 }).await }).await;
        CLONES_LEFT.store(i64::MAX, Ordering::SeqCst);
        let again = timeout(ms(1000), cache.get_or_load(&Uncloned(1), |_| async { 2 })).await;
        assert!(again.is_ok_and(|told| told.is_ok()), "after clone {nth}");
        assert_eq!(cache.stats().loading, 0);
    }
}

/// A key that panics when it is dropped, once, if it is told to.
#[derive(Debug, Clone)]
struct Undropped(u32, Arc<AtomicBool>);

impl PartialEq for Undropped {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Undropped {}

impl Hash for Undropped {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Drop for Undropped {
    fn drop(&mut self) {
        assert!(!self.1.swap(false, Ordering::SeqCst), "dropped badly");
    }
}

fn offline() -> std::io::Error {
    std::io::Error::other("offline")
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_when_a_load_fails_hangs_nobody() {
    let (cache, armed) = (Cache::new(10), Arc::new(AtomicBool::new(false)));
    let (key, arms) = (Undropped(1, armed.clone()), armed.clone());
    let load = |key| {
        forget(key);
        async move {
            arms.store(true, Ordering::SeqCst);
            Err::<u32, _>(offline())
        }
    };
    let told = timeout(ms(1000), cache.try_get_or_load(&key, load)).await;
    armed.store(false, Ordering::SeqCst);
    assert!(told.is_ok_and(|told| told.is_err()));
    assert_eq!(cache.stats().loading, 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_when_its_load_is_aborted_hangs_nobody() {
    let (cache, armed) = (Cache::<Undropped, u32>::new(10), Arc::new(AtomicBool::new(false)));
    let (asks, key) = (cache.clone(), ManuallyDrop::new(Undropped(1, armed.clone())));
    let waiting = tokio::spawn(async move {
        let never = |key| {
            forget(key);
            std::future::pending()
        };
        asks.get_or_load(&*key, never).await.is_err_and(|error| error.is_closed())
    });
    later(10).await;
    armed.store(true, Ordering::SeqCst);
    cache.abort();
    let told = timeout(ms(1000), waiting).await.expect("no hang");
    armed.store(false, Ordering::SeqCst);
    // Told, or torn down by the panic of its own key; but not left waiting.
    assert!(told.is_err() || told.is_ok_and(|told| told));
    assert_eq!(cache.stats().loading, 0);
}

/// Keeps the error of a key that will panic when it is forgotten.
async fn with_kept_error(cache: &Cache<Undropped, u32>, number: u32, armed: &Arc<AtomicBool>) {
    let key = ManuallyDrop::new(Undropped(number, armed.clone()));
    assert!(cache.try_get_or_load(&*key, |_| async { Err::<u32, _>(offline()) }).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_kept_error_of_another_key_that_panics_hangs_nobody() {
    let cache = Cache::builder(10).negative_time_to_live(ms(10_000)).build();
    let (armed, quiet) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    with_kept_error(&cache, 0, &armed).await;
    for number in 1..16 {
        with_kept_error(&cache, number, &quiet).await;
    }
    // The seventeenth pushes the first one out.
    armed.store(true, Ordering::SeqCst);
    let key = Undropped(99, quiet.clone());
    let told = timeout(ms(1000), cache.try_get_or_load(&key, |_| async { Err::<u32, _>(offline()) })).await;
    assert!(told.is_ok_and(|told| told.is_err()));
    assert!(!armed.load(Ordering::SeqCst), "it was pushed out");

    // And some go because their time is over, when somebody else comes.
    with_kept_error(&cache, 100, &armed).await;
    later(11_000).await;
    armed.store(true, Ordering::SeqCst);
    for number in 200..220 {
        let key = Undropped(number, quiet.clone());
        let told = timeout(ms(1000), cache.get_or_load(&key, |_| async { 5 })).await;
        assert!(told.is_ok_and(|told| told.is_ok()));
    }
    assert!(!armed.load(Ordering::SeqCst), "it has gone");
    assert_eq!(cache.stats().loading, 0);
}

/// A value that panics when it is cloned, once, if it is told to.
#[derive(Debug)]
struct Brittle(u32, Arc<AtomicBool>);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(!self.1.swap(false, Ordering::SeqCst), "cloned badly");
        Self(self.0, self.1.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_it_is_cloned_is_loaded_again_all_the_same() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).stale_while_revalidate(ms(100_000)).build();
    let armed = Arc::new(AtomicBool::new(false));
    cache.insert(1, Brittle(1, armed.clone()));
    later(1000).await;
    armed.store(true, Ordering::SeqCst);
    let (asks, value) = (cache.clone(), armed.clone());
    let asking = tokio::spawn(async move { asks.get_or_load(&1, |_| async { Brittle(2, value) }).await });
    assert!(asking.await.is_err_and(|error| error.is_panic()));
    for _ in 0..3 {
        let value = armed.clone();
        assert!(cache.get_or_load(&1, |_| async { Brittle(2, value) }).await.is_ok());
        later(200).await;
    }
    assert_eq!(cache.get(&1).map(|value| value.0), Some(2));
}
