//! Promises in the snapshot.

use regatta::observe::{Flow, Registry};
use regatta::promise::PromiseFuture;

use super::promise;

fn flow(registry: &Registry) -> Flow {
    let snapshot = registry.snapshot();
    let rows: Vec<_> = snapshot.of_kind("promises").collect();
    assert_eq!((rows.len(), &*rows[0].name, &*rows[0].state), (1, "promises", "open"));
    assert!(rows[0].flow.is_conserved());
    assert_eq!((&*rows[0].gauges[0].name, rows[0].gauges[0].value), ("pending", rows[0].flow.in_flight));
    rows[0].flow
}

#[test]
fn one_row_counts_what_became_of_all_promises() {
    let registry = Registry::new();
    assert!(registry.snapshot().rows.is_empty(), "no promise, no row");
    registry.enter(|| {
        let (writer, pending) = promise();
        assert_eq!((flow(&registry).accepted, flow(&registry).in_flight), (1, 1));
        let _resolved = PromiseFuture::<u32, ()>::ready(1);
        let _rejected = PromiseFuture::<u32, ()>::rejected(());
        drop(promise().0); // the future went first
        let (broken, _future) = promise();
        drop(broken);
        let (ignored, future) = promise();
        drop(future);
        ignored.resolve(1);
        let seen = flow(&registry);
        assert_eq!((seen.accepted, seen.done, seen.failed, seen.discarded, seen.in_flight), (6, 1, 1, 3, 1));
        drop(pending);
        drop(writer);
    });
    let seen = flow(&registry);
    assert_eq!((seen.discarded, seen.in_flight), (4, 0), "the row stays when all are gone");
}

#[tokio::test]
async fn work_that_panics_has_failed_and_work_that_is_stopped_is_discarded() {
    let registry = Registry::new();
    let futures = registry.enter(|| {
        let panics = PromiseFuture::<u32, ()>::spawn(async { panic!("out of cheese") });
        (panics, PromiseFuture::spawn(std::future::pending::<Result<u32, ()>>()))
    });
    futures.0.await.unwrap_err();
    drop(futures.1);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let seen = flow(&registry);
    assert_eq!((seen.accepted, seen.failed, seen.discarded, seen.in_flight), (2, 1, 1, 0));
}

#[test]
fn who_has_a_value_finds_it_counted() {
    let registry = Registry::new();
    let (writer, future) = registry.enter(promise);
    let (inside, seen) = (registry.clone(), std::sync::Arc::new(std::sync::Mutex::new(None)));
    let found = seen.clone();
    future.on_settled(move |_| *found.lock().unwrap() = Some(flow(&inside).done));
    writer.resolve(1);
    assert_eq!(*seen.lock().unwrap(), Some(1));
}
