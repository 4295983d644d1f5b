//! Loads: the pitfalls of single flight, one after the other.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regatta::cache::{Abandoned, Cache, LoadError};
use regatta::sync::OnceCell;
use tokio::time::timeout;

use super::{later, ms};
use crate::support::{DropCounter, Gate, poll_once};

fn offline() -> std::io::Error {
    std::io::Error::other("offline")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_make_one_load() {
    let (cache, calls) = (Cache::new(10), Arc::new(AtomicUsize::new(0)));
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let (cache, calls) = (cache.clone(), calls.clone());
            tokio::spawn(async move {
                let loader = |key: u32| async move {
                    calls.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    key * 2
                };
                cache.get_or_load(&7, loader).await
            })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.expect("no panic").ok(), Some(14));
    }
    assert_eq!((calls.load(Ordering::Relaxed), cache.stats().loads), (1, 1));
}

#[tokio::test]
async fn an_unpolled_leader_holds_up_nobody() {
    let (cache, gate) = (Cache::new(10), Gate::new());
    let opened = gate.clone();
    let mut leader = Box::pin(cache.get_or_load(&1, |_| async move {
        opened.wait().await;
        1
    }));
    assert!(poll_once(leader.as_mut()).is_pending());
    gate.open();
    assert_eq!(cache.get_or_load(&1, |_| async { 2 }).await.ok(), Some(1));
    assert_eq!(leader.await.ok(), Some(1));
}

#[tokio::test]
async fn a_loader_that_asks_for_its_own_key_gets_an_error() {
    let cache = Cache::<u32, u32>::builder(10).name("own").build();
    let inside = cache.clone();
    let load = |key| async move { inside.get_or_load(&key, |_| async { 1 }).await };
    let error = cache.try_get_or_load(&1, load).await.expect_err("it would wait for itself");
    let cause = error.downcast_ref::<LoadError>().expect("its own error");
    assert!(cause.is_reentrant());
    assert_eq!(
        cause.to_string(),
        "cache `own` loads a value by a loader that waits for it; break the circle of loaders"
    );
    assert_eq!(cache.get_or_load(&1, |_| async { 3 }).await.ok(), Some(3), "the next one is fine");
}

#[tokio::test]
async fn loaders_that_wait_for_each_other_get_an_error() {
    let (cache, other, cell) = (Cache::new(10), Cache::new(10), Arc::new(OnceCell::<u32>::new()));
    // From one cache to another, through a once cell, and back.
    let (one, two, three) = (cache.clone(), other.clone(), cell.clone());
    let load = |_| async move {
        let inner = two.try_get_or_load(&2, |_| async move {
            let back = || async move { one.get_or_load(&1, |_| async { 9 }).await };
            three.get_or_try_init(back).await.copied()
        });
        inner.await
    };
    let error = cache.try_get_or_load(&1, load).await.expect_err("a circle");
    assert!(error.is_failed(), "{error}");
    assert!(error.to_string().contains("break the circle"), "{error}");
}

