//! Faults that were found by reading, each named for what went wrong.

use std::fmt;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::StreamExt;
use regatta::observe::Registry;
use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineError};
use regatta::policy::Overflow;
use regatta::queue::{self, Delivery};

use super::kit::{Count, Grenade, both_flavours, conserved, ended, polled, quiet, settled};
use crate::support::{DropCounter, DropGuard, Gate, waker_dropped_with, waker_that_panics, without_deadlock};

/// An error with something inside.
#[derive(Debug)]
struct Laden<T>(#[allow(dead_code, reason = "it is there to be dropped")] T);

impl<T> fmt::Display for Laden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("laden")
    }
}

impl<T: fmt::Debug> std::error::Error for Laden<T> {}

/// Looks at everything that is alive while it is dropped.
#[derive(Debug)]
struct Curious(Registry);

impl Drop for Curious {
    fn drop(&mut self) {
        let _ = self.0.snapshot();
    }
}

/// Panics even while another panic unwinds.
struct Landmine;

impl Drop for Landmine {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[tokio::test]
async fn room_that_comes_back_finds_nobody_to_fill_it() {
    const LIMIT: usize = 20;
    let (gate, started) = (Gate::new(), Count::default());
    let (held, counted) = (gate.clone(), started.clone());
    let (producer, consumer) = queue::bounded(100);
    let mut stream = Pipeline::from_queue(consumer)
        .map(Delivery::into_inner)
        .map_async(Concurrency::unordered(LIMIT), move |n: usize| {
            let gate = held.clone();
            counted.up();
            async move {
                // The first ones fill the window, one after the other; only then work is slow.
                if n >= 2 * LIMIT - 2 {
                    gate.wait().await;
                }
            }
        })
        .into_stream();
    assert!(polled(stream.next()).await.is_pending());
    for n in 0..2 * LIMIT {
        producer.send(n).await.unwrap();
        quiet().await;
    }
    for n in 0..LIMIT {
        producer.send(2 * LIMIT + n).await.unwrap();
    }
    for _ in 0..2 * LIMIT - 2 {
        stream.next().await.unwrap().unwrap();
    }
    quiet().await;
    assert_eq!(started.get(), 2 * LIMIT - 2 + LIMIT, "as many at once as the limit says");
    gate.open();
}

#[tokio::test]
async fn an_error_that_looks_at_the_pipeline_while_it_is_dropped_deadlocks() {
    let mine = Registry::new();
    let (gate, inside) = (Gate::new(), mine.clone());
    let running = mine.enter(|| {
        let held = gate.clone();
        Pipeline::from_iter(0..4)
            .try_for_each(4, move |_| {
                let (error, gate) = (Laden(Curious(inside.clone())), held.clone());
                async move {
                    gate.wait().await;
                    Err(error)
                }
            })
            .spawn()
    });
    quiet().await;
    gate.open();
    let (result, stats) = ended(running).await;
    assert!(result.is_err());
    assert_eq!(stats.stages[1].flow.failed, 4, "{stats:?}");
}

#[tokio::test]
async fn an_error_that_nobody_hears_of_outlives_the_end() {
    let probe = DropCounter::new();
    let laden = probe.clone();
    let gate = Gate::new();
    let held = gate.clone();
    let mut running = Pipeline::from_iter(0..10)
        .try_map_async(1, move |n| {
            let guard: DropGuard = laden.guard();
            async move { if n == 2 { Err(Laden(guard)) } else { Ok(n) } }
        })
        .try_for_each(1, move |_| {
            let gate = held.clone();
            async move {
                gate.wait().await;
                Err("later, and first")
            }
        })
        .spawn();
    quiet().await;
    gate.open();
    let error = (&mut running).await.unwrap_err();
    assert!(matches!(error, PipelineError::Failed { .. }), "{error}");
    settled(&running.stats());
    assert_eq!(probe.alive(), 0);
}

both_flavours! {
    async fn a_captured_value_that_panics_takes_the_result_along() {
        let (in_map, in_fold, in_work) = (Grenade, Grenade, Grenade);
        let running = Pipeline::from_iter(0..10_u32)
            .map_async(2, move |n| {
                let _ = &in_work;
                async move { n }
            })
            .map(move |n| {
                let _ = &in_map;
                n
            })
            .fold(0, move |sum, n| {
                let _ = &in_fold;
                sum + n
            })
            .spawn();
        let (result, _) = ended(running).await;
        assert_eq!(result.unwrap(), 45);
    }

    async fn a_skipped_error_that_panics_stops_the_pipeline() {
        let running = Pipeline::from_iter(0..20_u32)
            .try_map(|n| if n % 5 == 1 { Err(Laden(Grenade)) } else { Ok(n) })
            .on_error(OnError::Skip)
            .try_map_async(4, |n| async move { if n % 5 == 2 { Err(Laden(Grenade)) } else { Ok(n) } })
            .on_error(OnError::Skip)
            .try_map_cpu(2, |n| if n % 5 == 3 { Err(Laden(Grenade)) } else { Ok(n) })
            .on_error(OnError::Skip)
            .collect::<Vec<_>>()
            .spawn();
        let (result, stats) = ended(running).await;
        assert_eq!(result.unwrap(), [0, 4, 5, 9, 10, 14, 15, 19]);
        assert_eq!(stats.stages.iter().map(|stage| stage.flow.failed).collect::<Vec<_>>(), [0, 4, 4, 4, 0]);
    }

    async fn discarded_items_that_panic_abort_the_process() {
        let mut stream = Pipeline::from_iter(0..100)
            .map(|_| Landmine)
            .map_async(Concurrency::unordered(8), |landmine| async move { landmine })
            .buffer(5, Overflow::Wait)
            .into_stream();
        std::mem::forget(stream.next().await);
        quiet().await;
        drop(stream);
        quiet().await;
    }

    async fn an_item_that_panics_as_it_is_left_out_stops_the_stage() {
        let running = Pipeline::from_iter(0..6_u32)
            .map(|n| (n, Grenade))
            .filter(|(n, _)| n % 2 == 0)
            .on_error(OnError::Skip)
            .map(|(n, grenade)| {
                std::mem::forget(grenade);
                n
            })
            .collect::<Vec<_>>()
            .spawn();
        let (result, stats) = ended(running).await;
        assert_eq!(result.unwrap(), [0, 2, 4]);
        assert_eq!(stats.stages[2].flow.failed, 3, "{stats:?}");
    }

    async fn half_an_item_is_in_flight_for_ever() {
        let mut running = Pipeline::from_iter(0..)
            .flat_map(|_: u32| 0..)
            .map_async(4, |_: u32| std::future::pending::<()>())
            .collect::<Vec<_>>()
            .spawn();
        quiet().await;
        let _ = running.aborted().await;
        let stats = running.stats();
        settled(&stats);
        assert_eq!(stats.stages[1].flow.discarded, stats.stages[1].flow.accepted, "{stats:?}");
    }
}

#[test]
fn a_runtime_without_a_clock_cannot_run_pipelines() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(async { Pipeline::from_iter(0..10).map_cpu(2, |n| n).collect::<Vec<i32>>().await });
    assert_eq!(result.unwrap().len(), 10);
    let result = runtime.block_on(async {
        Pipeline::from_iter(0..10)
            .try_map_async(2, |n| async move {
                if n > 0 {
                    std::future::pending::<()>().await;
                }
                Err::<u32, _>("the first one")
            })
            .collect::<Vec<_>>()
            .await
    });
    assert!(matches!(result.unwrap_err(), PipelineError::Failed { .. }), "the closure's own failure");
}

