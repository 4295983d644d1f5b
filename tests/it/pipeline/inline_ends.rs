//! Pipelines that run in one task: how they end, fail and are dropped, and that nothing is left behind.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use regatta::pipeline::{Concurrency, OnError, Pipeline};
use regatta::policy::{Overflow, Rate};

use super::kit::{Grenade, burst, conserved, pass, polled, settled};
use crate::support::{DropCounter, Gate};

const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn ordered_stop_emits_everything_before_the_failed_item() {
    let (gate, signal, mut seen) = (Gate::new(), Gate::new(), Vec::new());
    let mut run = Pipeline::from_iter(0..100_u32)
        .inline()
        .try_map_async(8, |n| {
            let (gate, signal) = (&gate, &signal);
            async move {
                if n == 5 {
                    signal.wait().await;
                    return Err("five");
                }
                gate.wait().await;
                Ok(n)
            }
        })
        .for_each(1, |n| {
            seen.push(n);
            async {}
        });
    assert!(polled(&mut run).await.is_pending());
    signal.open();
    assert!(polled(&mut run).await.is_pending());
    gate.open();
    assert_eq!(std::error::Error::source(&(&mut run).await.unwrap_err()).unwrap().to_string(), "five");
    let stats = run.stats();
    settled(&stats);
    assert_eq!(stats.stages[0].flow.accepted, 8, "nothing is started after a failure");
    drop(run);
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn unordered_stop_finishes_what_was_started() {
    let (gate, signal, mut seen) = (Gate::new(), Gate::new(), Vec::new());
    let mut run = Pipeline::from_iter(0..100_u32)
        .inline()
        .try_map_async(Concurrency::unordered(4), |n| {
            let (gate, signal) = (&gate, &signal);
            async move {
                if n == 2 {
                    signal.wait().await;
                    return Err("two");
                }
                gate.wait().await;
                Ok(n)
            }
        })
        .for_each(1, |n| {
            seen.push(n);
            async {}
        });
    assert!(polled(&mut run).await.is_pending());
    signal.open();
    assert!(polled(&mut run).await.is_pending());
    gate.open();
    assert!((&mut run).await.is_err());
    let stats = run.stats();
    settled(&stats);
    assert_eq!((stats.stages[1].flow.done, stats.stages[1].flow.failed), (3, 1));
    drop(run);
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 3]);
}

