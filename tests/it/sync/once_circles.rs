//! Initialisers that ask for their own cell, directly or through others.

use std::sync::Arc;

use futures::future::join_all;
use regatta::BoxError;
use regatta::sync::{InitError, OnceCell};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio_test::{assert_pending, task};

use crate::support::{Gate, without_deadlock};

type Cell = Arc<OnceCell<u32>>;

fn cells<const N: usize>(names: [&'static str; N]) -> [Cell; N] {
    names.map(|name| Arc::new(OnceCell::named(name)))
}

/// The value of a cell whose initialiser adds one to that of another.
async fn one_more(
    of: Cell,
    make: impl Future<Output = Result<u32, BoxError>> + Send + 'static,
) -> Result<u32, BoxError> {
    yield_now().await;
    Ok(of.get_or_try_init(|| make).await? + 1)
}

#[track_caller]
fn assert_reentrant(result: Result<&u32, InitError>, place: &str) {
    // The error goes up through every initialiser on the way.
    let error = result.unwrap_err();
    assert!(error.is_reentrant() || error.is_failed(), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("once cell `{place}` is being initialised by code that waits for it")), "{text}");
}

#[tokio::test]
async fn an_initialiser_that_asks_for_its_own_cell_gets_an_error() {
    let [cell] = cells(["me"]);
    let me = cell.clone();
    let result = cell.get_or_try_init(|| one_more(me, async { Ok(1) })).await;
    // It is the error that the initialiser has handed on.
    let inner = result.as_ref().err().and_then(|error| error.downcast_ref::<InitError>());
    assert!(inner.is_some_and(InitError::is_reentrant));
    assert_reentrant(result, "me");
    assert_eq!(cell.get_or_init(|| async { 1 }).await.expect("it is made"), &1);
}

#[tokio::test]
async fn a_circle_through_another_cell_is_an_error() {
    let [first, second] = cells(["first", "second"]);
    let back = one_more(first.clone(), async { Ok(1) });
    let forth = one_more(second.clone(), back);
    assert_reentrant(first.get_or_try_init(|| forth).await, "first");
    assert!(second.get().is_none());
}

#[tokio::test]
async fn two_initialisers_that_began_by_themselves_do_not_wait_for_each_other() {
    let [first, second] = cells(["first", "second"]);
    let of_second = one_more(second.clone(), async { Ok(1) });
    let of_first = one_more(first.clone(), async { Ok(1) });
    let mut one = task::spawn(first.get_or_try_init(|| of_second));
    let mut two = task::spawn(second.get_or_try_init(|| of_first));
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    let (one, two) = tokio::join!(one, two);
    // Whoever asked last is refused, and that error reaches both.
    let last = if one.as_ref().is_err_and(|error| error.to_string().contains("`second` is being")) {
        "second"
    } else {
        "first"
    };
    assert_reentrant(one, last);
    assert_reentrant(two, last);
}

#[tokio::test]
async fn the_sync_part_of_an_initialiser_is_inside_it() {
    let [cell] = cells(["me"]);
    let me = cell.clone();
    let result = cell
        .get_or_try_init(|| {
            let mut asked = Box::pin(me.get_or_init(|| async { 1 }));
            let asked = crate::support::poll_once(asked.as_mut());
            let error = match asked {
                std::task::Poll::Ready(Err(error)) => error,
                other => panic!("{other:?}"),
            };
            async move { Err::<u32, _>(error) }
        })
        .await;
    assert_reentrant(result, "me");
}

#[tokio::test]
async fn initialisers_that_need_others_without_a_circle_are_fine() {
    // A diamond: the top needs left and right, which both need the bottom.
    let [top, left, right, bottom] = cells(["top", "left", "right", "bottom"]);
    let make = |side: &Cell| {
        let (side, bottom) = (side.clone(), bottom.clone());
        async move {
            let value = side.get_or_try_init(|| one_more(bottom, async { Ok(1) })).await?;
            Ok::<u32, BoxError>(*value)
        }
    };
    let (left, right) = (make(&left), make(&right));
    let sum = async {
        let (left, right) = tokio::join!(left, right);
        Ok::<u32, BoxError>(left? + right?)
    };
    assert_eq!(top.get_or_try_init(|| sum).await.expect("it is made"), &4);
}

#[tokio::test]
async fn a_wait_that_was_given_up_closes_no_circle() {
    let [first, second] = cells(["first", "second"]);
    // The first one has begun the second and left it, when the second asks for the first.
    let looked = {
        let (first, second) = (first.clone(), second.clone());
        async move {
            let mut look = Box::pin(second.get_or_try_init(|| one_more(first, async { Ok(9) })));
            assert!(crate::support::poll_once(look.as_mut()).is_pending());
            drop(look);
            for _ in 0..20 {
                yield_now().await;
            }
            1
        }
    };
    assert_eq!(first.get_or_init(|| looked).await.expect("it is made"), &1);
    assert_eq!(second.get_or_init(|| async { 0 }).await.expect("it waits for the first"), &2);
}

#[test]
fn sync_initialisers_in_a_circle_get_an_error() {
    without_deadlock(|| {
        let [first, second] = cells(["first", "second"]);
        let result = first.get_or_try_init_blocking(|| {
            let inner = second.get_or_try_init_blocking(|| {
                let error = first.get_or_init_blocking(|| 1).unwrap_err();
                assert!(error.is_reentrant());
                Err::<u32, _>(error)
            });
            inner.copied()
        });
        assert_reentrant(result, "first");
        assert_eq!(first.get_or_init_blocking(|| 1).ok(), Some(&1));
    });
}

/// The value of a cell that adds up those of others; at the gate if there is none.
async fn sum_of(others: Vec<Cell>, gate: Gate) -> u32 {
    if others.is_empty() {
        gate.wait().await;
    }
    let values = join_all(others.iter().map(|cell| cell.get_or_init(|| async { 0 }))).await;
    1 + values.into_iter().map(|value| *value.expect("there is no circle")).sum::<u32>()
}

#[test]
fn forty_cells_that_wait_for_two_others_each_are_looked_through_at_once() {
    // Every path from the last to the first is more than a hundred million.
    without_deadlock(|| {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (cells, gate) = (cells(["one of forty"; 40]), Gate::new());
            let mut waiting = Vec::new();
            for (index, cell) in cells.iter().enumerate() {
                let others = cells[index.saturating_sub(2)..index].to_vec();
                let mut wait = task::spawn(cell.get_or_init(|| sum_of(others, gate.clone())));
                assert_pending!(wait.poll());
                yield_now().await; // it waits before the next begins
                waiting.push(wait);
            }
            gate.open();
            let last = waiting.pop().expect("forty").await.expect("it is made");
            assert_eq!(last, &267_914_295);
        });
    });
}
