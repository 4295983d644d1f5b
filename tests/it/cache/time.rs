//! Values that get too old, on a clock that is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regatta::cache::Cache;
use tokio::time::advance;

use super::{later, ms};
use crate::support::{DropCounter, poll_once};

/// Ten years.
const LONG: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[tokio::test(start_paused = true)]
async fn a_value_is_given_up_to_its_last_moment() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).build();
    let mut reader = cache.reader();
    cache.insert(1, 1);
    later(999).await;
    assert_eq!((cache.get(&1), reader.get(&1), cache.contains_key(&1)), (Some(1), Some(&1), true));
    later(1).await;
    assert_eq!((cache.get(&1), reader.get(&1), cache.contains_key(&1)), (None, None, false));
    assert_eq!(cache.invalidate(&1), None, "too old to be given");
    assert_eq!((cache.len(), cache.stats().removed.expired), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_value_lives_anew() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).build();
    cache.insert(1, 1);
    later(600).await;
    cache.insert(1, 2);
    later(600).await;
    assert_eq!(cache.get(&1), Some(2));
    later(400).await;
    assert_eq!(cache.get(&1), None);
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_keep_a_value_from_idling_and_nothing_else_does() {
    let cache = Cache::builder(10).time_to_idle(ms(1000)).build();
    let mut reader = cache.reader();
    (1..=3).for_each(|key| cache.insert(key, key));
    for _ in 0..5 {
        later(900).await;
        assert_eq!((cache.get(&1), reader.get(&2)), (Some(1), Some(&2)));
    }
    let _ = (cache.contains_key(&3), cache.snapshot().get(&3).copied(), cache.stats());
    assert_eq!((cache.get(&3), cache.remove_expired(), cache.len()), (None, 1, 2));
    later(1000).await;
    assert_eq!((cache.get(&1), reader.get(&2), cache.remove_expired()), (None, None, 2));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_gives_nothing_keeps_nothing_from_idling() {
    let cache =
        Cache::builder(10).time_to_live(ms(500)).stale_while_revalidate(ms(100_000)).time_to_idle(ms(1000)).build();
    cache.insert(1, 1);
    let mut reader = cache.reader();
    for _ in 0..4 {
        later(600).await;
        assert_eq!((cache.get(&1), reader.get(&1)), (None, None));
    }
    assert_eq!((cache.remove_expired(), cache.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn each_entry_may_have_a_time_of_its_own() {
    let own = |key: &u64, _: &u64| (*key < 1000).then(|| ms(*key));
    let cache = Cache::builder(100).time_to_live(ms(5000)).expiry(own).build();
    [0, 100, 200, 1000].into_iter().for_each(|key| cache.insert(key, key));
    assert_eq!((cache.get(&0), cache.len()), (None, 3), "good for no time, it is not taken in");
    later(100).await;
    assert_eq!((cache.get(&100), cache.get(&200), cache.get(&1000)), (None, Some(200), Some(1000)));
    later(4900).await;
    assert_eq!((cache.get(&1000), cache.remove_expired()), (None, 3));
    assert_eq!(cache.stats().removed.expired, 4);
}

#[tokio::test(start_paused = true)]
async fn no_time_is_too_long() {
    let cache = Cache::builder(10).time_to_live(Duration::MAX).time_to_idle(Duration::MAX).build();
    cache.insert(1, 1);
    advance(LONG).await;
    assert_eq!(cache.get(&1), Some(1));
    let cache = Cache::builder(10).time_to_live(ms(1)).build();
    cache.insert(1, 1);
    advance(LONG).await;
    assert_eq!((cache.get(&1), cache.remove_expired()), (None, 1));
    cache.insert(1, 2);
    assert_eq!(cache.get(&1), Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_makes_room_before_anybody_else() {
    let own = |key: &u32, _: &u32| (*key < 50).then(|| ms(100));
    let cache = Cache::builder(100).shards(1).expiry(own).build();
    (0..100).for_each(|key| cache.insert(key, 0));
    later(100).await;
    (100..150).for_each(|key| cache.insert(key, 0));
    assert!((50..150).all(|key| cache.contains_key(&key)));
    assert_eq!((cache.stats().removed.expired, cache.stats().removed.capacity), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_value_that_is_taken_out() {
    let (cache, counter) =
        (Cache::builder(10).time_to_live(ms(1000)).time_to_idle(ms(500)).build(), DropCounter::new());
    for key in 0..10 {
        cache.insert(key, Arc::new(counter.guard()));
        cache.invalidate(&key);
    }
    assert_eq!(counter.alive(), 0);
}

/// Ten thousand ask for what is just too old.
#[tokio::test(start_paused = true)]
async fn a_herd_at_the_end_of_a_life_makes_one_load() {
    let (cache, calls) = (Cache::builder(10).time_to_live(ms(1000)).build(), Arc::new(AtomicUsize::new(0)));
    cache.insert(1, 1);
    later(1001).await;
    let asking: Vec<_> = (0..10_000)
        .map(|_| {
            let (cache, calls) = (cache.clone(), calls.clone());
            tokio::spawn(async move {
                let load = |_| async move {
                    calls.fetch_add(1, Ordering::Relaxed);
                    later(100).await;
                    2
                };
                cache.get_or_load(&1, load).await
            })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.expect("no panic").ok(), Some(2));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn stale_values_are_given_while_one_load_replaces_them() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).stale_while_revalidate(ms(1000)).build();
    cache.insert(1, 1);
    later(1500).await;
    assert_eq!((cache.get(&1), cache.contains_key(&1)), (None, false), "who cannot load does not get it");
    for _ in 0..10_000 {
        let load = |_| async {
            later(100).await;
            2
        };
        let mut asking = Box::pin(cache.get_or_load(&1, load));
        assert!(matches!(poll_once(asking.as_mut()), std::task::Poll::Ready(Ok(1))), "nobody waits");
    }
    assert_eq!((cache.stats().loads, cache.stats().refreshes), (1, 1));
    later(101).await;
    assert_eq!((cache.get(&1), cache.stats().loading), (Some(2), 0));
}

#[tokio::test(start_paused = true)]
async fn after_the_stale_time_callers_wait() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).stale_while_revalidate(ms(1000)).build();
    cache.insert(1, 1);
    later(2000).await;
    let mut asking = Box::pin(cache.get_or_load(&1, |_| async { 2 }));
    assert!(poll_once(asking.as_mut()).is_pending());
    assert_eq!((asking.await.ok(), cache.stats().refreshes), (Some(2), 0));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_stays_when_it_cannot_be_loaded_and_attempts_get_rarer() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).stale_while_revalidate(ms(10_000)).build();
    cache.insert(1, 1);
    later(1000).await;
    let mut begun = Vec::new();
    for at in 0..2000 {
        let before = cache.stats().loads;
        let told = cache.try_get_or_load(&1, |_| async { Err::<u32, _>(std::io::Error::other("offline")) }).await;
        assert_eq!(told.ok(), Some(1));
        begun.extend((cache.stats().loads > before).then_some(at));
        later(1).await;
    }
    // After 100 ms, then 200, 400, 800; each begins a moment later than it could.
    let pauses: Vec<i32> = begun.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(pauses.len(), 4, "{begun:?}");
    assert!(
        pauses.iter().zip([100, 200, 400, 800]).all(|(pause, least)| (least..least + 3).contains(pause)),
        "{pauses:?}"
    );
    later(8100).await;
    let told = cache.try_get_or_load(&1, |_| async { Err::<u32, _>(std::io::Error::other("offline")) }).await;
    assert!(told.is_err_and(|error| error.is_failed()), "its time is over");
}

#[tokio::test(start_paused = true)]
async fn a_value_is_loaded_again_ahead_of_its_end() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).refresh_ahead(ms(200)).build();
    let mut version = 0;
    let mut ask = async || {
        version += 1;
        cache.get_or_load(&1, |_| std::future::ready(version)).await.ok()
    };
    assert_eq!(ask().await, Some(1));
    later(799).await;
    assert_eq!(ask().await, Some(1));
    later(1).await;
    assert_eq!(ask().await, Some(1), "it is there, and loaded again");
    later(1).await;
    assert_eq!((cache.get(&1), cache.stats().refreshes), (Some(3), 1));
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_not_refreshed_all_the_time() {
    let own = |_: &u32, _: &u32| Some(ms(1000));
    let cache = Cache::builder(10).expiry(own).refresh_ahead(ms(60_000)).build();
    for _ in 0..100 {
        assert!(cache.get_or_load(&1, |_| async { 1 }).await.is_ok());
        later(100).await;
    }
    // Each half a second, or a little later.
    assert!((15..=21).contains(&cache.stats().loads), "{}", cache.stats());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_was_detached_is_begun_again() {
    let cache = Cache::builder(10).time_to_live(ms(1000)).refresh_ahead(ms(900)).build();
    cache.insert(1, 1);
    later(100).await;
    let slow = |_| async {
        later(50).await;
        2
    };
    assert_eq!(cache.get_or_load(&1, slow).await.ok(), Some(1));
    assert_eq!(cache.invalidate_if(|_, _| false).await, 0);
    later(300).await;
    assert_eq!(cache.get(&1), Some(1), "the first was detached");
    assert_eq!(cache.get_or_load(&1, slow).await.ok(), Some(1));
    later(60).await;
    assert_eq!(cache.get(&1), Some(2));
}