#[tokio::test]
async fn loaders_may_ask_for_other_keys() {
    fn sum(cache: &Cache<u32, u32>, n: u32) -> impl Future<Output = Result<u32, LoadError>> + Send + use<> {
        let cache = cache.clone();
        async move {
            let inside = cache.clone();
            let below = |n: u32| -> std::pin::Pin<Box<dyn Future<Output = Result<u32, LoadError>> + Send>> {
                Box::pin(async move { if n == 0 { Ok(0) } else { Ok(n + sum(&inside, n - 1).await?) } })
            };
            cache.try_get_or_load(&n, below).await
        }
    }
    let cache = Cache::new(100);
    assert_eq!(sum(&cache, 20).await.ok(), Some(210));
    assert_eq!((cache.stats().loads, cache.get(&10)), (21, Some(55)));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_kept_without_being_told_to() {
    let (cache, calls) = (Cache::new(10), AtomicUsize::new(0));
    for call in 1..=3 {
        let load = |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            async { Err::<u32, _>(offline()) }
        };
        assert!(cache.try_get_or_load(&1, load).await.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), call);
    }
    assert_eq!((cache.stats().loads_failed, cache.len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn with_a_negative_time_to_live_one_error_serves_all_for_so_long() {
    let cache = Cache::builder(10).negative_time_to_live(ms(1000)).build();
    let fails = |cache: &Cache<u32, u32>| {
        let cache = cache.clone();
        async move {
            match cache.try_get_or_load(&1, |_| async { Err(offline()) }).await {
                Err(LoadError::Failed(failure)) => failure,
                other => panic!("{other:?}"),
            }
        }
    };
    let first = fails(&cache).await;
    later(999).await;
    assert!(fails(&cache).await.is_same(&first));
    assert_eq!((cache.stats().loads, cache.stats().negative_hits), (1, 1));
    later(1).await;
    assert!(!fails(&cache).await.is_same(&first), "its time is over");
    assert_eq!(cache.stats().loads, 2);
    cache.insert(1, 5);
    assert_eq!(cache.try_get_or_load(&1, |_| async { Err(offline()) }).await.ok(), Some(5), "a value ends it");
    cache.invalidate(&1);
    assert!(!fails(&cache).await.is_same(&first));
    cache.invalidate(&1);
    assert_eq!(cache.get_or_load(&1, |_| async { 6 }).await.ok(), Some(6), "and so does an invalidation");
}

/// A value dies while it is loaded again: then others wait for that, and its error is theirs.
#[tokio::test(start_paused = true)]
async fn the_error_of_a_refresh_is_kept_when_the_value_is_gone() {
    let cache =
        Cache::builder(10).time_to_live(ms(1000)).refresh_ahead(ms(500)).negative_time_to_live(ms(10_000)).build();
    cache.insert(1, 1);
    later(900).await;
    let slow = |_| async {
        later(500).await;
        Err(offline())
    };
    assert_eq!(cache.try_get_or_load(&1, slow).await.ok(), Some(1));
    later(200).await;
    assert!(
        cache.try_get_or_load(&1, |_| async { Ok::<_, std::io::Error>(3) }).await.is_err(),
        "it waits for the refresh"
    );
    assert!(cache.try_get_or_load(&1, |_| async { Ok::<_, std::io::Error>(4) }).await.is_err(), "and that is kept");
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test(start_paused = true)]
async fn errors_kept_for_ever_are_no_loads() {
    let cache = Cache::builder(10).negative_time_to_live(Duration::MAX).build();
    for _ in 0..3 {
        assert!(cache.try_get_or_load(&1, |_| async { Err::<u32, _>(offline()) }).await.is_err());
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.coalesced, stats.negative_hits), (1, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn kept_errors_have_a_bound() {
    let cache = Cache::builder(20).negative_time_to_live(ms(1000)).build();
    for key in 0..100_u32 {
        assert!(cache.try_get_or_load(&key, |_| async { Err::<u32, _>(offline()) }).await.is_err());
    }
    assert_eq!(cache.get_or_load(&0, |_| async { 1 }).await.ok(), Some(1), "the oldest went first");
    assert!(cache.get_or_load(&99, |_| async { 1 }).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_kept_like_an_error() {
    let cache = Cache::<u32, u32>::builder(10).negative_time_to_live(ms(1000)).build();
    assert!(cache.get_or_load(&1, |_| async { panic!("out of cheese") }).await.is_err_and(|error| error.is_panicked()));
    assert!(cache.get_or_load(&1, |_| async { 1 }).await.is_err_and(|error| error.is_panicked()));
    later(1000).await;
    assert_eq!(cache.get_or_load(&1, |_| async { 1 }).await.ok(), Some(1));
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_finishes() {
    let (cache, gate) = (Cache::new(10), Gate::new());
    let opened = gate.clone();
    let mut asking = Box::pin(cache.get_or_load(&1, |_| async move {
        opened.wait().await;
        1
    }));
    assert!(poll_once(asking.as_mut()).is_pending());
    drop(asking);
    gate.open();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!((cache.get(&1), cache.stats().loading), (Some(1), 0));
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_is_aborted_where_that_is_wanted() {
    let cache = Cache::<u32, u32>::builder(10).abandoned(Abandoned::Abort).build();
    let counter = DropCounter::new();
    let guard = counter.guard();
    let ask = |guard| {
        let cache = cache.clone();
        async move {
            cache
                .get_or_load(&1, |_| async move {
                    let _guard = guard;
                    pending().await
                })
                .await
        }
    };
    let (mut first, mut second) = (Box::pin(ask(Some(guard))), Box::pin(ask(None)));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    drop(first);
    tokio::task::yield_now().await;
    assert_eq!(counter.alive(), 1, "somebody waits");
    drop(second);
    // Also who comes before it is gone begins anew, and does not wait for what is stopped.
    assert_eq!(cache.get_or_load(&1, |_| async { 2 }).await.ok(), Some(2));
    assert_eq!((counter.alive(), cache.get(&1), cache.stats().loading), (0, Some(2), 0));
}

/// A cache whose waiters each begin anew when a leader leaves gives up after some hundreds.
#[tokio::test]
async fn a_thousand_leaders_that_leave_harm_no_follower() {
    let (cache, gate) = (Cache::<u32, u32>::new(10), Gate::new());
    let load = |gate: Gate| async move {
        gate.wait().await;
        1
    };
    let mut follower = None;
    for _ in 0..1000 {
        let mut leader = Box::pin(cache.get_or_load(&1, |_| load(gate.clone())));
        assert!(poll_once(leader.as_mut()).is_pending());
        let follower = follower.get_or_insert_with(|| Box::pin(cache.get_or_load(&1, |_| async { 9 })));
        assert!(poll_once(follower.as_mut()).is_pending());
        drop(leader);
    }
    gate.open();
    assert_eq!(follower.expect("there").await.ok(), Some(1));
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test(start_paused = true)]
async fn invalidate_if_detaches_loads_that_have_begun() {
    let cache = Cache::new(10);
    let slow = |_| async {
        later(1000).await;
        1
    };
    let mut asking = Box::pin(cache.get_or_load(&1, slow));
    assert!(poll_once(asking.as_mut()).is_pending());
    assert_eq!(cache.invalidate_if(|_, _| false).await, 0);
    assert_eq!((asking.await.ok(), cache.get(&1)), (Some(1), None));
}

#[tokio::test]
async fn the_closure_that_makes_the_load_may_borrow_and_panic() {
    let cache = Cache::<String, usize>::new(10);
    let suffix = String::from("!");
    let length = |key: String| {
        let text = key + &suffix;
        async move { text.len() }
    };
    assert_eq!(cache.get_or_load("four", length).await.ok(), Some(5));
    let panics = |_: String| -> std::future::Ready<usize> { panic!("not even begun") };
    let error = cache.get_or_load("five", panics).await.expect_err("it panicked");
    assert!(error.is_panicked(), "{error}");
    assert_eq!(cache.get_or_load("five", |key| async move { key.len() }).await.ok(), Some(4));
}

#[tokio::test(start_paused = true)]
async fn load_times_are_told() {
    let cache = Cache::new(10);
    for (key, takes) in [(1, 100), (2, 300)] {
        let load = |_| async move {
            later(takes).await;
            1
        };
        assert!(cache.get_or_load(&key, load).await.is_ok());
    }
    let stats = cache.stats();
    assert_eq!((stats.load_mean(), stats.load_longest), (Some(ms(200)), ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_is_stopped_for_all_who_wait() {
    let (counter, cache) =
        (DropCounter::new(), Cache::<u32, u32>::builder(10).name("slow").load_timeout(ms(1000)).build());
    let guard = counter.guard();
    let mut first = Box::pin(cache.get_or_load(&1, |_| async move {
        let _guard = guard;
        pending().await
    }));
    assert!(poll_once(first.as_mut()).is_pending());
    later(500).await;
    let error = cache.get_or_load(&1, |_| async { 2 }).await.expect_err("it waits for the first");
    assert!(error.is_elapsed());
    assert_eq!(error.to_string(), "loader of cache `slow` took longer than 1s");
    assert!(first.await.is_err_and(|error| error.is_elapsed()));
    assert_eq!((counter.alive(), cache.stats().loading), (0, 0));
    assert_eq!(cache.get_or_load(&1, |_| async { 3 }).await.ok(), Some(3));
}

/// Polls a call so many times and drops it: nothing may be lost, and nobody may hang.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_dropped_at_any_await() {
    for polls in 0..4 {
        let cache = Cache::new(10);
        let load = |_| async {
            tokio::task::yield_now().await;
            1
        };
        let mut asking = Box::pin(cache.get_or_load(&1, load));
        for _ in 0..polls {
            if poll_once(asking.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(asking);
        let told = timeout(ms(1000), cache.get_or_load(&1, |_| async { 1 })).await;
        assert_eq!(told.expect("no hang").ok(), Some(1), "after {polls} polls");
        assert_eq!((cache.stats().loading, cache.stats().loads), (0, 1));
    }
}
