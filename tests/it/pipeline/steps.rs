//! Stages that remember, end early, or shape the flow in time.

use std::time::Duration;

use futures::StreamExt;
use regatta::pipeline::{OnError, Pipeline};
use regatta::policy::Rate;
use regatta::queue;
use tokio::time::Instant;

use super::kit::{Count, Log, burst, conserved, ended, pass, quiet};
use crate::support::{DropCounter, Gate};

#[tokio::test]
async fn a_state_goes_from_item_to_item_and_begins_anew_where_that_is_the_policy() {
    for (policy, expected) in [(OnError::Skip, [1, 3, 10, 15]), (OnError::Reset, [1, 3, 4, 9])] {
        let made = Count::default();
        let make = made.clone();
        let running = Pipeline::from_iter([1, 2, 3, 4, 5])
            .try_scan(
                move || {
                    make.up();
                    0
                },
                |sum, n| {
                    *sum += n;
                    if n == 3 { Err("three") } else { Ok(*sum) }
                },
            )
            .on_error(policy.clone())
            .collect::<Vec<i32>>()
            .spawn();
        let (result, stats) = ended(running).await;
        assert_eq!(result.unwrap(), expected, "{policy:?}");
        assert_eq!(stats.stages[1].flow.failed, 1);
        assert_eq!(made.get(), if matches!(policy, OnError::Reset) { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_panic_resets_a_state_too_and_so_does_one_of_its_factory() {
    let (made, log) = (Count::default(), Log::new());
    let (make, sink) = (made.clone(), log.clone());
    let running = Pipeline::from_iter(0..6)
        .scan(
            move || {
                if make.up() == 1 {
                    burst();
                }
                100
            },
            move |state, n| {
                if n == 2 {
                    burst();
                }
                *state += 1;
                *state
            },
        )
        .on_error(OnError::Reset)
        .for_each(1, move |state| {
            sink.push(state);
            async {}
        })
        .spawn();
    let (result, stats) = ended(running).await;
    result.unwrap();
    // Item 2 panics, the factory panics on item 3, and the next one begins anew.
    assert_eq!(log.all(), [101, 102, 101, 102]);
    assert_eq!(stats.stages[1].flow.failed, 2);
}

#[tokio::test]
async fn take_ends_at_once_and_lets_upstream_go() {
    let (gate, probe) = (Gate::new(), DropCounter::new());
    let (held, guard) = (gate.clone(), probe.guard());
    let running = Pipeline::from_iter(0..100_u32)
        .map_async(4, move |n| {
            let (gate, _guard) = (held.clone(), &guard);
            async move {
                if n >= 3 {
                    gate.wait().await;
                }
                n
            }
        })
        .take(3)
        .collect::<Vec<_>>()
        .spawn();
    // The others are never let go.
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), [0, 1, 2]);
    assert_eq!(stats.stages[2].flow.done, 3);
    assert_eq!(probe.alive(), 0);
    let none: Vec<u8> =
        Pipeline::from_iter(std::iter::from_fn(|| -> Option<u8> { panic!("pulled") })).take(0).collect().await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn take_does_not_wait_for_an_item_more() {
    let source = futures::stream::iter([1, 2]).chain(futures::stream::pending());
    assert_eq!(Pipeline::from_stream(source).take(2).collect::<Vec<_>>().await.unwrap(), [1, 2]);
    let source = futures::stream::iter([1, 2, 9]).chain(futures::stream::pending());
    assert_eq!(Pipeline::from_stream(source).take_while(|n| *n < 9).collect::<Vec<_>>().await.unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_heavy_batch_leaves_by_weight_time_or_end() {
    let (producer, consumer) = queue::bounded(16);
    let mut batches = Pipeline::from_queue(consumer)
        .map(queue::Delivery::into_inner)
        .batch_weighted(10, Duration::from_millis(50), |weight: &u64| *weight)
        .into_stream();
    for weight in [4, 4, 4, 6, 30, 1] {
        producer.send(weight).await.unwrap();
    }
    for expected in [vec![4, 4], vec![4, 6], vec![30]] {
        assert_eq!(batches.next().await.unwrap().unwrap(), expected);
    }
    let begun = Instant::now();
    assert_eq!(batches.next().await.unwrap().unwrap(), [1]);
    assert_eq!(begun.elapsed().as_millis(), 50);
    producer.send(2).await.unwrap();
    drop(producer);
    assert_eq!(batches.next().await.unwrap().unwrap(), [2]);
    assert!(batches.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_last_of_a_burst_goes_on_when_it_is_quiet() {
    let (producer, consumer) = queue::bounded(16);
    let log = Log::new();
    let (sink, begin) = (log.clone(), Instant::now());
    let running = Pipeline::from_queue(consumer)
        .map(queue::Delivery::into_inner)
        .debounce(Duration::from_millis(30))
        .for_each(1, move |n: u32| {
            sink.push((n, begin.elapsed().as_millis()));
            async {}
        })
        .spawn();
    for (n, pause) in [(1, 10), (2, 10), (3, 100), (4, 20), (5, 0)] {
        producer.send(n).await.unwrap();
        pass(Duration::from_millis(pause)).await;
    }
    drop(producer);
    let (result, stats) = ended(running).await;
    result.unwrap();
    assert_eq!(log.all(), [(3, 50), (5, 140)]);
    assert_eq!(stats.stages[2].flow.dropped, 3);
}

#[tokio::test]
async fn what_comes_while_the_next_stage_is_busy_is_made_into_one() {
    let (producer, consumer) = queue::bounded(256);
    let (gate, log) = (Gate::new(), Log::new());
    let (held, sink) = (gate.clone(), log.clone());
    let running = Pipeline::from_queue(consumer)
        .map(queue::Delivery::into_inner)
        .conflate(|n: u32| vec![n], |merged, n| merged.push(n))
        .for_each(1, move |merged| {
            sink.push(merged);
            let gate = held.clone();
            async move { gate.wait().await }
        })
        .spawn();
    for n in 0..200 {
        producer.send(n).await.unwrap();
        quiet().await;
    }
    let waiting = running.stats();
    conserved(&waiting);
    gate.open();
    drop(producer);
    let (result, stats) = ended(running).await;
    result.unwrap();
    let all = log.all();
    assert!(all.len() < 5, "{} leave, one with the last stage, one before it, one in the making", all.len());
    assert_eq!(all.concat(), (0..200).collect::<Vec<_>>());
    assert_eq!(stats.stages[2].flow.done, 200);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_keeps_its_rate_and_pulls_nothing_ahead() {
    let pulled = Count::default();
    let (counted, begin, log) = (pulled.clone(), Instant::now(), Log::new());
    let sink = log.clone();
    let source = (0..30_u32).inspect(move |_| {
        counted.up();
    });
    let running = Pipeline::from_iter(source)
        .throttle(Rate::per_sec(10).burst(3))
        .for_each(1, move |_| {
            sink.push(begin.elapsed().as_millis());
            async {}
        })
        .spawn();
    pass(Duration::from_millis(250)).await;
    assert_eq!(pulled.get(), 3 + 2);
    ended(running).await.0.unwrap();
    let times = log.all();
    assert_eq!(times[..3], [0, 0, 0]);
    for (n, time) in times.iter().enumerate().skip(3) {
        let due = (n as u128 - 2) * 100;
        assert!((due..=due + 2).contains(time), "{n} passes at {time} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_above_the_ticks_of_the_clock_is_kept() {
    let begin = Instant::now();
    Pipeline::from_iter(0..20_000_u32).throttle(Rate::per_sec(10_000)).for_each(1, |_| async {}).await.unwrap();
    let took = begin.elapsed().as_millis();
    assert!((1_950..=2_010).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_waits_for_the_clock_is_aborted_at_once() {
    let mut running = Pipeline::from_iter(0..10_u32)
        .throttle(Rate::new(1, Duration::from_secs(3_600)))
        .for_each(1, |_| async {})
        .spawn();
    quiet().await;
    let begin = Instant::now();
    assert!(running.aborted().await.still_running.is_empty());
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(begin.elapsed() < Duration::from_secs(1));
}
