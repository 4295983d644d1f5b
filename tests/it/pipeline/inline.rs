//! Pipelines that run in one task: they borrow, nothing in them stands still, and each run is as the one before.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::observe::Registry;
use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineError};
use regatta::policy::{Overflow, Rate};
use regatta::queue;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::kit::{Count, Grenade, burst, conserved, pass, polled, quiet, refusal, settled};
use crate::support::{DropCounter, Gate, poll_once};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Tells whether a future ends, on a clock that jumps ahead when nothing else can happen.
async fn ends(run: impl Future) -> bool {
    timeout(HOUR, run).await.is_ok()
}

#[tokio::test]
async fn everything_may_borrow() {
    let (words, separator) = (vec![String::from("one"), String::from("two")], String::from(", "));
    let separator = separator.as_str();
    let (count, mut line) = (Rc::new(Cell::new(0)), String::new());
    let stages =
        Pipeline::from_iter(&words).inline().map(|word: &String| word.as_str()).filter(|word| !word.is_empty());
    let counted = stages.map_async(2, |word| {
        let count = count.clone();
        async move {
            count.set(count.get() + 1);
            (word, separator)
        }
    });
    let run = counted.batch(2, HOUR).flatten().for_each(1, |(word, separator)| {
        line.push_str(word);
        line.push_str(separator);
        async {}
    });
    run.await.unwrap();
    assert_eq!((line.as_str(), count.get()), ("one, two, ", words.len()));
}

#[tokio::test]
async fn what_is_sent_may_be_spawned_as_a_whole() {
    let run = Pipeline::from_iter(0..10_u32)
        .inline()
        .map_async(4, |n| async move { n })
        .buffer(2, Overflow::Wait)
        .batch(2, HOUR)
        .throttle(Rate::per_sec(1_000_000))
        .collect::<Vec<_>>();
    assert_eq!(tokio::spawn(run).await.unwrap().unwrap().concat().len(), 10);
}

#[test]
fn without_timers_there_need_be_no_runtime() {
    let mut run = Pipeline::from_iter(0..10_u32).inline().map_async(4, |n| async move { n }).fold(0, |sum, n| sum + n);
    let std::task::Poll::Ready(result) = poll_once(Pin::new(&mut run)) else { panic!("nothing is waited for") };
    assert_eq!(result.unwrap(), 45);
    let trickle = stream::iter(0..3_u32).chain(stream::pending());
    let mut run = Pipeline::from_stream(trickle).inline().batch(4, HOUR).collect::<Vec<_>>();
    let std::task::Poll::Ready(result) = poll_once(Pin::new(&mut run)) else { panic!("nothing is waited for") };
    let error = result.unwrap_err().to_string();
    assert!(error.contains("batch#1"), "{error}");
}

