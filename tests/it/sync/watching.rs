//! Waiting for publications.

use regatta::sync::{Rcu, RcuMap};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};

use crate::support::{waker_dropped_with, waker_that_panics, without_deadlock};

#[test]
fn a_publication_wakes_whoever_waits_and_gives_it_the_version() {
    let cell = Rcu::new(0);
    let mut waiting: Vec<_> = (0..100).map(|_| task::spawn(cell.changed())).collect();
    for future in &mut waiting {
        assert_pending!(future.poll());
    }
    cell.store(1);
    cell.store(2);
    for future in &mut waiting {
        assert!(future.is_woken());
        let seen = assert_ready!(future.poll());
        assert_eq!((*seen, seen.version()), (2, 2));
    }
}

#[test]
fn a_publication_between_two_waits_is_not_missed() {
    let cell = Rcu::new(0);
    let mut reader = cell.reader();
    cell.store(1); // before anybody waits
    assert_ready_ok!(task::spawn(reader.changed()).poll());
    assert_eq!(*reader.get(), 1);
    cell.store(2); // between two waits
    assert_ready_ok!(task::spawn(reader.changed()).poll());
    // What was not read is still new.
    assert_ready_ok!(task::spawn(reader.changed()).poll());
    assert_eq!(*reader.get(), 2);
    assert_pending!(task::spawn(reader.changed()).poll());
    assert_ready!(task::spawn(cell.changed_since(1)).poll());
    assert_pending!(task::spawn(cell.changed_since(2)).poll());
}

#[test]
fn changed_waits_for_the_next_publication_after_the_call() {
    let cell = Rcu::new(0);
    cell.store(1);
    let mut changed = task::spawn(cell.changed());
    assert_pending!(changed.poll());
    let unpolled = cell.changed();
    cell.store(2);
    assert_eq!(*assert_ready!(changed.poll()), 2);
    // It counts from the call, not from the first poll.
    assert_eq!(*assert_ready!(task::spawn(unpolled).poll()), 2);
}

#[test]
fn changed_of_a_map_waits_for_the_next_publication_after_the_call() {
    let map = RcuMap::from_iter([(1, "a")]);
    let mut changed = task::spawn(map.changed());
    assert_pending!(changed.poll());
    let unpolled = map.changed();
    map.insert(1, "b");
    assert_eq!(assert_ready!(changed.poll()).get(&1), Some(&"b"));
    assert_eq!(assert_ready!(task::spawn(unpolled).poll()).get(&1), Some(&"b"));
}

#[test]
fn the_last_writer_that_leaves_wakes_readers_with_closed() {
    let cell = Rcu::builder(0).name("limit").build();
    let other = cell.clone();
    let mut reader = cell.reader();
    let mut changed = task::spawn(reader.changed());
    assert_pending!(changed.poll());
    drop(cell);
    assert!(!changed.is_woken());
    other.store(1);
    drop(other);
    // What is there is given first.
    assert_ready_ok!(changed.poll());
    drop(changed);
    assert_eq!(*reader.get(), 1);
    let error = assert_ready_err!(task::spawn(reader.changed()).poll());
    assert_eq!(error.to_string(), "limit is closed");
    assert_eq!(*reader.get(), 1);
}

#[test]
fn a_waiter_that_leaves_leaves_nothing_behind() {
    let cell = Rcu::new(0);
    let (tx, dropped) = std::sync::mpsc::channel();
    for is_notified in [false, true] {
        let tx = tx.clone();
        let waker = waker_dropped_with(move || tx.send(()).expect("the test waits"));
        let mut changed = Box::pin(cell.changed());
        assert!(changed.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        drop(waker);
        if is_notified {
            cell.store(1);
        } else {
            assert!(dropped.try_recv().is_err(), "the waiter holds it");
        }
        drop(changed);
        assert!(dropped.try_recv().is_ok(), "leaked");
    }
}

#[test]
fn a_waker_may_use_the_cell_and_may_panic() {
    without_deadlock(|| {
        let cell = Rcu::new(0);
        let other = cell.clone();
        let waker = waker_dropped_with(move || assert_eq!(other.store(7), 1));
        let mut displaced = Box::pin(cell.changed());
        assert!(displaced.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        drop(waker);
        let panics = waker_that_panics();
        // The first waker is displaced, and dropped: it stores 7, which wakes the second.
        let polled = displaced.as_mut().poll(&mut std::task::Context::from_waker(&panics));
        assert!(polled.is_pending());
        let mut next = task::spawn(cell.changed_since(1));
        assert_pending!(next.poll());
        cell.store(8);
        assert!(next.is_woken());
    });
}

#[tokio::test]
async fn a_map_is_watched_like_a_cell() {
    let map = RcuMap::new();
    let mut reader = map.reader();
    map.insert("a", 1);
    reader.changed().await.expect("the map lives");
    assert_eq!(reader.get("a"), Some(&1));
    assert_eq!(map.changed_since(0).await.get("a"), Some(&1));
    drop(map);
    assert!(reader.changed().await.is_err());
}