#[test]
fn a_stage_that_dies_leaves_the_next_one_asleep() {
    // Lingering needs a clock, and this runtime has none: the batch's task cannot live.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(async {
        let source = futures::stream::iter(0..10).chain(futures::stream::pending());
        let mut run = std::pin::pin!(
            Pipeline::from_stream(source).batch(3, Duration::from_secs(1)).collect::<Vec<_>>().into_future()
        );
        for _ in 0..1_000 {
            if let std::task::Poll::Ready(result) = polled(run.as_mut()).await {
                return Some(result);
            }
            tokio::task::yield_now().await;
        }
        None
    });
    assert!(result.expect("it ends").unwrap_err().is_panicked());
}

#[tokio::test]
async fn a_stream_that_runs_is_shown_as_ended() {
    let mine = Registry::new();
    let mut stream = Pipeline::from_iter(0..).map_async(2, |n: u32| async move { n }).into_stream();
    mine.scope(stream.next()).await.unwrap().unwrap();
    assert_eq!(mine.snapshot().rows[0].state, "running");
}

#[test]
fn a_stream_that_was_polled_outside_a_runtime_never_starts() {
    let mut stream = Pipeline::from_iter(0..1).map_async(2, |n: u32| async move { n }).into_stream();
    let poll = std::panic::AssertUnwindSafe(|| crate::support::poll_once(std::pin::pin!(stream.next())));
    assert!(std::panic::catch_unwind(poll).is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let item = runtime.block_on(async {
        quiet().await;
        let first = polled(stream.next()).await;
        quiet().await;
        if first.is_pending() { polled(stream.next()).await } else { first }
    });
    assert!(matches!(item, std::task::Poll::Ready(Some(Ok(0)))), "{item:?}");
}

#[tokio::test]
async fn conservation_is_broken_while_a_batch_waits() {
    let running = Pipeline::from_iter(0..7).batch(3, Duration::MAX).for_each(1, |_| std::future::pending()).spawn();
    quiet().await;
    let stats = running.stats();
    conserved(&stats);
    assert_eq!(stats.stages[1].flow.in_flight, 4, "one batch is with the next stage: {stats:?}");
}

#[test]
fn a_waker_that_looks_inside_is_not_dropped_under_the_stages_lock() {
    without_deadlock(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let registry = Registry::new();
            let stages = Pipeline::from_stream(futures::stream::pending::<u32>()).map_async(1, |n| async move { n });
            let mut stream = registry.enter(|| stages.into_stream());
            let looker = registry.clone();
            let waker = waker_dropped_with(move || assert_eq!(looker.snapshot().of_kind("pipeline").count(), 1));
            registry.enter(|| assert!(stream.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending()));
            drop(waker);
            // It moved to another task.
            assert!(stream.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        });
    });
}

#[tokio::test]
async fn a_consumer_whose_waker_panics_does_not_harm_the_stage() {
    let (items, source) = futures::channel::mpsc::unbounded();
    let mut stream = Pipeline::from_stream(source).map_async(1, |n: u32| async move { n }).into_stream();
    assert!(stream.poll_next_unpin(&mut Context::from_waker(&waker_that_panics())).is_pending());
    items.unbounded_send(1).unwrap();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    items.unbounded_send(2).unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), 2);
}
