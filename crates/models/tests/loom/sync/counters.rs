//! The counter's one word.

use std::sync::Arc;

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
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

fn increment(counter: &CasCounter) {
    counter.increment();
}

fn swap(counter: &CasCounter) {
    counter.compare_and_swap(0, 1).expect("nobody else swaps");
}

/// One thread does something, then changes the counter. Whoever has seen that change must see what was done.
fn check_hand_over(change: fn(&CasCounter), has_seen: fn(&CasCounter) -> bool) {
    check(move || {
        // An atomic without any order: only the counter's makes it visible.
        let (counter, done) = (Arc::new(CasCounter::new(0)), Arc::new(AtomicUsize::new(0)));
        let (their_counter, doing) = (counter.clone(), done.clone());
        let writer = thread::spawn(move || {
            doing.store(7, Relaxed);
            change(&their_counter);
        });
        if has_seen(&counter) {
            assert_eq!(done.load(Relaxed), 7);
        }
        writer.join().expect("no panic");
    });
}

#[test]
fn who_sees_a_number_sees_what_was_done_before() {
    check_hand_over(increment, |counter| counter.value() == 1);
    check_hand_over(swap, |counter| counter.value() == 1);
}

#[test]
fn who_swaps_sees_what_was_done_before() {
    check_hand_over(increment, |counter| counter.compare_and_swap(1, 2).is_ok());
    // Also who fails has seen a value.
    check_hand_over(increment, |counter| counter.compare_and_swap(5, 6) == Err(1));
}

#[test]
fn who_counts_later_sees_what_was_done_before() {
    // Also where the other came in the middle of it.
    check_hand_over(increment, |counter| counter.increment() == 2);
}
