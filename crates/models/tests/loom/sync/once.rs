//! A value that is made once: who leads, who waits, and what becomes of an attempt that is lost.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;
use regatta::sync::model::{End, Once, Role};

use super::{check, poll_once};

/// Wants the value, and makes it if nobody else does; gives what it found, and whether it led.
fn want(cell: &Once<u32>, value: u32) -> (u32, bool) {
    loop {
        match cell.join() {
            Role::Ready => return (*cell.get().expect("ready"), false),
            Role::Leads(leader) => {
                leader.finish(value);
                return (*cell.get().expect("just made"), true);
            }
            Role::Waits(attempt) => {
                if block_on(attempt.end()) == End::Made {
                    return (*cell.get().expect("whoever is told finds it"), false);
                }
            }
        }
    }
}

#[test]
fn three_that_want_the_value_get_one_and_the_same() {
    check(|| {
        let cell = Once::new();
        let others = [1, 2].map(|value| {
            let cell = cell.clone();
            thread::spawn(move || want(&cell, value))
        });
        let (mine, led) = want(&cell, 3);
        let mut leaders = usize::from(led);
        for other in others {
            let (value, led) = other.join().expect("no panic");
            assert_eq!(value, mine);
            leaders += usize::from(led);
        }
        assert_eq!(leaders, 1);
    });
}

#[test]
fn an_attempt_that_is_lost_is_taken_up_by_one_who_waits() {
    check(|| {
        let cell = Once::new();
        let Role::Leads(leader) = cell.join() else { panic!("nobody else is here") };
        let dropper = thread::spawn(move || drop(leader));
        let other = cell.clone();
        let other = thread::spawn(move || want(&other, 1));
        let mine = want(&cell, 2);
        let theirs = other.join().expect("no panic");
        assert_eq!(mine.0, theirs.0);
        assert!(mine.1 != theirs.1, "exactly one leads");
        dropper.join().expect("no panic");
    });
}

#[test]
fn a_follower_that_gives_up_takes_nothing_from_the_others() {
    check(|| {
        let cell = Once::new();
        let Role::Leads(leader) = cell.join() else { panic!("nobody else is here") };
        let quitter = cell.clone();
        let quitter = thread::spawn(move || {
            if let Role::Waits(attempt) = quitter.join() {
                poll_once(attempt.end());
            }
        });
        let leader = thread::spawn(move || leader.finish(1));
        assert_eq!(want(&cell, 2), (1, false));
        quitter.join().expect("no panic");
        leader.join().expect("no panic");
    });
}

#[test]
fn a_value_that_is_set_beside_an_attempt_is_the_only_one() {
    check(|| {
        let cell = Once::new();
        let (wants, sets) = (cell.clone(), cell.clone());
        let wants = thread::spawn(move || want(&wants, 1).0);
        let sets = thread::spawn(move || sets.set(2));
        let wanted = wants.join().expect("no panic");
        let is_set = sets.join().expect("no panic");
        assert_eq!(wanted, if is_set { 2 } else { 1 });
        assert_eq!(cell.get(), Some(&wanted));
    });
}

#[test]
fn a_value_that_is_set_reaches_those_who_wait_for_a_leader_that_hangs() {
    check(|| {
        let cell = Once::new();
        let Role::Leads(leader) = cell.join() else { panic!("nobody else is here") };
        let sets = cell.clone();
        let sets = thread::spawn(move || assert!(sets.set(2)));
        assert_eq!(want(&cell, 3), (2, false));
        sets.join().expect("no panic");
        drop(leader);
        assert_eq!(cell.get(), Some(&2));
    });
}

#[test]
fn of_a_leader_and_one_who_sets_the_first_wins_and_the_other_keeps_nothing() {
    check(|| {
        let cell = Once::new();
        let Role::Leads(leader) = cell.join() else { panic!("nobody else is here") };
        let value = Arc::new(1);
        let made = value.clone();
        let leader = thread::spawn(move || leader.finish(made));
        // It stays, as one that is not polled any more.
        let follower = cell.join();
        let is_set = cell.set(Arc::new(2));
        leader.join().expect("no panic");
        assert_eq!(cell.get().map(|value| **value), Some(if is_set { 2 } else { 1 }));
        assert_eq!(Arc::strong_count(&value), if is_set { 1 } else { 2 });
        drop(follower);
    });
}

#[test]
fn when_everybody_has_left_the_value_is_found() {
    check(|| {
        let cell = Once::new();
        let Role::Leads(leader) = cell.join() else { panic!("nobody else is here") };
        let leader = thread::spawn(move || leader.finish(1));
        if let Role::Waits(attempt) = cell.join() {
            poll_once(attempt.end());
        }
        leader.join().expect("no panic");
        assert_eq!(cell.get(), Some(&1));
    });
}
