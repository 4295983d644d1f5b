//! The rules of Reactive Streams, as they read for pipelines: demand is bounded, stages are serial where they say so, an
//! end is an end, and stopping is always allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use regatta::pipeline::{Concurrency, Pipeline};
use regatta::policy::Overflow;
use tokio::sync::Mutex;

use super::kit::{Count, both_flavours, conserved, ended, polled, quiet, settled};
use crate::support::{DropCounter, Gate, eventually};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn pulls_are_bounded_by_the_windows_behind_an_end_that_stands_still() {
    let (pulled, gate) = (Count::default(), Gate::new());
    let (counted, held) = (pulled.clone(), gate.clone());
    let running = Pipeline::from_iter((0_u32..).inspect(move |_| {
        counted.up();
    }))
    .map(|n| n)
    .map_async(4, |n| async move { n })
    .map_async(Concurrency::unordered(20), |n| async move { n })
    .buffer(7, Overflow::Wait)
    .batch(5, LONG)
    .for_each(2, move |_| {
        let gate = held.clone();
        async move { gate.wait().await }
    })
    .spawn();
    quiet().await;
    let windows: Vec<usize> = running.stats().stages.iter().filter_map(|stage| stage.window).collect();
    assert_eq!(windows, [4 + 16, 20 + 20, 7, 1, 2 + 16]);
    // Two batches are at the end, one waits and one is being gathered.
    assert!(pulled.get() <= 20 + 40 + 7 + 4 * 5, "{} pulled", pulled.get());
    assert!(pulled.get() >= 20 + 40 + 7, "{} pulled: the windows are used", pulled.get());
}

#[tokio::test]
async fn a_stream_pulls_nothing_before_it_is_polled() {
    let pulled = Count::default();
    let counted = pulled.clone();
    let stream = Pipeline::from_iter((0_u32..).inspect(move |_| {
        counted.up();
    }))
    .map_async(4, |n| async move { n })
    .into_stream();
    quiet().await;
    assert_eq!(pulled.get(), 0);
    drop(stream);
}

both_flavours! {
    async fn a_fused_closure_is_never_entered_twice_at_once() {
        let (is_inside, mut calls) = (AtomicBool::new(false), 0);
        let running = Pipeline::from_iter(0..20_000_u32)
            .map(move |n| {
                assert!(!is_inside.swap(true, Ordering::Relaxed), "entered by two");
                calls += 1;
                assert_eq!(calls, n + 1);
                is_inside.store(false, Ordering::Relaxed);
                n
            })
            .map_async(Concurrency::unordered(8), |n| async move {
                tokio::task::yield_now().await;
                n
            })
            .collect::<Vec<_>>()
            .spawn();
        assert_eq!(ended(running).await.0.unwrap().len(), 20_000);
    }

    async fn locks_may_be_shared_by_all_stages_and_the_consumer() {
        let lock = Arc::new(Mutex::new(0));
        let held = [(); 3].map(|()| lock.clone());
        let [first, second, third] = held;
        let work = |lock: Arc<Mutex<u32>>| async move {
            let mut count = lock.lock().await;
            tokio::task::yield_now().await;
            *count += 1;
        };
        let mut stream = Pipeline::from_iter(0..100)
            .map_async(2, move |_: u32| work(first.clone()))
            .buffer(1, Overflow::Wait)
            .map_async(Concurrency::unordered(3), move |()| work(second.clone()))
            .batch(3, Duration::MAX)
            .map_async(1, move |_| work(third.clone()))
            .into_stream();
        let watched = tokio::time::timeout(LONG, async {
            while let Some(result) = stream.next().await {
                result.unwrap();
                work(lock.clone()).await;
            }
        });
        watched.await.expect("no deadlock");
        assert_eq!(*lock.lock().await, 100 + 100 + 34 + 34);
    }

    async fn items_in_flight_move_on_while_the_end_stands_still() {
        let (gate, steps) = (Gate::new(), Count::default());
        let (held, counted) = (gate.clone(), steps.clone());
        let running = Pipeline::from_iter(0..)
            .map_async(4, move |n: u32| {
                let steps = counted.clone();
                async move {
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                    steps.up();
                    n
                }
            })
            .for_each(1, move |_| {
                let gate = held.clone();
                async move { gate.wait().await }
            })
            .spawn();
        // One is at the end; all that the window of the stage holds gets finished.
        eventually(LONG, "all that was started is finished", || steps.get() == 1 + 4 + 16).await;
        gate.open();
        running.drain().await.unwrap();
    }

    async fn abort_may_be_called_by_anyone_at_any_time() {
        let running = Pipeline::from_iter(0..).map_async(4, |n: u32| async move { n }).for_each(4, |_| async {}).spawn();
        tokio::task::yield_now().await;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    running.abort();
                    running.close();
                    running.abort();
                    conserved(&running.stats());
                });
            }
        });
        let mut running = running;
        assert!((&mut running).await.unwrap_err().is_cancelled());
        settled(&running.stats());
        running.abort();
        running.close();
        assert!(running.aborted().await.still_running.is_empty());
        assert!(running.shutdown(Duration::ZERO).await.still_running.is_empty());
    }

    async fn abort_after_the_end_changes_nothing() {
        let mut running = Pipeline::from_iter(0..9).map_async(4, |n: u32| async move { n }).collect::<Vec<_>>().spawn();
        eventually(LONG, "it has ended", || running.is_finished()).await;
        let report = running.shutdown(LONG).await;
        assert!(report.is_clean(), "{report}");
        running.abort();
        let _ = running.aborted().await;
        assert_eq!(running.await.unwrap().len(), 9);
    }

    async fn a_source_that_never_moves_is_dropped_when_a_later_stage_fails() {
        let probe = DropCounter::new();
        let inside = probe.guard();
        let source = stream::iter(0..3).chain(stream::pending()).inspect(move |_| {
            let _ = &inside;
        });
        let mut running = Pipeline::from_stream(source)
            .map_async(2, |n| async move { n })
            .buffer(2, Overflow::Wait)
            .batch(1, LONG)
            .try_for_each(1, |batch| async move { if batch == [2] { Err("two") } else { Ok(()) } })
            .spawn();
        assert!((&mut running).await.is_err());
        assert_eq!(probe.alive(), 0);
        settled(&running.stats());
    }

    async fn a_source_is_let_go_while_what_was_started_is_still_at_work() {
        let (probe, gate) = (DropCounter::new(), Gate::new());
        let (inside, held) = (probe.guard(), gate.clone());
        let source = stream::iter(0..2).chain(stream::pending()).inspect(move |_| {
            let _ = &inside;
        });
        let running = Pipeline::from_stream(source)
            .map_async(2, |n| async move { n })
            .try_for_each(2, move |n| {
                let gate = held.clone();
                async move {
                    if n == 1 {
                        return Err("one");
                    }
                    gate.wait().await;
                    Ok(())
                }
            })
            .spawn();
        eventually(LONG, "the source is gone", || probe.alive() == 0).await;
        assert!(!running.is_finished());
        gate.open();
        assert!(ended(running).await.0.is_err());
    }

    async fn as_many_are_at_work_as_the_limit_says_and_no_more() {
        for concurrency in [Concurrency::ordered(3), Concurrency::unordered(3)] {
            let (now, peak) = (Count::default(), Arc::new(AtomicUsize::new(0)));
            let (counted, seen) = (now.clone(), peak.clone());
            let running = Pipeline::from_iter(0..500_u32)
                .map_async(concurrency, move |n| {
                    let (now, peak) = (counted.clone(), seen.clone());
                    async move {
                        peak.fetch_max(now.up() + 1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        now.down();
                        n
                    }
                })
                .for_each(1, |_| async {})
                .spawn();
            ended(running).await.0.unwrap();
            assert_eq!((now.get(), peak.load(Ordering::SeqCst)), (0, 3));
        }
    }

    async fn limits_without_a_limit_neither_overflow_nor_allocate() {
        for concurrency in [Concurrency::ordered(usize::MAX), Concurrency::unordered(usize::MAX)] {
            let running = Pipeline::from_iter(0..1_000_u32)
                .map_async(concurrency, |n| async move { n })
                .try_map_async(concurrency, |n| async move { Ok::<u32, String>(n) })
                .map_cpu(concurrency, |n| n)
                .buffer(usize::MAX, Overflow::DropOldest)
                .buffer(usize::MAX, Overflow::Reject)
                .batch(usize::MAX, Duration::MAX)
                .fold(0, |count, batch| count + batch.len())
                .spawn();
            assert_eq!(ended(running).await.0.unwrap(), 1_000);
        }
    }

    async fn limits_of_one_are_enough() {
        let running = Pipeline::from_iter(0..100_u32)
            .map_async(1, |n| async move { n })
            .map_cpu(1, |n| n)
            .buffer(1, Overflow::Wait)
            .batch(1, Duration::MAX)
            .for_each(1, |_| async {})
            .spawn();
        let (result, stats) = ended(running).await;
        result.unwrap();
        assert_eq!(stats.stages.last().unwrap().flow.done, 100);
    }
}

