//! Pipelines: what comes out, in which order, how it ends, and that nothing is lost or left behind.

mod blame;
mod corners;
mod endings;
mod fan_in;
mod fan_out;
mod faults;
mod harness;
mod hazards;
mod inline;
mod inline_ends;
mod inline_progress;
mod keyed;
mod kit;
mod letters;
mod limits;
mod matrix;
mod naive;
mod places;
mod retries;
mod rules;
mod runs;
mod steps;
mod stops;
mod stress;
mod terminals;
mod times;
mod twice;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineError};
use regatta::policy::Overflow;
use regatta::queue;

use crate::support::Gate;
use kit::{conserved, ended};

#[tokio::test]
async fn fused_stages_keep_order() {
    let running = Pipeline::from_iter(0..10_u32)
        .map(|n| n * 2)
        .filter(|n| n % 3 != 0)
        .flat_map(|n| [n, n + 1])
        .collect::<Vec<_>>()
        .spawn();
    let expected: Vec<u32> = (0..10).map(|n| n * 2).filter(|n| n % 3 != 0).flat_map(|n| [n, n + 1]).collect();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), expected);
    assert_eq!(stats.stages[1].flow.done, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordered_stages_keep_order() {
    let running = Pipeline::from_iter(0..10_000_u32)
        .map_async(8, |n| async move {
            if n % 7 == 0 {
                tokio::task::yield_now().await;
            }
            n
        })
        .map_async(3, |n| async move { n })
        .collect::<Vec<_>>()
        .spawn();
    let (result, _) = ended(running).await;
    assert_eq!(result.unwrap(), (0..10_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unordered_stages_lose_nothing() {
    let running = Pipeline::from_iter(0..10_000_u32)
        .map_async(Concurrency::unordered(8), |n| async move {
            for _ in 0..n % 5 {
                tokio::task::yield_now().await;
            }
            n
        })
        .collect::<Vec<_>>()
        .spawn();
    let (result, _) = ended(running).await;
    let mut numbers = result.unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn cpu_stages_keep_order() {
    let running = Pipeline::from_iter(0..10_000_u32).map_cpu(2, |n| n * 2).collect::<Vec<_>>().spawn();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap(), (0..10_000).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(stats.stages[1].flow.done, 10_000);
}

#[tokio::test]
async fn empty_sources_end() {
    let (result, _) =
        ended(Pipeline::from_iter(Vec::<u8>::new()).map_async(4, |n| async move { n }).collect::<Vec<_>>().spawn())
            .await;
    assert!(result.unwrap().is_empty());
}

#[tokio::test]
async fn a_panic_is_an_error_and_not_the_end() {
    for concurrency in [Concurrency::ordered(4), Concurrency::unordered(4)] {
        let running = Pipeline::from_iter(0..100_u32)
            .map_async(concurrency, |n| async move {
                assert_ne!(n, 37, "not this one");
                n
            })
            .named("pick")
            .collect::<Vec<_>>()
            .titled("numbers")
            .spawn();
        let (result, stats) = ended(running).await;
        let error = result.unwrap_err();
        assert!(error.is_panicked());
        assert!(error.to_string().starts_with("stage `pick` of pipeline `numbers` panicked: "), "{error}");
        assert_eq!(stats.stages[1].flow.failed, 1);
    }
}

#[tokio::test]
async fn a_skipped_panic_costs_one_item() {
    let running = Pipeline::from_iter(0..100_u32)
        .map(|n| if n % 10 == 3 { panic!("three") } else { n })
        .on_error(OnError::Skip)
        .map_async(4, |n| async move { if n % 10 == 4 { panic!("four") } else { n } })
        .on_error(OnError::Skip)
        .map_cpu(2, |n| if n % 10 == 5 { panic!("five") } else { n })
        .on_error(OnError::Skip)
        .collect::<Vec<_>>()
        .spawn();
    let (result, stats) = ended(running).await;
    assert_eq!(result.unwrap().len(), 70);
    assert_eq!(stats.stages.iter().map(|stage| stage.flow.failed).collect::<Vec<_>>(), [0, 10, 10, 10, 0]);
}

#[tokio::test]
async fn ordered_stop_emits_everything_before_the_failed_item() {
    let gate = Gate::new();
    let (held, seen) = (gate.clone(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let sink = seen.clone();
    let mut running = Pipeline::from_iter(0..100_u32)
        .try_map_async(8, move |n| {
            let gate = held.clone();
            async move {
                if n < 5 {
                    gate.wait().await;
                }
                if n == 5 { Err("five") } else { Ok(n) }
            }
        })
        .for_each(1, move |n| {
            sink.lock().unwrap().push(n);
            async {}
        })
        .spawn();
    tokio::task::yield_now().await;
    gate.open();
    let error = (&mut running).await.unwrap_err();
    conserved(&running.stats());
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "five");
}

#[tokio::test]
async fn an_ordered_stage_behind_a_slow_item_stops_pulling() {
    let (gate, pulled) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let (held, counted) = (gate.clone(), pulled.clone());
    let running = Pipeline::from_iter((0..10_000_u32).inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    }))
    .map_async(8, move |n| {
        let gate = held.clone();
        async move {
            if n == 0 {
                gate.wait().await;
            }
            n
        }
    })
    .collect::<Vec<_>>()
    .spawn();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let before = pulled.load(Ordering::Relaxed);
    assert!(before <= 8 + 16, "{before} items were pulled");
    gate.open();
    assert_eq!(ended(running).await.0.unwrap().len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_its_first_item_has_waited() {
    let (producer, consumer) = queue::bounded(8);
    let mut batches = Pipeline::from_queue(consumer)
        .map(queue::Delivery::into_inner)
        .batch(3, Duration::from_millis(50))
        .into_stream();
    for n in 0..4 {
        producer.send(n).await.unwrap();
    }
    assert_eq!(batches.next().await.unwrap().unwrap(), [0, 1, 2]);
    let begun = tokio::time::Instant::now();
    assert_eq!(batches.next().await.unwrap().unwrap(), [3]);
    assert!(begun.elapsed() >= Duration::from_millis(49), "{:?}", begun.elapsed());
    producer.send(4).await.unwrap();
    drop(producer);
    assert_eq!(batches.next().await.unwrap().unwrap(), [4]);
    assert!(batches.next().await.is_none());
}

#[tokio::test]
async fn overflow_drops_what_the_policy_says() {
    for (overflow, expected) in [(Overflow::DropOldest, 97), (Overflow::DropNewest, 0)] {
        let mut stream = Pipeline::from_iter(0..100).buffer(3, overflow).into_stream();
        let first = stream.next();
        tokio::pin!(first);
        assert!(crate::support::poll_once(first.as_mut()).is_pending());
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(first.await.unwrap().unwrap(), expected);
        assert_eq!(stream.count().await, 2);
    }
}

#[tokio::test]
async fn a_refused_item_ends_the_pipeline() {
    let mut stream = Pipeline::from_iter(0..100).buffer(3, Overflow::Reject).into_stream();
    let mut seen = Vec::new();
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(n) => seen.push(n),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PipelineError::Full(_)), "{error}");
    assert!(seen.len() >= 3);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn unbounded_numbers_neither_overflow_nor_allocate() {
    let running = Pipeline::from_iter(0..1_000_u32)
        .map_async(usize::MAX, |n| async move { n })
        .map_cpu(usize::MAX, |n| n)
        .buffer(usize::MAX, Overflow::Wait)
        .batch(usize::MAX, Duration::MAX)
        .flat_map(|batch| batch)
        .for_each(usize::MAX, |_| async {})
        .spawn();
    ended(running).await.0.unwrap();
}

#[tokio::test]
async fn a_trickling_source_is_still_worked_on_side_by_side() {
    let (producer, consumer) = queue::bounded(8);
    let (gate, begun) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let (held, counted) = (gate.clone(), begun.clone());
    let running = Pipeline::from_queue(consumer)
        .map(queue::Delivery::into_inner)
        .for_each(4, move |_: u32| {
            counted.fetch_add(1, Ordering::Relaxed);
            let gate = held.clone();
            async move { gate.wait().await }
        })
        .spawn();
    for n in 0..4 {
        producer.send(n).await.unwrap();
        // Each item comes when the one before is being worked on, and nobody else has anything to do.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(begun.load(Ordering::Relaxed), 4);
    gate.open();
    drop(producer);
    ended(running).await.0.unwrap();
}
