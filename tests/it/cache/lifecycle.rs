//! How a cache ends, and what it shows of itself.

use std::future::pending;
use std::time::Duration;

use regatta::cache::Cache;
use regatta::observe::Registry;
use tokio::runtime::Builder;

use super::later;
use crate::support::{DropCounter, Gate, poll_once};

fn cache() -> Cache<u32, u32> {
    Cache::builder(10).name("users").build()
}

#[tokio::test(start_paused = true)]
async fn a_closed_cache_takes_nothing_in_and_can_be_read() {
    let cache = cache();
    cache.insert(1, 1);
    cache.close();
    cache.close();
    cache.insert(2, 2);
    assert_eq!((cache.get(&1), cache.get(&2), cache.is_closed()), (Some(1), None, true));
    assert_eq!((cache.stats().refused, cache.stats().inserted), (1, 1));
    assert_eq!(cache.get_or_load(&1, |_| async { 9 }).await.ok(), Some(1));
    let error = cache.get_or_load(&2, |_| async { 2 }).await.expect_err("it is closed");
    assert!(error.is_closed());
    assert_eq!(error.to_string(), "cache `users` is closed: it takes nothing more in");
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_loads_land_that_are_quick_enough() {
    let cache = cache();
    let mut quick = Box::pin(cache.get_or_load(&1, |_| async {
        later(100).await;
        1
    }));
    let mut slow = Box::pin(cache.get_or_load(&2, |_| pending()));
    assert!(poll_once(quick.as_mut()).is_pending() && poll_once(slow.as_mut()).is_pending());
    let report = cache.shutdown(Duration::from_secs(1)).await;
    assert_eq!((report.finished, report.aborted, report.panicked_count), (1, 1, 0));
    assert_eq!(&*report.name, "users");
    assert_eq!((quick.await.ok(), cache.get(&1)), (Some(1), Some(1)));
    assert!(slow.await.expect_err("it was aborted").is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_loader_is_in_the_report() {
    let cache = cache();
    let error = cache.get_or_load(&1, |_| async { panic!("out of cheese") }).await.expect_err("it panicked");
    assert_eq!(error.to_string(), "loader of cache `users` panicked: out of cheese");
    let report = cache.shutdown(Duration::from_secs(1)).await;
    assert_eq!((report.finished, report.panicked_count), (0, 1));
    assert_eq!(report.panicked[0].to_string(), "task `users/load` panicked: out of cheese");
}

#[tokio::test]
async fn aborted_returns_when_nothing_of_a_loader_lives() {
    let (cache, counter) = (cache(), DropCounter::new());
    let guard = counter.guard();
    let mut asking = Box::pin(cache.get_or_load(&1, |_| async move {
        let _guard = guard;
        pending().await
    }));
    assert!(poll_once(asking.as_mut()).is_pending());
    let report = cache.aborted().await;
    assert_eq!((report.aborted, counter.alive()), (1, 0));
    assert!(asking.await.expect_err("it was aborted").is_closed());
}

#[tokio::test]
async fn dropping_the_last_handle_aborts_loads() {
    let (cache, counter) = (cache(), DropCounter::new());
    let (guard, other) = (counter.guard(), cache.clone());
    let mut asking = Box::pin(cache.get_or_load(&1, |_| async move {
        let _guard = guard;
        pending().await
    }));
    assert!(poll_once(asking.as_mut()).is_pending());
    drop(asking);
    drop(cache);
    tokio::task::yield_now().await;
    assert_eq!(counter.alive(), 1, "another handle lives");
    drop(other);
    tokio::task::yield_now().await;
    assert_eq!(counter.alive(), 0);
}

#[test]
fn a_runtime_that_goes_away_with_loads_in_flight_gives_closed() {
    let (cache, here) = (cache(), Builder::new_current_thread().build().expect("a runtime"));
    let there = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let gate = Gate::new();
    let (loading, opened) = (cache.clone(), gate.clone());
    // The leader is not of the runtime that goes away: only its load is.
    let guard = there.enter();
    let mut leader = Box::pin(async move {
        loading
            .get_or_load(&1, |_| async move {
                opened.open();
                pending().await
            })
            .await
    });
    assert!(poll_once(leader.as_mut()).is_pending());
    drop(guard);
    here.block_on(gate.wait());
    let mut waiting = Box::pin(cache.get_or_load(&1, |_| async { 2 }));
    {
        let _here = here.enter();
        assert!(poll_once(waiting.as_mut()).is_pending());
    }
    drop(there);
    for told in [here.block_on(leader), here.block_on(waiting)] {
        let error = told.expect_err("its runtime is gone");
        assert!(error.is_closed(), "{error}");
    }
    assert_eq!(cache.stats().loading, 0);
    // The cache is none the worse.
    assert_eq!(here.block_on(cache.get_or_load(&1, |_| async { 3 })).ok(), Some(3));
}

#[test]
fn reads_and_writes_need_no_runtime() {
    let cache = Cache::builder(10).time_to_live(Duration::from_secs(60)).build();
    cache.insert(1, 1);
    assert_eq!((cache.get(&1), cache.snapshot().len(), cache.remove_expired()), (Some(1), 1, 0));
    // Nor does a load that finds a value.
    let mut asking = Box::pin(cache.get_or_load(&1, |_| async { 2 }));
    assert!(poll_once(asking.as_mut()).is_ready());
}

#[test]
#[should_panic(expected = "Cache::get_or_load needs a tokio runtime")]
fn a_load_outside_a_runtime_panics_with_advice() {
    let _ = poll_once(Box::pin(cache().get_or_load(&1, |_| async { 2 })).as_mut());
}

#[test]
fn a_load_that_panicked_for_want_of_a_runtime_leaves_nothing_behind() {
    let cache = cache();
    super::panics(|| poll_once(Box::pin(cache.get_or_load(&1, |_| async { 2 })).as_mut()).is_ready());
    assert_eq!(cache.stats().loading, 0);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(cache.get_or_load(&1, |_| async { 2 })).ok(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn its_row_shows_what_it_holds_and_adds_up() {
    let registry = Registry::new();
    let cache = registry.enter(cache);
    (0..15).for_each(|key| cache.insert(key, key));
    cache.insert(14, 0);
    cache.invalidate(&14);
    let _ = cache.get_or_load(&20, |_| async { 1 }).await;
    let snapshot = registry.snapshot();
    let row = snapshot.named("users").expect("it is listed");
    assert_eq!((&*row.kind, &*row.state), ("cache", "open"));
    assert!(row.flow.is_conserved(), "{}", row.flow);
    assert_eq!((row.flow.accepted, row.flow.in_flight, row.flow.done), (17, 10, 6));
    let gauge = |name: &str| row.gauge_of(name).map(|gauge| (gauge.value, gauge.limit));
    assert_eq!((gauge("weight"), gauge("loading")), (Some((10, Some(10))), Some((0, None))));
    assert_eq!((row.count_of("loads"), row.count_of("misses"), row.count_of("evicted")), (Some(1), Some(1), Some(5)));
    cache.close();
    assert_eq!(registry.snapshot().named("users").expect("it is listed").state, "closed");
    drop(cache);
    assert!(registry.snapshot().rows.is_empty());
}

#[test]
fn a_weak_handle_keeps_nothing() {
    let cache = cache();
    let weak = cache.downgrade();
    cache.insert(1, 1);
    assert_eq!(weak.upgrade().and_then(|cache| cache.get(&1)), Some(1));
    let reader = cache.reader();
    drop(cache);
    assert!(weak.upgrade().is_none(), "a reader owns no loads");
    drop(reader);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_loader_is_in_the_scope_of_whoever_asked() {
    let registry = Registry::new();
    let cache = cache();
    let made = registry.scope(cache.get_or_load(&1, |_| async {
        let queue = regatta::queue::bounded::<u8>(1);
        let seen = Registry::current().snapshot().of_kind("queue").count() as u32;
        drop(queue);
        seen
    }));
    assert_eq!(made.await.ok(), Some(1));
}
