//! Waiting for publications and for grace periods.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::thread;
use regatta::sync::Rcu;

use super::{check, poll_once};

#[test]
fn whoever_waits_for_a_publication_sees_it() {
    check(|| {
        let cell = Rcu::new(0);
        let other = cell.clone();
        let writer = thread::spawn(move || {
            other.store(1);
            other.store(2);
        });
        let seen = block_on(cell.changed_since(1));
        assert_eq!((*seen, seen.version()), (2, 2));
        writer.join().expect("no panic");
    });
}

#[test]
fn a_reader_reads_to_the_last_version_and_learns_of_the_end() {
    check(|| {
        let cell = Rcu::new(0);
        let mut reader = cell.reader();
        let writer = thread::spawn(move || {
            cell.store(1);
            cell.store(2);
        });
        let mut last = 0;
        while block_on(reader.changed()).is_ok() {
            let seen = *reader.get();
            assert!(seen > last, "woken for nothing new");
            last = seen;
        }
        assert_eq!(last, 2);
        writer.join().expect("no panic");
    });
}

#[test]
fn a_watcher_that_gives_up_takes_nothing_from_the_others() {
    check(|| {
        let cell = Rcu::new(0);
        let quitter = cell.clone();
        let quitter = thread::spawn(move || {
            poll_once(quitter.changed_since(0));
        });
        let writer = cell.clone();
        let writer = thread::spawn(move || writer.store(1));
        assert_eq!(*block_on(cell.changed_since(0)), 1);
        quitter.join().expect("no panic");
        writer.join().expect("no panic");
    });
}

#[test]
fn a_grace_period_is_not_over_before_the_last_older_reader_has_left() {
    check(|| {
        // Tells in its destructor that it is gone.
        struct Gone(std::sync::Arc<std::sync::atomic::AtomicBool>);
        impl Drop for Gone {
            fn drop(&mut self) {
                thread::yield_now();
                self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let is_gone = std::sync::Arc::default();
        let cell = Rcu::new(Some(Gone(std::sync::Arc::clone(&is_gone))));
        let other = cell.clone();
        let reader = thread::spawn(move || {
            let snapshot = other.snapshot();
            thread::yield_now();
            drop(snapshot);
        });
        cell.store(None);
        block_on(cell.synchronize());
        assert!(is_gone.load(std::sync::atomic::Ordering::SeqCst));
        reader.join().expect("no panic");
    });
}

#[test]
fn a_grace_period_that_begins_during_a_publication_waits_for_what_it_replaced() {
    check(|| {
        let cell = Rcu::new(0);
        let kept = cell.snapshot();
        let writer = cell.clone();
        let writer = thread::spawn(move || writer.store(1));
        block_on(cell.changed_since(0));
        // The writer may still be in the middle of it.
        let mut waiting = pin!(cell.synchronize());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(kept);
        block_on(waiting);
        writer.join().expect("no panic");
    });
}

#[test]
fn two_grace_periods_end_with_one_reader() {
    check(|| {
        let cell = Rcu::new(0);
        let snapshot = cell.snapshot();
        cell.store(1);
        let other = cell.clone();
        let waiter = thread::spawn(move || block_on(other.synchronize()));
        let reader = thread::spawn(move || drop(snapshot));
        block_on(cell.synchronize());
        waiter.join().expect("no panic");
        reader.join().expect("no panic");
    });
}
