//! Updates that await.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use regatta::sync::Rcu;
use tokio::task::yield_now;
use tokio_test::{assert_pending, assert_ready, block_on, task};

use super::panics;
use crate::support::{Gate, poll_once, without_deadlock};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_among_async_and_sync_writers() {
    const TIMES: u64 = 500;
    let cell = Rcu::new(0_u64);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let awaits = cell.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..TIMES {
                awaits
                    .update_async(|n| async move {
                        yield_now().await;
                        *n + 1
                    })
                    .await;
            }
        }));
        let sync = cell.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..TIMES {
                sync.update(|n| n + 1);
                yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!((*cell.load(), cell.version()), (8 * TIMES, 8 * TIMES));
}

/// An update that awaits `awaits` times.
async fn add_slowly(cell: &Rcu<u32>, by: u32, awaits: u32) -> u64 {
    cell.update_async(|n| async move {
        for _ in 0..awaits {
            yield_now().await;
        }
        *n + by
    })
    .await
}

#[tokio::test]
async fn an_async_update_dropped_after_any_number_of_polls_has_no_effect() {
    const AWAITS: u32 = 3;
    for polls in 0..=AWAITS {
        let cell = Rcu::new(1);
        {
            let mut update = pin!(add_slowly(&cell, 1, AWAITS));
            for _ in 0..polls {
                assert!(poll_once(update.as_mut()).is_pending());
            }
        }
        assert_eq!((*cell.load(), cell.version()), (1, 0));
        // Nothing is stuck: the next one gets its turn.
        assert_eq!(add_slowly(&cell, 10, AWAITS).await, 1);
        assert_eq!(*cell.load(), 11);
    }
}

#[tokio::test]
async fn async_updates_take_turns_and_one_that_leaves_passes_its_turn_on() {
    let (cell, gate) = (Rcu::new(String::new()), Gate::new());
    let write = |letter: &'static str| {
        let (cell, gate) = (cell.clone(), gate.clone());
        async move {
            cell.update_async(|text| {
                let gate = gate.clone();
                async move {
                    gate.wait().await;
                    format!("{}{letter}", *text)
                }
            })
            .await
        }
    };
    let mut updates: Vec<_> = ["a", "b", "c", "d"].map(|letter| task::spawn(write(letter))).into();
    for update in &mut updates {
        assert_pending!(update.poll());
    }
    drop(updates.remove(1)); // waits in line
    drop(updates.remove(0)); // has the turn
    gate.open();
    // Last first: the turn decides, not the poll.
    assert_pending!(updates[1].poll());
    assert_eq!(assert_ready!(updates[0].poll()), 1);
    assert_eq!(assert_ready!(updates[1].poll()), 2);
    assert_eq!(*cell.load(), "cd");
}

#[tokio::test]
async fn async_updates_among_themselves_run_once() {
    let (cell, calls) = (Rcu::new(0), AtomicUsize::new(0));
    let write = || {
        cell.update_async(|n| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move {
                yield_now().await;
                *n + 1
            }
        })
    };
    tokio::join!(write(), write(), write(), write());
    assert_eq!((*cell.load(), calls.load(Ordering::Relaxed)), (4, 4));
}

#[test]
fn an_async_update_runs_again_when_a_sync_one_was_first() {
    let (cell, gate) = (Rcu::new(1), Gate::new());
    let mut seen = Vec::new();
    let mut update = Box::pin(cell.update_async(|n| {
        seen.push(*n);
        let gate = gate.clone();
        async move {
            gate.wait().await;
            *n + 1
        }
    }));
    assert!(poll_once(update.as_mut()).is_pending());
    assert_eq!(cell.update(|n| n * 10), 1); // waits for nobody
    gate.open();
    assert_eq!(poll_once(update.as_mut()), Poll::Ready(2));
    drop(update);
    assert_eq!((*cell.load(), seen), (11, vec![1, 10]));
}

#[tokio::test]
async fn an_async_update_that_fails_or_panics_passes_its_turn_on() {
    let cell = Rcu::new(1);
    assert_eq!(cell.try_update_async(|_| ready(Err::<i32, _>("no"))).await, Err("no"));
    let panicking = tokio::spawn({
        let cell = cell.clone();
        async move {
            cell.update_async(|_| async {
                yield_now().await;
                panic!("out of cheese")
            })
            .await
        }
    });
    assert!(panicking.await.expect_err("it panics").is_panic());
    assert_eq!(cell.version(), 0);
    assert_eq!(cell.update_async(|n| ready(*n + 1)).await, 1);
}

#[test]
fn an_async_update_inside_one_of_the_same_cell_is_refused() {
    without_deadlock(|| {
        let cell = Rcu::builder(1).name("rates").build();
        let inner = &cell;
        let nested = cell.update_async(|n| async move {
            inner.update_async(|n| ready(*n + 1)).await;
            *n
        });
        let message = panics(|| block_on(nested));
        assert!(
            message.starts_with("Rcu::update_async of `rates` inside an async change of the same cell"),
            "{message}"
        );
        // The turn has passed on.
        assert_eq!((block_on(cell.update_async(|n| ready(*n + 1))), *cell.load()), (1, 2));
    });
}

#[test]
fn a_sync_publication_inside_an_async_update_of_the_same_cell_is_refused() {
    without_deadlock(|| {
        let cell = Rcu::new(1);
        for publish in [
            |cell: &Rcu<i32>| _ = cell.update(|n| n + 1),
            |cell: &Rcu<i32>| _ = cell.store(1),
            |cell: &Rcu<i32>| _ = cell.swap(1),
            |cell: &Rcu<i32>| _ = cell.try_update(|n| Ok::<_, ()>(n + 1)),
        ] {
            // Before the first await, and after one.
            let early = cell.update_async(|n| {
                publish(&cell);
                ready(*n)
            });
            let late = cell.update_async(|n| {
                let cell = &cell;
                async move {
                    publish(cell);
                    *n
                }
            });
            for message in [panics(|| block_on(early)), panics(|| block_on(late))] {
                assert!(message.contains("inside an async change of the same cell"), "{message}");
            }
        }
        assert_eq!((*cell.load(), cell.version()), (1, 0));
    });
}

#[test]
fn an_async_update_may_read_its_cell_and_change_others() {
    let (cell, other) = (Rcu::new(1), Rcu::new(10));
    let (outer, inner) = (&cell, &other);
    let updated = cell.update_async(|n| async move {
        let also = inner.update_async(|n| ready(*n + *outer.load())).await;
        inner.store(20);
        *n + also as i32
    });
    assert_eq!(block_on(updated), 1);
    assert_eq!((*cell.load(), *other.load(), other.version()), (2, 20, 2));
}

fn is_send<F: Future + Send>(_: &F) {}

#[test]
fn an_async_update_may_move_to_another_thread() {
    let cell = Rcu::new(1);
    is_send(&cell.update_async(|n| async move {
        yield_now().await;
        *n
    }));
}