#[test]
fn a_million_items_that_are_left_out_cost_no_stack_and_starve_nobody() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let beats = Count::default();
            let counted = beats.clone();
            let heart = tokio::spawn(async move {
                loop {
                    counted.up();
                    tokio::task::yield_now().await;
                }
            });
            let fused = Pipeline::from_iter(0..1_000_000_u32).filter(|_| false).collect::<Vec<_>>();
            assert!(fused.await.unwrap().is_empty());
            let while_fused = beats.get();
            let staged = Pipeline::from_iter(0..1_000_000_u32).filter(|_| false).map_async(2, |n| async move { n });
            assert!(staged.buffer(3, Overflow::DropOldest).filter(|_| false).into_stream().next().await.is_none());
            heart.abort();
            (while_fused, beats.get() - while_fused)
        })
    };
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap();
    let (while_fused, while_staged) = thread.join().unwrap();
    assert!(while_fused > 10 && while_staged > 10, "{while_fused} and {while_staged} beats");
}

#[tokio::test]
async fn an_item_with_a_hundred_thousand_parts_is_taken_apart_in_turns() {
    let beats = Count::default();
    let counted = beats.clone();
    let heart = tokio::spawn(async move {
        loop {
            counted.up();
            tokio::task::yield_now().await;
        }
    });
    let parts = Pipeline::from_iter([100_000_u32]).flat_map(|n| 0..n).map_async(4, |n| async move { n });
    let (result, _) = ended(parts.fold(0, |count, _| count + 1).spawn()).await;
    heart.abort();
    assert_eq!(result.unwrap(), 100_000);
    assert!(beats.get() > 100, "{} beats", beats.get());
}

#[tokio::test]
async fn everything_in_flight_comes_out_when_a_consumer_returns() {
    let mut stream = Pipeline::from_stream(stream::iter(0..20).chain(stream::pending()))
        .map_async(Concurrency::unordered(4), |n: u32| async move { n })
        .into_stream();
    assert!(polled(stream.next()).await.is_pending());
    quiet().await;
    // No new input: what waits is all there is, and all of it can be had.
    assert_eq!(stream.by_ref().take(20).count().await, 20);
    assert!(polled(stream.next()).await.is_pending());
}
