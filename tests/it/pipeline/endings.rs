//! How a pipeline is stopped, and what is told about it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use regatta::pipeline::Pipeline;
use regatta::policy::Overflow;
use regatta::queue;

use super::kit::{Count, conserved, ended, polled, quiet, settled};
use crate::support::{DropCounter, Gate, eventually};

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

#[tokio::test]
async fn shutdown_that_is_given_up_leaves_the_pipeline_closed() {
    let gate = Gate::new();
    let held = gate.clone();
    let mut running = Pipeline::from_iter(0_u32..)
        .for_each(2, move |_| {
            let gate = held.clone();
            async move { gate.wait().await }
        })
        .spawn();
    quiet().await;
    assert!(polled(Box::pin(running.shutdown(Duration::MAX))).await.is_pending());
    quiet().await;
    assert!(!running.is_finished());
    gate.open();
    let report = running.shutdown(Duration::MAX).await;
    assert!(report.is_clean(), "{report}");
    settled(&running.stats());
    running.await.unwrap();
}

#[tokio::test]
async fn abort_counts_a_last_batch_that_waits() {
    let mut running =
        Pipeline::from_iter(0..7).batch(3, Duration::MAX).for_each(1, |_| std::future::pending::<()>()).spawn();
    quiet().await;
    let _ = running.aborted().await;
    let stats = running.stats();
    settled(&stats);
    // One batch has left the stage; one waits, and the last one has begun.
    assert_eq!((stats.stages[1].flow.done, stats.stages[1].flow.discarded), (3, 4), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cpu_closure_that_does_not_end_is_still_running() {
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (gate, started, probe) = (Mutex::new(gate), Count::default(), DropCounter::new());
    let (counted, inside) = (started.clone(), probe.guard());
    let mut running = Pipeline::from_iter(0..9)
        .map_cpu(1, move |n| {
            let _ = &inside;
            counted.up();
            let _ = gate.lock().unwrap().recv();
            n
        })
        .collect::<Vec<_>>()
        .spawn();
    eventually(Duration::from_secs(60), "a closure runs", || started.get() == 1).await;
    let mut aborted = Box::pin(running.aborted());
    assert!(polled(&mut aborted).await.is_pending());
    quiet().await;
    // The clock stands still by itself while a blocking thread is at work.
    tokio::time::advance(Duration::from_secs(1)).await;
    let report = aborted.await;
    assert_eq!(report.still_running.len(), 1, "{report}");
    assert_eq!(probe.alive(), 1);
    settled(&running.stats());
    open.send(()).unwrap();
    eventually(Duration::from_secs(60), "the closure is gone", || probe.alive() == 0).await;
    assert_eq!(started.get(), 1, "it finishes the item it is at, and no other");
}
