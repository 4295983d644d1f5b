//! How a pipeline is stopped, and what is told about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use regatta::pipeline::Pipeline;
use regatta::policy::Overflow;
use regatta::queue;

use super::kit::{conserved, ended};
use crate::support::DropCounter;

#[tokio::test]
async fn a_dropped_handle_leaves_nothing_behind() {
    let probe = DropCounter::new();
    let (in_source, in_work, in_sink) = (probe.guard(), probe.guard(), probe.guard());
    let running = Pipeline::from_iter((0..).inspect(move |_: &u32| {
        let _ = &in_source;
    }))
    .map_async(4, move |n| {
        let _ = &in_work;
        async move {
            std::future::pending::<()>().await;
            n
        }
    })
    .batch(10, Duration::from_secs(1))
    .buffer(10, Overflow::Wait)
    .for_each(2, move |_| {
        let _ = &in_sink;
        async {}
    })
    .spawn();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.alive(), 3);
    drop(running);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn drain_finishes_what_was_taken_in() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let running = Pipeline::from_iter((0..).inspect(move |_: &u64| {
        counted.fetch_add(1, Ordering::Relaxed);
    }))
    .map_async(8, |n| async move {
        tokio::task::yield_now().await;
        n
    })
    .batch(7, Duration::from_secs(60))
    .fold(0, |sum, batch| sum + batch.len())
    .spawn();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let sum = running.drain().await.unwrap();
    assert_eq!(sum, taken.load(Ordering::Relaxed));
    assert!(sum > 0);
}

#[tokio::test]
async fn abort_counts_what_it_discards() {
    let mut running = Pipeline::from_iter(0_u32..)
        .map_async(4, |n| async move {
            if n >= 10 {
                std::future::pending::<()>().await;
            }
            n
        })
        .batch(100, Duration::from_secs(60))
        .for_each(1, |_| async {})
        .spawn();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let report = running.aborted().await;
    assert!(report.still_running.is_empty(), "{report}");
    let stats = running.stats();
    conserved(&stats);
    let discarded: u64 = stats.stages.iter().map(|stage| stage.flow.discarded).sum();
    assert_eq!(discarded, 14, "{stats:?}");
    assert!(running.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn forward_ends_with_the_pipeline() {
    let (producer, mut consumer) = queue::bounded(2);
    let running = Pipeline::from_iter(0..10).forward(producer).spawn();
    let mut seen = Vec::new();
    while let Some(delivery) = consumer.next().await {
        seen.push(delivery.into_inner());
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    ended(running).await.0.unwrap();
}

#[tokio::test]
async fn shutdown_after_the_end_reports_and_waits_for_nothing() {
    let mut running = Pipeline::from_iter(0..3).for_each(1, |_| async {}).spawn();
    (&mut running).await.unwrap();
    assert!(running.shutdown(Duration::MAX).await.is_clean());
    assert!(running.aborted().await.is_clean());
}
