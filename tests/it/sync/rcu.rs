//! Reading and replacing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use regatta::observe::Registry;
use regatta::sync::Rcu;

use super::panics;
use crate::support::{DropCounter, DropGuard, without_deadlock};

#[test]
fn textbook_readers_see_the_old_value_or_the_new_one() {
    let cell = Rcu::new(vec![1, 2]);
    let before = cell.snapshot();
    assert_eq!(cell.update(|list| list.iter().map(|n| n * 10).collect()), 1);
    assert_eq!((&*before, &*cell.snapshot()), (&vec![1, 2], &vec![10, 20]));
    assert_eq!((before.version(), cell.version(), cell.load().version()), (0, 1, 1));
}

#[test]
fn store_and_swap_publish_whatever_was_there() {
    let cell = Rcu::new("a");
    assert_eq!(cell.store("b"), 1);
    let old = cell.swap("c");
    assert_eq!((*old, old.version(), *cell.load(), cell.version()), ("b", 1, "c", 2));
}

#[test]
fn an_update_that_fails_publishes_nothing() {
    let cell = Rcu::new(1);
    assert_eq!(cell.try_update(|_| Err::<i32, _>("no")), Err("no"));
    assert_eq!(cell.try_update(|n| Ok::<_, ()>(n + 1)), Ok(1));
    assert_eq!((*cell.load(), cell.version()), (2, 1));
}

#[test]
fn a_reader_that_remembers_follows_every_publication() {
    let cell = Rcu::new(0_u64);
    let mut reader = cell.reader();
    for n in 1..100 {
        cell.store(n);
        assert_eq!((*reader.get(), reader.version()), (n, n));
        assert_eq!(reader.clone().snapshot().version(), reader.version());
    }
}

#[test]
fn many_writers_lose_no_update() {
    const THREADS: usize = 8;
    const TIMES: usize = 5_000;
    let (cell, calls) = (Rcu::new(0_usize), AtomicUsize::new(0));
    let begin = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..TIMES {
                    cell.update(|n| {
                        calls.fetch_add(1, Ordering::Relaxed);
                        n + 1
                    });
                }
            });
        }
    });
    assert_eq!((*cell.load(), cell.version()), (THREADS * TIMES, (THREADS * TIMES) as u64));
    assert!(calls.load(Ordering::Relaxed) >= THREADS * TIMES);
}

#[test]
fn an_update_that_was_overtaken_runs_again_on_the_newer_value_and_is_counted() {
    let mine = Registry::new();
    let cell = mine.enter(|| Rcu::builder(1).name("raced").build());
    let mut calls = 0;
    cell.update(|n| {
        calls += 1;
        if calls == 1 {
            cell.store(10); // somebody else is first
        }
        n + 1
    });
    assert_eq!((*cell.load(), calls, cell.version()), (11, 2, 2));
    let snapshot = mine.snapshot();
    let row = snapshot.named("raced").expect("it lives");
    assert!(row.flow.is_conserved());
    assert_eq!(row.gauges.iter().map(|gauge| gauge.value).collect::<Vec<_>>(), [2, 0]); // version, pinned
    assert_eq!(row.count_of("conflicts"), Some(1));
}

#[test]
fn versions_of_one_reader_never_go_back() {
    let (cell, is_over) = (Rcu::new(0_u64), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut reader, mut last) = (cell.reader(), 0);
                while !is_over.load(Ordering::Acquire) {
                    // By all three ways in turn: none lags behind another.
                    for seen in [*cell.load(), *reader.get(), *cell.snapshot()] {
                        assert!(seen >= last, "{seen} after {last}");
                        last = seen;
                    }
                }
            });
        }
        for n in 1..20_000 {
            cell.store(n);
        }
        is_over.store(true, Ordering::Release);
    });
}