#[tokio::test]
async fn an_end_and_a_failure_leave_nothing_behind() {
    for fails in [false, true] {
        let probe = DropCounter::new();
        let (guard, other, third) = (probe.guard(), probe.guard(), probe.guard());
        let mut run = Pipeline::from_iter((0..20_u32).map(|n| (n, probe.guard())))
            .inline()
            .inspect(move |_| {
                let _ = &guard;
            })
            .try_map_async(4, move |(n, item)| {
                let _ = &other;
                async move {
                    tokio::task::yield_now().await;
                    if fails && n == 7 { Err("seven") } else { Ok(item) }
                }
            })
            .for_each(2, move |item| {
                let _ = (&third, item);
                async {}
            });
        assert_eq!((&mut run).await.is_err(), fails);
        assert_eq!(probe.alive(), 0, "the run is still there, and empty");
        settled(&run.stats());
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_drops_everything_and_counts_it() {
    let probe = DropCounter::new();
    let mut run = Pipeline::from_iter((0..100_u32).map(|n| (n, probe.guard())))
        .inline()
        .map_async(4, |(n, item)| async move {
            if n > 5 {
                pending::<()>().await;
            }
            item
        })
        .buffer(2, Overflow::Wait)
        .batch(2, Duration::MAX)
        .named("pairs")
        .for_each(1, |_batch| pending::<()>());
    assert!(polled(&mut run).await.is_pending());
    assert!(probe.alive() > 0);
    let busy = run.stats();
    conserved(&busy);
    assert_eq!((busy.stages[1].busy, busy.stages[4].busy, &*busy.stages[3].name), (4, 1, "pairs"));
    drop(run);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_may_be_dropped_at_every_await() {
    let mut polls = 0;
    loop {
        polls += 1;
        let (probe, left) = (DropCounter::new(), Cell::new(polls));
        let mut run = Pipeline::from_iter((0..12_u32).map(|n| (n, probe.guard())))
            .inline()
            .map_async(Concurrency::unordered(3), async |(n, item)| {
                pass(MILLISECOND * (n % 5)).await;
                (n, item)
            })
            .conflate(|item| vec![item], |all, item| all.push(item))
            .flatten()
            .buffer(2, Overflow::Wait)
            .throttle(Rate::per_sec(500))
            .batch(3, MILLISECOND)
            .map_async(2, async |batch| {
                pass(MILLISECOND * batch.len() as u32).await;
                batch
            })
            .for_each(1, async |batch| {
                pass(MILLISECOND).await;
                drop(batch);
            });
        let ended = std::future::poll_fn(|cx| {
            left.set(left.get() - 1);
            match Pin::new(&mut run).poll(cx) {
                std::task::Poll::Pending if left.get() > 0 => std::task::Poll::Pending,
                polled => std::task::Poll::Ready(polled.is_ready()),
            }
        })
        .await;
        conserved(&run.stats());
        if ended {
            assert_eq!(probe.alive(), 0);
            break;
        }
        drop(run);
        assert_eq!(probe.alive(), 0, "dropped after {polls} polls");
    }
    assert!(polls > 10, "{polls} polls");
}

#[tokio::test]
async fn a_stage_that_ends_early_drops_what_is_before_it() {
    let probe = DropCounter::new();
    let three = Pipeline::from_iter(0..100_u32)
        .inline()
        .map_async(4, |n| {
            let guard = probe.guard();
            async move {
                if n >= 3 {
                    pending::<()>().await;
                }
                drop(guard);
                n
            }
        })
        .take(3);
    let gate = Gate::new();
    let mut run = three.for_each(1, |_| gate.wait());
    assert!(polled(&mut run).await.is_pending());
    gate.open();
    run.await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test]
async fn destructors_that_panic_cost_their_item_at_the_most() {
    // In a future that has ended.
    let run = Pipeline::from_iter(0..4_u32).inline().map_async(2, |n| {
        let bomb = (n == 2).then(|| Grenade);
        async move {
            let _ = &bomb;
            n
        }
    });
    assert_eq!(run.on_error(OnError::Skip).collect::<Vec<_>>().await.unwrap(), [0, 1, 3]);
    // In a future that is dropped, and in a result that nobody takes.
    let mut run = Pipeline::from_iter(0..4_u32)
        .inline()
        .map_async(4, |n| async move {
            let bomb = Grenade;
            if n < 2 {
                pending::<()>().await;
            }
            bomb
        })
        .for_each(1, |bomb| async { std::mem::forget(bomb) });
    assert!(polled(&mut run).await.is_pending());
    drop(run);
    // In closures, at the end.
    let bomb = Grenade;
    let run = Pipeline::from_iter(0..4_u32).inline().map_async(4, move |n| {
        let _ = &bomb;
        async move { n }
    });
    assert_eq!(run.collect::<Vec<_>>().await.unwrap().len(), 4);
}

#[tokio::test]
async fn panics_are_blamed_on_their_stage() {
    let error = Pipeline::from_iter(0..40_u32)
        .inline()
        .map(|n| if n == 17 { burst() } else { n })
        .named("odd one")
        .map_async(4, async |n| n)
        .buffer(2, Overflow::Wait)
        .map_async(4, async |n| n)
        .for_each(3, async |_| tokio::task::yield_now().await)
        .titled("numbers")
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "stage `odd one` of pipeline `numbers` panicked: as ordered");
    let error = Pipeline::from_iter(0..40_u32)
        .inline()
        .map_async(4, async |n| n)
        .map(|n| if n == 17 { burst() } else { n })
        .named("behind")
        .fold(0, |sum, n| sum + n)
        .titled("numbers")
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "stage `behind` of pipeline `numbers` panicked: as ordered");
}
