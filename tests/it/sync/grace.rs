//! Grace periods.

use std::pin::pin;
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;

use regatta::sync::{Rcu, RcuMap};
use tokio_test::{assert_pending, assert_ready, block_on, task};

use crate::support::{DropCounter, poll_once};

#[test]
fn it_is_over_at_once_when_nobody_reads_an_older_version() {
    let cell = Rcu::new(0);
    let current = cell.snapshot();
    assert_ready!(task::spawn(cell.synchronize()).poll());
    cell.store(1);
    let mut waiting = task::spawn(cell.synchronize());
    assert_pending!(waiting.poll());
    drop(current);
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[test]
fn it_waits_for_older_snapshots_and_not_for_later_ones() {
    let cell = Rcu::new(0);
    let (first, second) = (cell.snapshot(), cell.snapshot());
    cell.store(1);
    let mut waiting = task::spawn(cell.synchronize());
    let third = cell.snapshot();
    cell.store(2);
    assert_pending!(waiting.poll());
    drop(first);
    assert_pending!(waiting.poll());
    drop(second);
    assert_ready!(waiting.poll());
    // The later one holds up a later period only.
    let mut later = task::spawn(cell.synchronize());
    assert_pending!(later.poll());
    drop(third);
    assert_ready!(later.poll());
}

#[test]
fn a_guard_and_a_reader_that_remembers_are_waited_for() {
    let cell = Rcu::new(0);
    let (guard, mut reader) = (cell.load(), cell.reader());
    cell.store(1);
    let mut waiting = task::spawn(cell.synchronize());
    assert_pending!(waiting.poll());
    drop(guard);
    assert_pending!(waiting.poll());
    reader.get(); // moves on
    assert_ready!(waiting.poll());
}

#[test]
fn it_ends_after_the_old_value_is_dropped() {
    let counter = DropCounter::new();
    let cell = Rcu::new(counter.guard());
    let kept = cell.snapshot();
    cell.store(counter.guard());
    let mut waiting = task::spawn(cell.synchronize());
    assert_pending!(waiting.poll());
    drop(kept);
    assert_ready!(waiting.poll());
    assert_eq!(counter.alive(), 1);
}

/// Holds up whoever drops it, until the test lets it go.
struct Slow {
    begun: mpsc::Sender<()>,
    end: Mutex<mpsc::Receiver<()>>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = self.begun.send(());
        let _ = self.end.lock().expect("no panic").recv();
    }
}

#[test]
fn it_waits_for_the_destructor_of_a_value_that_nobody_reads() {
    let (begun, has_begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel();
    let cell = Rcu::new(Some(Slow { begun, end: Mutex::new(may_end) }));
    thread::scope(|scope| {
        scope.spawn(|| cell.store(None));
        has_begun.recv().expect("the writer drops the old value");
        let mut waiting = task::spawn(cell.synchronize());
        let is_over = waiting.poll().is_ready();
        drop(end);
        assert!(!is_over);
        block_on(waiting);
    });
}

#[test]
fn versions_that_go_out_of_order_wake_nobody_too_early() {
    let cell = Rcu::new(0);
    let snapshots: Vec<_> = (1..=3)
        .map(|n| {
            let snapshot = cell.snapshot();
            cell.store(n);
            snapshot
        })
        .collect();
    let [first, second, third]: [_; 3] = snapshots.try_into().expect("three");
    let mut waiting = task::spawn(cell.synchronize());
    assert_pending!(waiting.poll());
    drop(second);
    assert!(!waiting.is_woken());
    drop(first);
    assert_pending!(waiting.poll());
    drop(third);
    assert_ready!(waiting.poll());
}

#[test]
fn a_wait_that_is_given_up_changes_nothing_and_many_end_together() {
    let cell = Rcu::new(0);
    let kept = cell.snapshot();
    cell.store(1);
    for polls in 0..3 {
        let mut given_up = pin!(cell.synchronize());
        for _ in 0..polls {
            assert!(poll_once(given_up.as_mut()).is_pending());
        }
    }
    let begin = Barrier::new(21);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                begin.wait();
                block_on(cell.synchronize());
            });
        }
        begin.wait();
        drop(kept);
    });
}

#[test]
fn a_map_has_grace_periods_too() {
    let map = RcuMap::from_iter([(1, "a")]);
    let kept = map.snapshot();
    map.insert(1, "b");
    let mut waiting = task::spawn(map.synchronize());
    assert_pending!(waiting.poll());
    drop(kept);
    assert_ready!(waiting.poll());
}