#[test]
fn addresses_that_are_used_again_mix_no_cells_up() {
    // Values of one size, freed and allocated over and over, so that the cells get each other's addresses.
    let (first, others) = (Rcu::new((0_u8, 0_u64)), [(); 8].map(|()| Rcu::new((1_u8, 0_u64))));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut reader = first.reader();
                while !is_over.load(Ordering::Acquire) {
                    let guard = first.load();
                    assert_eq!(guard.0, 0);
                    assert_eq!(reader.get().0, 0);
                }
            });
        }
        for n in 0..5_000 {
            first.store((0, n));
            for other in &others {
                other.store((1, n));
            }
        }
        is_over.store(true, Ordering::Release);
    });
}

#[test]
fn a_snapshot_that_is_kept_for_ever_keeps_one_version_only() {
    let counter = DropCounter::new();
    let cell = Rcu::new(counter.guard());
    let kept = cell.snapshot();
    for _ in 0..10_000 {
        cell.store(counter.guard());
        assert!(counter.alive() <= 2, "{counter:?}");
    }
    drop(kept);
    assert_eq!((counter.alive(), counter.dropped()), (1, 10_000));
    drop(cell);
    assert_eq!(counter.alive(), 0);
}

#[test]
fn a_panic_in_an_update_publishes_nothing_and_locks_nobody_out() {
    let cell = Rcu::new(1);
    assert_eq!(panics(|| cell.update(|_| panic!("out of cheese"))), "out of cheese");
    assert_eq!((*cell.load(), cell.version()), (1, 0));
    assert_eq!(cell.update(|n| n + 1), 1);
}

#[test]
fn an_update_may_use_the_cell() {
    without_deadlock(|| {
        let cell = Rcu::new(1);
        cell.update(|n| {
            if cell.version() == 0 {
                cell.update(|n| n * 10);
            }
            let (loaded, kept) = (*cell.load(), *cell.snapshot());
            assert_eq!(loaded, kept);
            n + 1
        });
        assert_eq!(*cell.load(), 11);
    });
}

/// Uses its cell when it is dropped.
struct Returns {
    cell: Option<Rcu<Returns>>,
    counter: DropCounter,
    _counted: DropGuard,
}

impl Returns {
    fn new(counter: &DropCounter, cell: Option<Rcu<Returns>>) -> Self {
        Self { cell, counter: counter.clone(), _counted: counter.guard() }
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            assert!(cell.load().cell.is_none());
            cell.store(Returns::new(&self.counter, None));
        }
    }
}

#[test]
fn a_destructor_may_use_the_cell() {
    without_deadlock(|| {
        let counter = DropCounter::new();
        let cell = Rcu::new(Returns::new(&counter, None));
        cell.store(Returns::new(&counter, Some(cell.clone())));
        cell.store(Returns::new(&counter, None));
        // Three were stored here and one by the destructor of the second.
        assert_eq!((cell.version(), counter.alive(), counter.dropped()), (3, 1, 3));
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

#[test]
fn a_destructor_that_panics_harms_neither_writer_nor_reader() {
    let cell = Rcu::new(Some(PanicsWhenDropped));
    let kept = cell.snapshot();
    assert_eq!(cell.store(Some(PanicsWhenDropped)), 1);
    drop(kept); // the reader is the last one
    assert_eq!(cell.store(None), 2); // the writer is
    assert_eq!(cell.version(), 2);
}

#[test]
fn values_are_read_without_a_runtime() {
    let cell = Rcu::new(Arc::<str>::from("here"));
    let read = thread::spawn({
        let cell = cell.clone();
        move || cell.load().len()
    });
    assert_eq!((read.join().expect("no panic"), cell.load().len()), (4, 4));
}

#[test]
fn a_cell_is_in_snapshots_as_long_as_it_lives() {
    let mine = Registry::new();
    let cell = mine.enter(|| Rcu::new(1));
    let kept = cell.snapshot();
    cell.store(2);
    cell.store(3);
    let snapshot = mine.snapshot();
    let row = snapshot.of_kind("rcu").next().expect("it lives");
    assert_eq!((&*row.state, row.flow.accepted, row.flow.done, row.flow.in_flight), ("open", 3, 1, 2));
    assert!(row.name.starts_with("rcu#"), "{}", row.name);
    drop((cell, kept));
    assert_eq!(mine.snapshot().rows.len(), 0);
}
