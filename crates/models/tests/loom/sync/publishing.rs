//! Versions: no update is lost, and numbers, values and pins belong together.

use loom::thread;
use regatta::sync::{CasCell, Rcu};

use super::check;

#[test]
fn no_update_is_lost() {
    check(|| {
        let cell = Rcu::new(0);
        let other = cell.clone();
        let writer = thread::spawn(move || other.update(|n| n + 1));
        let mine = cell.update(|n| n + 1);
        let theirs = writer.join().expect("no panic");
        assert_eq!((*cell.load(), cell.version(), mine + theirs), (2, 2, 3));
    });
}

#[test]
fn of_two_that_expect_the_same_version_one_wins() {
    check(|| {
        let cell = std::sync::Arc::new(CasCell::new(0));
        let other = cell.clone();
        let rival = thread::spawn(move || other.compare_and_set(0, 1).is_ok());
        let mine = cell.compare_and_set(0, 2).is_ok();
        assert!(mine != rival.join().expect("no panic"));
        assert_eq!((*cell.load(), cell.version()), (if mine { 2 } else { 1 }, 1));
    });
}

#[test]
fn a_version_and_its_value_belong_together() {
    check(|| {
        let cell = Rcu::new(0);
        let other = cell.clone();
        let writer = thread::spawn(move || {
            other.update(|n| n + 10);
            other.store(20);
        });
        let snapshot = cell.snapshot();
        assert_eq!(*snapshot, snapshot.version() * 10);
        let mut reader = cell.reader();
        let first = *reader.get();
        assert!(first >= *snapshot && reader.version() * 10 == first);
        writer.join().expect("no panic");
        assert_eq!(*reader.get(), 20);
    });
}
