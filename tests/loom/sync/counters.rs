//! The counter's one word.

use std::sync::Arc;

use loom::thread;
use regatta::sync::CasCounter;

use super::check;

#[test]
fn no_increment_is_lost_and_every_number_is_given_once() {
    check(|| {
        let counter = Arc::new(CasCounter::new(0));
        let others = [(); 2].map(|()| {
            let counter = counter.clone();
            thread::spawn(move || counter.increment())
        });
        let mut seen = vec![counter.increment()];
        seen.extend(others.into_iter().map(|other| other.join().expect("no panic")));
        seen.sort_unstable();
        assert_eq!((seen, counter.value()), (vec![1, 2, 3], 3));
    });
}

#[test]
fn who_sees_a_number_sees_what_was_done_before() {
    check(|| {
        // A plain value in an atomic without any order: only the counter's makes it visible.
        let counter = Arc::new(CasCounter::new(0));
        let value = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let (their_counter, their_value) = (counter.clone(), value.clone());
        let writer = thread::spawn(move || {
            their_value.store(7, loom::sync::atomic::Ordering::Relaxed);
            their_counter.increment()
        });
        if counter.value() == 1 {
            assert_eq!(value.load(loom::sync::atomic::Ordering::Relaxed), 7);
        }
        if counter.compare_and_swap(1, 1).is_ok() {
            assert_eq!(value.load(loom::sync::atomic::Ordering::Relaxed), 7);
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn who_swaps_hands_over_what_was_done_before() {
    check(|| {
        let counter = Arc::new(CasCounter::new(0));
        let value = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let (their_counter, their_value) = (counter.clone(), value.clone());
        let writer = thread::spawn(move || {
            their_value.store(7, loom::sync::atomic::Ordering::Relaxed);
            their_counter.compare_and_swap(0, 1).expect("nobody else swaps");
        });
        // Also who fails has seen a value.
        if counter.compare_and_swap(5, 6) == Err(1) {
            assert_eq!(value.load(loom::sync::atomic::Ordering::Relaxed), 7);
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn who_counts_later_sees_what_was_done_before() {
    check(|| {
        let counter = Arc::new(CasCounter::new(0));
        let value = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let (their_counter, their_value) = (counter.clone(), value.clone());
        let writer = thread::spawn(move || {
            their_value.store(7, loom::sync::atomic::Ordering::Relaxed);
            their_counter.increment()
        });
        // Also where the other came in the middle of it.
        if counter.increment() == 2 {
            assert_eq!(value.load(loom::sync::atomic::Ordering::Relaxed), 7);
        }
        writer.join().expect("no panic");
    });
}
