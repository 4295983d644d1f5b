//! Many futures, a few at a time, each in a task.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use regatta::promise::join_all_limit;
use regatta::task::TaskError;
use tokio::task::yield_now;

use crate::support::{DropCounter, Gate};

#[tokio::test]
async fn outputs_come_in_the_order_of_the_input_whoever_ends_first() {
    let gates: Vec<_> = (0..4).map(|_| Gate::new()).collect();
    let futures = gates.clone().into_iter().enumerate().map(|(index, gate)| async move {
        gate.wait().await;
        index
    });
    let all = tokio::spawn(join_all_limit(usize::MAX, futures.collect::<Vec<_>>()));
    for gate in gates.iter().rev() {
        yield_now().await;
        gate.open();
    }
    assert_eq!(all.await.unwrap(), [Ok(0), Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn no_more_than_the_limit_run_and_the_input_is_taken_when_there_is_room() {
    for limit in [1, 3, 100] {
        let (running, most, taken) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let futures = (0..50).map(|n| {
            let ahead = taken.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(ahead <= n + 1);
            assert!(running.load(Ordering::SeqCst) < limit, "taken while there is no room");
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                n
            }
        });
        let outputs = join_all_limit(limit, futures).await;
        assert_eq!(outputs, (0..50).map(Ok).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), limit.min(50));
    }
}

#[tokio::test]
async fn a_panic_is_a_value_in_its_place_and_the_others_run() {
    let outputs =
        join_all_limit(2, (0..5).map(|n| async move { if n == 2 { panic!("out of cheese") } else { n } })).await;
    let Err(TaskError::Panicked(panicked)) = &outputs[2] else { panic!("it panicked") };
    assert_eq!(panicked.to_string(), "task `join_all_limit/2` panicked: out of cheese");
    assert_eq!(outputs.iter().filter_map(|output| output.as_ref().ok()).collect::<Vec<_>>(), [&0, &1, &3, &4]);
}

#[tokio::test]
async fn empty_input_gives_an_empty_list() {
    assert_eq!(join_all_limit(1, std::iter::empty::<std::future::Ready<u8>>()).await, []);
}

#[test]
fn a_limit_of_zero_is_refused_at_the_line_of_the_caller() {
    let line = Arc::new(AtomicUsize::new(0));
    let seen = line.clone();
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.to_string().contains("join_all_limit: limit must be above zero") {
            seen.store(info.location().map_or(0, |at: &Location<'_>| at.line()) as usize, Ordering::SeqCst);
        }
        others(info);
    }));
    let (expected, refused) =
        (line!(), catch_unwind(AssertUnwindSafe(|| drop(join_all_limit(0, [std::future::ready(1)])))));
    assert!(refused.is_err());
    assert_eq!(line.load(Ordering::SeqCst), expected as usize);
}

#[tokio::test]
async fn dropped_after_any_number_of_polls_it_stops_what_it_began() {
    for polls in 0..3 {
        let captured = DropCounter::new();
        let guards: Vec<_> = (0..5).map(|_| captured.guard()).collect();
        let futures = guards.into_iter().map(|guard| async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        let mut all = Box::pin(join_all_limit(2, futures));
        for _ in 0..polls {
            assert!(all.as_mut().now_or_never().is_none());
            yield_now().await;
        }
        assert_eq!(captured.alive(), 5);
        drop(all);
        yield_now().await;
        assert_eq!(captured.dropped(), 5);
    }
}

#[tokio::test]
async fn what_has_begun_goes_on_while_the_caller_does_not_poll() {
    let ended = Arc::new(AtomicUsize::new(0));
    let futures = (0..4).map(|_| {
        let ended = ended.clone();
        async move {
            yield_now().await;
            ended.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut all = Box::pin(join_all_limit(2, futures));
    assert!(all.as_mut().now_or_never().is_none());
    for _ in 0..4 {
        yield_now().await;
    }
    assert_eq!(ended.load(Ordering::SeqCst), 2, "both that have begun, and no other");
    assert_eq!(all.await.len(), 4);
}

#[tokio::test]
async fn an_iterator_that_panics_reaches_who_awaits_and_stops_the_rest() {
    let captured = DropCounter::new();
    let guards = captured.clone();
    let futures = (0..3).map(move |n| {
        assert!(n < 2, "no more");
        let guard = guards.guard();
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    });
    let died = AssertUnwindSafe(join_all_limit(3, futures)).catch_unwind().await;
    assert!(died.is_err());
    yield_now().await;
    assert_eq!((captured.alive(), captured.dropped()), (0, 2));
}

#[tokio::test]
async fn an_iterator_that_goes_on_after_its_end_is_not_asked_again() {
    let mut asked = 0;
    let futures = std::iter::from_fn(move || {
        asked += 1;
        let goes_on = asked != 3;
        goes_on.then_some(async move {
            yield_now().await;
            asked
        })
    });
    assert_eq!(join_all_limit(3, futures).await, [Ok(1), Ok(2)]);
}