#[tokio::test]
async fn zero_is_refused_and_the_most_allocates_nothing() {
    let source = || Pipeline::from_iter(0..3_u32).inline();
    let refusals = [
        refusal(|| drop(source().map_async(0, |n| async move { n }))),
        refusal(|| drop(source().try_map_async(0, |n| async move { Ok::<u32, String>(n) }))),
        refusal(|| drop(source().buffer(0, Overflow::Wait))),
        refusal(|| drop(source().batch(0, HOUR))),
        refusal(|| drop(source().batch_weighted(0, HOUR, |_| 1))),
        refusal(|| drop(source().window(0, 1))),
        refusal(|| drop(source().for_each(0, |_| async {}))),
        refusal(|| drop(source().try_for_each(0, |_| async { Ok::<(), String>(()) }))),
    ];
    for (number, place) in refusals.iter().enumerate() {
        assert_eq!(place.as_deref(), Some(file!()), "refusal {number}");
    }
    let run = Pipeline::from_iter(0..1_000_u32)
        .inline()
        .map_async(usize::MAX, |n| async move { n })
        .buffer(usize::MAX, Overflow::Wait)
        .batch(usize::MAX, Duration::MAX)
        .flatten()
        .take(usize::MAX)
        .for_each(usize::MAX, |_| async {});
    run.await.unwrap();
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

/// What happens in a run of many stages, with times.
async fn traced() -> Vec<(u128, &'static str, u32)> {
    let (begin, events) = (Instant::now(), RefCell::new(Vec::new()));
    let note = |what, n| events.borrow_mut().push((begin.elapsed().as_millis(), what, n));
    let run = Pipeline::from_iter(0..50_u32)
        .inline()
        .inspect(|n| note("drawn", *n))
        .map_async(Concurrency::unordered(5), async |n| {
            pass(MILLISECOND * (n * 7 % 11)).await;
            note("first", n);
            n
        })
        .buffer(3, Overflow::Wait)
        .map_async(3, async |n| {
            pass(MILLISECOND * (n * 5 % 13)).await;
            note("second", n);
            n
        })
        .batch(4, 6 * MILLISECOND)
        .flatten()
        .for_each(2, async |n| {
            pass(MILLISECOND * (n % 4)).await;
            note("end", n);
        });
    run.await.unwrap();
    events.into_inner()
}

#[tokio::test(start_paused = true)]
async fn each_run_is_as_the_one_before() {
    let first = traced().await;
    assert_eq!(first.len(), 200);
    for _ in 0..5 {
        assert_eq!(traced().await, first);
    }
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

/// Items, each after a pause in milliseconds.
fn paced<const N: usize>(items: [(u32, u32); N]) -> impl futures::Stream<Item = u32> {
    stream::iter(items).then(async |(pause, n)| {
        pass(MILLISECOND * pause).await;
        n
    })
}

#[tokio::test(start_paused = true)]
async fn batches_leave_in_time_and_wait_while_the_end_is_busy() {
    let (begin, mut seen) = (Instant::now(), Vec::new());
    let source = paced([(0, 0), (10, 1), (10, 2), (60, 3), (10, 4), (10, 5), (100, 6)]);
    let run = Pipeline::from_stream(source).inline().batch(3, 50 * MILLISECOND).for_each(1, |batch| {
        seen.push((begin.elapsed().as_millis(), batch));
        pass(MILLISECOND)
    });
    run.await.unwrap();
    assert_eq!(seen, [(20, vec![0, 1, 2]), (100, vec![3, 4, 5]), (200, vec![6])]);
    let mut seen = Vec::new();
    let begin = Instant::now();
    let source = paced([(0, 0), (10, 1), (100, 2)]);
    let run = Pipeline::from_stream(source).inline().batch(3, 50 * MILLISECOND).for_each(1, |batch| {
        seen.push((begin.elapsed().as_millis(), batch));
        pass(80 * MILLISECOND)
    });
    run.await.unwrap();
    assert_eq!(seen[0], (50, vec![0, 1]));
    assert_eq!(seen[1].1, [2]);
}

#[tokio::test(start_paused = true)]
async fn debounced_conflated_and_throttled_items_keep_their_times() {
    let (begin, mut seen) = (Instant::now(), Vec::new());
    let source = paced([(0, 1), (10, 2), (10, 3), (100, 4), (20, 5)]);
    let run = Pipeline::from_stream(source).inline().debounce(30 * MILLISECOND).for_each(1, |n| {
        seen.push((n, begin.elapsed().as_millis()));
        async {}
    });
    run.await.unwrap();
    assert_eq!(seen, [(3, 50), (5, 140)]);

    let merged = paced([(0, 1), (0, 2), (10, 3), (10, 4), (100, 5)]);
    let mut seen = Vec::new();
    let run = Pipeline::from_stream(merged).inline().conflate(|n| vec![n], |all, n| all.push(n)).for_each(1, |all| {
        seen.push(all);
        pass(50 * MILLISECOND)
    });
    run.await.unwrap();
    // One is with the end, one waits for it, and the rest becomes one.
    assert_eq!(seen, [vec![1], vec![2], vec![3, 4], vec![5]]);

    let (begin, drawn, mut seen) = (Instant::now(), Cell::new(0), Vec::new());
    let source = (0..30_u128).inspect(|_| drawn.set(drawn.get() + 1));
    let mut run = Pipeline::from_iter(source).inline().throttle(Rate::per_sec(10).burst(3)).for_each(1, |_| {
        seen.push(begin.elapsed().as_millis());
        async {}
    });
    let _ = timeout(250 * MILLISECOND, &mut run).await;
    assert_eq!(drawn.get(), 3 + 2);
    run.await.unwrap();
    assert_eq!(seen[..3], [0, 0, 0]);
    for (n, time) in seen.iter().enumerate().skip(3) {
        let due = (n as u128 - 2) * 100;
        assert!((due..=due + 2).contains(time), "{n} passes at {time} ms");
    }
}

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

#[tokio::test]
async fn the_registry_shows_a_run_and_its_stages() {
    let mine = Registry::new();
    let gate = Gate::new();
    let run =
        Pipeline::from_iter(0..9_u32).inline().map_async(4, async |n| n).named("work").for_each(2, |_| gate.wait());
    let mut run = pin!(mine.scope(run.titled("local")));
    let state = || {
        let rows = mine.snapshot().rows;
        let find = |kind: &str, name: &str| rows.iter().find(|row| row.kind == kind && &*row.name == name).cloned();
        (find("pipeline", "local").map(|row| row.state), find("stage", "work").map(|row| row.flow.accepted))
    };
    assert!(polled(run.as_mut()).await.is_pending());
    assert_eq!(state(), (Some("running"), Some(9)));
    gate.open();
    run.as_mut().await.unwrap();
    assert_eq!(state(), (None, None), "the run is gone");
}

#[tokio::test]
async fn deliveries_of_a_queue_are_handled_in_one_task() {
    let (producer, consumer) = queue::bounded(8);
    let mut seen = Vec::new();
    for n in 0..5_u32 {
        producer.send(n).await.unwrap();
    }
    drop(producer);
    let run = Pipeline::from_queue(consumer).inline().for_each(2, |delivery| {
        seen.push(*delivery);
        delivery.done();
        async {}
    });
    run.await.unwrap();
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_stream_ends_once_and_gives_its_error_last() {
    let source = || Pipeline::from_iter(0..6_u32).inline().map_async(2, async |n| n);
    assert_eq!(source().into_stream().map(Result::unwrap).collect::<Vec<_>>().await, [0, 1, 2, 3, 4, 5]);
    let mut failing =
        pin!(source().try_map_async(3, async |n| if n == 3 { Err("three") } else { Ok(n) }).into_stream());
    for n in 0..3 {
        assert_eq!(failing.next().await.unwrap().unwrap(), n);
    }
    assert!(failing.next().await.unwrap().is_err());
    assert!(failing.next().await.is_none() && failing.next().await.is_none());
}
