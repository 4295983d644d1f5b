//! Pipelines that run in one task: what is in work goes on, whoever is busy, and others have their turn.

use std::cell::Cell;
use std::future::{Future, pending};
use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::pipeline::{Concurrency, Pipeline, PipelineError};
use regatta::policy::{Overflow, Rate};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::kit::{Count, pass, polled, quiet, settled};
use crate::support::Gate;

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Tells whether a future ends, on a clock that jumps ahead when nothing else can happen.
async fn ends(run: impl Future) -> bool {
    timeout(HOUR, run).await.is_ok()
}

/// A service that answers in two steps of a few milliseconds; gives up after twenty.
async fn answers_in_time(n: u32) -> bool {
    let step = if n % 2 == 1 { 5 * MILLISECOND } else { MILLISECOND };
    let two_steps = async {
        pass(step).await;
        pass(step).await;
    };
    timeout(20 * MILLISECOND, two_steps).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn work_in_flight_goes_on_while_the_end_is_busy() {
    for concurrency in [Concurrency::ordered(4), Concurrency::unordered(4)] {
        let fired = Cell::new(0);
        let busy = |was_in_time: bool| {
            fired.set(fired.get() + usize::from(!was_in_time));
            pass(1_000 * MILLISECOND)
        };
        let source = || Pipeline::from_iter(0..16_u32).inline().map_async(concurrency, answers_in_time);
        source().for_each(1, busy).await.unwrap();
        source().map(|was_in_time| was_in_time).filter(|_| true).for_each(1, busy).await.unwrap();
        // Behind every kind of stage that may be out of room.
        source().buffer(1, Overflow::Wait).for_each(1, busy).await.unwrap();
        source().buffer(1, Overflow::DropOldest).for_each(1, busy).await.unwrap();
        source().batch(2, Duration::MAX).flatten().for_each(1, busy).await.unwrap();
        source().conflate(|n| vec![n], |all, n| all.push(n)).flatten().for_each(1, busy).await.unwrap();
        source().throttle(Rate::per_sec(1)).for_each(1, busy).await.unwrap();
        let count = |was_in_time: bool| fired.set(fired.get() + usize::from(!was_in_time));
        source().throttle(Rate::per_sec(1)).map(count).for_each(1, async |()| {}).await.unwrap();
        source().debounce(MILLISECOND).for_each(1, busy).await.unwrap();
        source()
            .take(9)
            .scan(|| (), |(), n| n)
            .flat_map(|n| [n, n])
            .window(1, 1)
            .flatten()
            .for_each(1, busy)
            .await
            .unwrap();
        assert_eq!(fired.get(), 0, "{concurrency:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_stages_deep_nothing_stands_still() {
    let fired = Cell::new(0);
    let run = Pipeline::from_iter(0..64_u32)
        .inline()
        .map_async(4, answers_in_time)
        .map_async(1, |was_in_time| {
            fired.set(fired.get() + usize::from(!was_in_time));
            async {
                pass(50 * MILLISECOND).await;
                answers_in_time(1).await
            }
        })
        .map_async(2, async |was_in_time| was_in_time && answers_in_time(0).await)
        .for_each(1, |was_in_time| {
            fired.set(fired.get() + usize::from(!was_in_time));
            pass(1_000 * MILLISECOND)
        });
    run.await.unwrap();
    assert_eq!(fired.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_stands_still_while_nobody_polls_it() {
    let mut results = Pipeline::from_iter(0..8_u32).inline().map_async(4, answers_in_time).into_stream();
    let mut fired = 0;
    while let Some(was_in_time) = results.next().await {
        fired += usize::from(!was_in_time.unwrap());
        pass(1_000 * MILLISECOND).await;
    }
    assert!(fired > 0, "its docs say so, and name the end to use instead");
}

async fn hold(lock: &Mutex<()>) {
    let _held = lock.lock().await;
    pass(MILLISECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_shared_by_all_stages_deadlocks_nothing() {
    for (concurrency, at_the_end) in [(Concurrency::ordered(2), 1), (Concurrency::unordered(2), 2), (3.into(), 1)] {
        let lock = &Mutex::new(());
        let run = Pipeline::from_iter(0..40_u32)
            .inline()
            .map_async(concurrency, |_| hold(lock))
            .map_async(concurrency, |()| hold(lock))
            .buffer(1, Overflow::Wait)
            .for_each(at_the_end, async |()| {
                hold(lock).await;
                hold(lock).await;
            });
        assert!(ends(run).await, "{concurrency:?}");
    }
}

#[tokio::test]
async fn a_future_that_ends_makes_room_for_the_next_whoever_is_busy() {
    for (concurrency, bound) in [(Concurrency::ordered(4), 4 + 16), (Concurrency::unordered(4), 4 + 16)] {
        let (begun, gates) = (Cell::new(0), (0..100).map(|_| Gate::new()).collect::<Vec<_>>());
        let mut run = Pipeline::from_iter(0..100_usize)
            .inline()
            .map_async(concurrency, |n| {
                begun.set(begun.get() + 1);
                gates[n].wait()
            })
            .for_each(1, |()| pending::<()>());
        assert!(polled(&mut run).await.is_pending());
        assert_eq!(begun.get(), 4);
        // The second one ends, and the third, while the first is slow; then one while the end is busy, for ever.
        for (n, expected) in [(1, 5), (2, 6), (0, 7), (3, 8)] {
            gates[n].open();
            assert!(polled(&mut run).await.is_pending());
            assert_eq!(begun.get(), expected, "{concurrency:?}");
        }
        gates.iter().for_each(Gate::open);
        assert!(polled(&mut run).await.is_pending());
        assert!(polled(&mut run).await.is_pending());
        // One is with the end; the rest waits in its places, all of them.
        assert_eq!(begun.get(), bound + 1, "{concurrency:?}");
        assert_eq!(run.stats().stages[1].flow.in_flight as usize, bound);
    }
}

#[tokio::test]
async fn long_runs_let_others_have_their_turn() {
    let turns = Count::default();
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counted.up();
            tokio::task::yield_now().await;
        }
    });
    let none = Pipeline::from_iter(0..1_000_000_u32).inline().filter(|_| false).map_async(8, async |n| n);
    assert!(none.collect::<Vec<_>>().await.unwrap().is_empty());
    let after_filter = turns.get();
    assert!(after_filter > 5, "{after_filter} turns");
    let ready = Pipeline::from_stream(stream::iter(0..200_000_u32)).inline().map_async(8, async |n| n);
    assert_eq!(ready.for_each(2, async |_| {}).await.map_err(|error| error.to_string()), Ok(()));
    assert!(turns.get() > after_filter + 5, "{} turns", turns.get());
    // A buffer that runs ahead of an endless source while the end waits for somebody else.
    let gate = Gate::new();
    let run =
        Pipeline::from_iter(0_u64..).inline().buffer(1, Overflow::DropOldest).take(2).for_each(1, |_| gate.wait());
    let open = async {
        quiet().await;
        gate.open();
    };
    let (result, ()) = tokio::join!(run, open);
    result.unwrap();
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn an_idle_run_is_not_polled() {
    let polls = Cell::new(0);
    let silent = stream::poll_fn(|_| {
        polls.set(polls.get() + 1);
        std::task::Poll::<Option<u32>>::Pending
    });
    let stages = Pipeline::from_stream(silent).inline().map_async(4, async |n| n).buffer(4, Overflow::DropNewest);
    let run = stages.batch(4, HOUR).conflate(|n| n, |_, _| {}).throttle(Rate::per_sec(1)).for_each(1, async |_| {});
    assert!(!ends(run).await);
    assert!(polls.get() < 4, "{} polls", polls.get());
}

#[tokio::test(start_paused = true)]
async fn a_buffer_runs_ahead_while_the_end_is_busy() {
    for (overflow, expected) in [
        (Overflow::Wait, vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Overflow::DropOldest, vec![0, 7, 8, 9]),
        (Overflow::DropNewest, vec![0, 1, 2, 3]),
    ] {
        let (drawn, mut seen) = (Cell::new(0), Vec::new());
        let source = (0..10_u32).inspect(|_| drawn.set(drawn.get() + 1));
        let mut run = Pipeline::from_iter(source).inline().buffer(3, overflow).for_each(1, |n| {
            seen.push(n);
            pass(MILLISECOND)
        });
        assert!(polled(&mut run).await.is_pending());
        assert_eq!(drawn.get(), if overflow == Overflow::Wait { 1 + 3 } else { 10 });
        (&mut run).await.unwrap();
        let stats = run.stats();
        settled(&stats);
        assert_eq!(stats.stages[1].flow.dropped as usize, 10 - expected.len());
        drop(run);
        assert_eq!(seen, expected);
    }
    let mut seen = Vec::new();
    let refused = Pipeline::from_iter(0..10_u32).inline().buffer(3, Overflow::Reject).for_each(1, |n| {
        seen.push(n);
        pass(MILLISECOND)
    });
    assert!(matches!(refused.await, Err(PipelineError::Full(_))));
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_may_run_ahead_does_so_by_itself() {
    let drawn = Cell::new(0);
    let source = || {
        drawn.set(0);
        Pipeline::from_iter((0..1_000_u32).inspect(|_| drawn.set(drawn.get() + 1))).inline()
    };
    assert!(!ends(source().buffer(2_000, Overflow::Wait).for_each(1, |_| pending::<()>())).await);
    assert_eq!(drawn.get(), 1_000);
    assert!(!ends(source().conflate(|_| (), |(), _| {}).for_each(1, |()| pending::<()>())).await);
    assert_eq!(drawn.get(), 1_000);
    assert!(!ends(source().map_async(600, async |n| n).for_each(1, |_| pending::<()>())).await);
    assert_eq!(drawn.get(), 1_000);
    assert!(!ends(source().map_async(300, async |n| n).for_each(1, |_| pending::<()>())).await);
    assert_eq!(drawn.get(), 1 + 600);
}
