//! Pipelines that run in one task: they borrow, give what others give, and each run is as the one before.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::observe::Registry;
use regatta::pipeline::{Concurrency, Pipeline};
use regatta::policy::{Overflow, Rate};
use regatta::queue;
use tokio::time::{Instant, timeout};

use super::kit::{pass, polled, refusal};
use crate::support::{Gate, poll_once};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

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
    assert_eq!(state(), (Some("running".into()), Some(9)));
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
