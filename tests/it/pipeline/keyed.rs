//! Keyed stages: in order for each key, in parallel across keys, and nothing left behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use regatta::error::Full;
use regatta::pipeline::{Concurrency, OnError, Pipeline};

use super::kit::{Count, Log, both_flavours, burst, conserved, ended, quiet, refusal};
use crate::support::Gate;

both_flavours! {
    async fn items_of_a_key_keep_their_order_and_are_never_worked_on_together() {
        let at_work: Arc<Vec<Count>> = Arc::new((0..7).map(|_| Count::default()).collect());
        let working = at_work.clone();
        let stage = Pipeline::from_iter(0..5_000_u32).map_async(Concurrency::keyed(4, |n: &u32| n % 7), move |n| {
            let working = working.clone();
            async move {
                let alone = working[n as usize % 7].up() == 0;
                for _ in 0..n % 5 {
                    tokio::task::yield_now().await;
                }
                working[n as usize % 7].down();
                (n, alone)
            }
        });
        let (result, stats) = ended(stage.collect::<Vec<_>>().spawn()).await;
        let mut of_keys = HashMap::<u32, Vec<u32>>::new();
        for (n, alone) in result.unwrap() {
            assert!(alone, "{n} was worked on beside another of its key");
            of_keys.entry(n % 7).or_default().push(n);
        }
        for (key, items) in of_keys {
            assert_eq!(items, (0..5_000).filter(|n| n % 7 == key).collect::<Vec<_>>(), "key {key}");
        }
        assert_eq!(stats.stages[1].flow.done, 5_000);
    }

    async fn an_end_of_the_pipeline_keeps_the_order_of_keys_too() {
        let seen = Log::new();
        let log = seen.clone();
        Pipeline::from_iter(0..500_u32)
            .for_each(Concurrency::keyed(8, |n: &u32| n % 3), move |n| {
                let log = log.clone();
                async move {
                    for _ in 0..n % 4 {
                        tokio::task::yield_now().await;
                    }
                    log.push(n);
                }
            })
            .await
            .unwrap();
        for key in 0..3 {
            assert!(seen.all().into_iter().filter(|n| n % 3 == key).is_sorted());
        }
        assert_eq!(seen.all().len(), 500);
    }
}

#[tokio::test]
async fn a_key_that_is_stuck_holds_up_no_other() {
    let (gate, done) = (Gate::new(), Log::new());
    let (inside, log) = (gate.clone(), done.clone());
    let running = Pipeline::from_iter(0..100_u32)
        .for_each(Concurrency::keyed(2, |n: &u32| n % 10), move |n| {
            let (inside, log) = (inside.clone(), log.clone());
            async move {
                if n % 10 == 0 {
                    inside.wait().await;
                }
                log.push(n);
            }
        })
        .spawn();
    quiet().await;
    assert_eq!(done.all(), (0..100).filter(|n| n % 10 != 0).collect::<Vec<_>>());
    let stats = running.stats();
    conserved(&stats);
    assert_eq!((stats.stages[1].busy, stats.stages[1].waiting, stats.stages[1].flow.in_flight), (1, 9, 10));
    gate.open();
    let (result, stats) = ended(running).await;
    result.unwrap();
    assert_eq!((done.all().len(), stats.stages[1].waiting), (100, 0));
}

#[tokio::test]
async fn what_waits_for_a_key_is_bounded_by_the_window() {
    let drawn = Count::default();
    let source = drawn.clone();
    let running = Pipeline::from_iter((0..).inspect(move |_| {
        source.up();
    }))
    .map_async(Concurrency::keyed(2, |_: &u32| "all the same").window(10), |_| std::future::pending::<()>())
    .fold(0, |count, ()| count + 1)
    .spawn();
    quiet().await;
    assert_eq!(drawn.get(), 10);
    assert_eq!(running.stats().stages[1].waiting, 9);
    running.abort();
    let (result, stats) = ended(running).await;
    assert!(result.unwrap_err().is_cancelled());
    assert_eq!(stats.stages[1].flow.discarded, 10);
}

