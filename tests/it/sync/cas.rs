//! Compare and swap.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use regatta::observe::Registry;
use regatta::sync::{CasCell, CasCounter, Reclaimer};

use super::panics;
use crate::support::without_deadlock;

#[test]
fn textbook_compare_and_swap_succeeds_only_from_the_expected_value() {
    let cell = CasCell::new(1);
    assert!(cell.compare_and_swap(&1, 2).is_ok());
    let conflict = cell.compare_and_swap(&1, 3).unwrap_err();
    assert_eq!((**conflict.current(), conflict.version(), conflict.into_inner()), (2, 1, 3));
    assert_eq!((*cell.load(), cell.version()), (2, 1));
}

#[test]
fn a_value_that_was_changed_and_changed_back_is_noticed_by_version_only() {
    let cell = CasCell::new("x");
    for _ in 0..4 {
        cell.store("x");
    }
    cell.store("x");
    let seen = cell.snapshot();
    assert_eq!(seen.version(), 5);
    cell.store("y");
    cell.store("x");
    let conflict = cell.compare_and_set(5, "z").unwrap_err();
    assert_eq!((conflict.version(), **conflict.current(), conflict.into_inner()), (7, "x", "z"));
    assert!(cell.compare_and_swap(&"x", "z").is_ok());
    assert_eq!(cell.compare_and_set(8, "w").expect("nobody was faster"), 9);
}

#[test]
fn a_version_that_is_not_there_yet_is_refused() {
    let cell = CasCell::new(0);
    for version in [1, u64::MAX - 1, u64::MAX] {
        assert_eq!(cell.compare_and_set(version, 1).unwrap_err().version(), 0);
    }
    assert_eq!(*cell.load(), 0);
}

#[test]
fn of_many_only_one_wins_each_round() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    let cell = CasCell::new((0, 0)); // round, winner
    let (begin, wins) = (Barrier::new(THREADS), CasCounter::new(0));
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (cell, begin, wins) = (&cell, &begin, &wins);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    begin.wait();
                    let expected = *cell.snapshot();
                    if expected.0 == round && cell.compare_and_swap(&expected, (round + 1, me)).is_ok() {
                        wins.increment();
                    }
                    begin.wait();
                }
            });
        }
    });
    assert_eq!((cell.load().0, wins.value(), cell.version()), (ROUNDS, ROUNDS as u64, ROUNDS as u64));
}

#[test]
fn update_is_the_loop_around_it() {
    let cell = CasCell::new(1);
    let mut calls = 0;
    cell.update(|n| {
        calls += 1;
        if calls == 1 {
            cell.store(10);
        }
        n + 1
    });
    assert_eq!((*cell.load(), calls, cell.conflicts()), (11, 2, 1));
    assert_eq!((*cell.swap(0), *cell.load()), (11, 0));
}

/// Compares by what it is told.
struct Odd(fn() -> bool);

impl PartialEq for Odd {
    fn eq(&self, _: &Self) -> bool {
        (self.0)()
    }
}

#[test]
fn a_comparison_that_panics_stores_nothing() {
    let cell = CasCell::new(Odd(|| panic!("incomparable")));
    assert_eq!(panics(|| cell.compare_and_swap(&Odd(|| true), Odd(|| true))), "incomparable");
    assert_eq!(cell.version(), 0);
    cell.store(Odd(|| true));
    assert!(cell.compare_and_swap(&Odd(|| true), Odd(|| true)).is_ok());
}

#[test]
fn a_comparison_may_use_the_cell() {
    static CELL: std::sync::OnceLock<CasCell<Odd>> = std::sync::OnceLock::new();
    without_deadlock(|| {
        let cell = CELL.get_or_init(|| {
            CasCell::new(Odd(|| {
                let cell = CELL.get().expect("it is made");
                if cell.version() == 0 {
                    cell.store(Odd(|| true));
                }
                true
            }))
        });
        assert!(cell.compare_and_swap(&Odd(|| true), Odd(|| true)).is_ok());
        // The comparison changed the value it was about, so it was made again.
        assert_eq!((cell.version(), cell.conflicts()), (2, 1));
    });
}

#[tokio::test]
async fn it_has_a_row_and_a_reclaimer_as_other_cells_have() {
    let registry = Registry::new();
    let (cell, reclaimer) = registry
        .scope(async {
            let reclaimer = Reclaimer::new("old leaders", 10);
            (CasCell::builder(String::from("nobody")).name("leader").reclaimer(&reclaimer).build(), reclaimer)
        })
        .await;
    cell.compare_and_set(0, String::from("me")).expect("nobody was faster");
    assert!(cell.compare_and_set(0, String::from("you")).is_err());
    let snapshot = registry.snapshot();
    let row = snapshot.named("leader").expect("it has a row");
    assert_eq!((&*row.kind, row.flow.accepted, &*row.state), ("cas cell", 2, "open"));
    assert_eq!(snapshot.named("old leaders").expect("it has a row").flow.accepted, 1);
    drop(cell);
    assert!(registry.snapshot().named("leader").is_none());
    assert!(reclaimer.shutdown(Duration::from_secs(5)).await.is_clean());
}

#[test]
fn textbook_the_counter_gives_every_number_once() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 5_000;
    let counter = CasCounter::new(0);
    let mut seen: Vec<u64> = thread::scope(|scope| {
        let count = || (0..TIMES).map(|_| counter.increment()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(count)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    seen.sort_unstable();
    assert!(seen.into_iter().eq(1..=THREADS * TIMES));
}

#[test]
fn the_counter_refuses_what_does_not_fit_and_keeps_its_value() {
    let counter = CasCounter::new(u64::MAX - 1);
    assert_eq!((counter.try_add(2), counter.try_add(1), counter.try_add(0)), (None, Some(u64::MAX), Some(u64::MAX)));
    assert_eq!(
        panics(|| counter.increment()),
        "CasCounter: 1 cannot be added to 18446744073709551615; use try_add where that can happen"
    );
    assert_eq!(counter.value(), u64::MAX);

    let counter = CasCounter::default();
    assert_eq!((counter.try_subtract(1), counter.try_subtract(0)), (None, Some(0)));
    assert_eq!(
        panics(|| counter.decrement()),
        "CasCounter: 1 cannot be taken from 0; use try_subtract where that can happen"
    );
    assert_eq!((counter.add(5), counter.subtract(2), counter.decrement()), (5, 3, 2));
    assert_eq!((counter.compare_and_swap(2, 9), counter.compare_and_swap(2, 8), counter.value()), (Ok(()), Err(9), 9));
}