#[tokio::test]
async fn what_is_above_the_cap_of_a_key_meets_the_policy_and_the_others_go_on() {
    let gate = Gate::new();
    let stuck = gate.clone();
    // Ten of the key that is stuck, each followed by one of another.
    let items = (0..10).flat_map(|n| [(0_u32, n), (1, n)]);
    let running = Pipeline::from_iter(items)
        .map_async(Concurrency::keyed(2, |item: &(u32, u32)| item.0).cap(3), move |item| {
            let stuck = stuck.clone();
            async move {
                if item.0 == 0 {
                    stuck.wait().await;
                }
                item
            }
        })
        .named("book")
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    quiet().await;
    let stats = running.stats();
    assert_eq!((stats.stages[1].waiting, stats.stages[1].flow.failed, stats.stages[1].flow.done), (2, 7, 10));
    gate.open();
    let (result, _) = ended(running).await;
    let of_stuck: Vec<u32> = result.unwrap().into_iter().filter(|item| item.0 == 0).map(|item| item.1).collect();
    assert_eq!(of_stuck, [0, 1, 2]);

    let stuck = Gate::new();
    let held = stuck.clone();
    let all_stuck = Pipeline::from_iter(0..10)
        .map_async(Concurrency::keyed(2, |_: &u32| 0).cap(3), move |_| {
            let held = held.clone();
            async move { held.wait().await }
        })
        .named("book")
        .fold((), |(), ()| ())
        .titled("orders")
        .spawn();
    quiet().await;
    // What was started is finished first.
    stuck.open();
    let failure = ended(all_stuck).await.0.unwrap_err();
    let full = failure.downcast_ref::<Full>().expect("the line is full");
    assert_eq!(full.to_string(), "the line of one key at stage `book` of pipeline `orders` is full: 3 of 3 taken");
}

/// Pekko once kept results for itself when demand came back and nothing was being worked on.
#[tokio::test]
async fn demand_that_comes_back_after_a_stall_gets_what_was_finished_meanwhile_without_new_input() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<u32>();
    let mut receiver = receiver;
    let source = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let mut results = Pipeline::from_stream(source)
        .map_async(Concurrency::keyed(2, |n: &u32| n % 2).window(6), |n| async move { n })
        .into_stream();
    // The first poll starts it.
    assert!(futures::StreamExt::next(&mut results).now_or_never().is_none());
    for n in 0..6 {
        sender.send(n).unwrap();
    }
    // Nobody takes; all of it is finished.
    quiet().await;
    let mut taken = Vec::new();
    for _ in 0..6 {
        let next = tokio::time::timeout(Duration::from_secs(10), futures::StreamExt::next(&mut results));
        taken.push(next.await.expect("nothing comes without new input").unwrap().unwrap());
    }
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
    drop(sender);
    assert!(futures::StreamExt::next(&mut results).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_keys_that_come_once_leave_nothing_behind() {
    let running = Pipeline::from_iter(0..1_000_000_u32)
        .map_async(Concurrency::keyed(8, |n: &u32| *n), |n| async move { n })
        .fold(0_u64, |sum, n| sum + u64::from(n))
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), 999_999 * 1_000_000 / 2);
    assert_eq!((stats.stages[1].waiting, stats.stages[1].flow.in_flight), (0, 0));
}

#[tokio::test]
async fn a_key_that_panics_fails_its_item_alone() {
    let key = |n: &u32| if *n == 3 { burst() } else { *n };
    let running = Pipeline::from_iter(0..6_u32)
        .map_async(Concurrency::keyed(2, key), |n| async move { n })
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    let mut kept = result.unwrap();
    kept.sort_unstable();
    assert_eq!((kept, stats.stages[1].flow.failed), (vec![0, 1, 2, 4, 5], 1));

    let failure = Pipeline::from_iter(0..6_u32)
        .map_async(Concurrency::keyed(2, key), |n| async move { n })
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    assert!(failure.is_panicked());
}

#[tokio::test]
async fn an_item_that_is_skipped_lets_the_next_of_its_key_go() {
    let running = Pipeline::from_iter(0..9_u32)
        .try_map_async(Concurrency::keyed(2, |_: &u32| ()), |n| async move {
            if n % 3 == 0 { Err("a third") } else { Ok(n) }
        })
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    let (result, _) = ended(running).await;
    assert_eq!(result.unwrap(), [1, 2, 4, 5, 7, 8]);
}

#[test]
fn nothing_of_nothing_is_refused_where_it_is_written() {
    let here = Some(file!().to_owned());
    let zero = || drop(Concurrency::keyed(0, |n: &u32| *n));
    assert_eq!(refusal(zero), here);
    assert_eq!(refusal(|| drop(Concurrency::keyed(1, |n: &u32| *n).cap(0))), here);
    assert_eq!(refusal(|| drop(Concurrency::keyed(1, |n: &u32| *n).window(0))), here);
    let never = || Concurrency::keyed(1, |n: &u32| *n).cap(100).window(20);
    assert_eq!(refusal(|| drop(Pipeline::from_iter([1]).map_async(never(), |n| async move { n }))), here);
}
