//! What goes wrong when somebody is not polled, or is polled too much.

use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use regatta::pipeline::{Concurrency, Pipeline};
use regatta::testing;
use tokio::time::Instant;

use crate::pipeline::kit::{Count, pass, polled, quiet};
use crate::support::Gate;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Takes one result and no more; how much work has begun by then.
async fn begun_after_one<S: Stream + Unpin>(make: impl FnOnce(Count) -> S) -> usize {
    let begun = Count::default();
    let mut results = make(begun.clone());
    assert!(results.next().await.is_some());
    quiet().await;
    begun.get()
}

async fn begin(begun: Count) {
    begun.up();
}

#[tokio::test]
async fn work_is_not_begun_while_the_consumer_is_away() {
    for concurrency in [Concurrency::ordered(4), Concurrency::unordered(4)] {
        let ours = begun_after_one(|begun| {
            Pipeline::from_iter(0..100).map_async(concurrency, move |_: u32| begin(begun.clone())).into_stream()
        });
        // The one that was taken, four in work, and sixteen results: as many as it may hold.
        assert_eq!(ours.await, 1 + 4 + 16);
    }
    let naive = begun_after_one(|begun| stream::iter(0..100).map(move |_| begin(begun.clone())).buffer_unordered(4));
    assert_eq!(naive.await, 1);
}

#[tokio::test]
async fn work_that_wakes_itself_keeps_the_executor() {
    let (beats, done) = (Count::default(), Count::default());
    let (beating, working) = (beats.clone(), done.clone());
    let heart = tokio::spawn(async move {
        loop {
            beating.up();
            tokio::task::yield_now().await;
        }
    });
    let work = move |_: u32| {
        let done = working.clone();
        async move {
            let mut wakes = 0;
            std::future::poll_fn(|cx| {
                wakes += 1;
                cx.waker().wake_by_ref();
                if wakes > 10 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            done.up();
        }
    };
    let mut results = Pipeline::from_iter(0..10_000).map_async(16, work).into_stream();
    let (mut most, mut before) = (0, (0, 0));
    while results.next().await.is_some() {
        let now = (beats.get(), done.get());
        if now.0 > before.0 {
            most = most.max(now.1 - before.1);
            before = now;
        }
    }
    heart.abort();
    assert_eq!(done.get(), 10_000);
    assert!(most < 1_000, "{most} items were finished between two turns of another task");
}

/// Gives two items at once, two more after a tenth of a second, and then nothing.
fn trickle() -> impl Stream<Item = u32> + Send + 'static {
    let later = stream::once(pass(100 * MILLISECOND)).flat_map(|()| stream::iter([2, 3]));
    stream::iter([0, 1]).chain(later).chain(stream::pending())
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_late_while_the_consumer_is_busy() {
    let mut batches = Pipeline::from_stream(trickle()).batch(100, 50 * MILLISECOND).into_stream();
    assert!(polled(batches.next()).await.is_pending());
    // In this time the first batch falls due, more items come, and nobody polls.
    pass(500 * MILLISECOND).await;
    assert_eq!(polled(batches.next()).await.map(|batch| batch.unwrap().unwrap()), std::task::Poll::Ready(vec![0, 1]));
    assert_eq!(batches.next().await.unwrap().unwrap(), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_partial_batch_leaves_early_when_the_consumer_returns() {
    let (source, stream) = testing::source();
    let mut batches = testing::sink(Pipeline::from_stream(stream).batch(3, 50 * MILLISECOND).into_stream());
    source.send_all(0..3);
    batches.expect(vec![0, 1, 2]).await;
    source.send(3);
    quiet().await;
    let begun = Instant::now();
    // Asked for before it is full and before it is due.
    batches.expect_nothing().await;
    source.send(4);
    batches.expect(vec![3, 4]).await;
    assert!(begun.elapsed() >= 49 * MILLISECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_next_that_is_given_up_takes_an_item_along() {
    let ticking = stream::iter(0..50).then(|n: u32| async move {
        pass(7 * MILLISECOND).await;
        n
    });
    let mut results = Pipeline::from_stream(ticking).map_async(4, |n| async move { n }).map(|n| n).into_stream();
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(2 * MILLISECOND, results.next()).await {
            Ok(Some(item)) => seen.push(item.unwrap()),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
}

/// Four at once, of which the last fails while the others are in the middle; how many of those are finished.
async fn finished_beside_a_failure<S, E>(make: impl FnOnce(Count, Gate) -> S) -> usize
where
    S: Stream<Item = Result<u32, E>> + Send + 'static,
{
    let (finished, gate) = (Count::default(), Gate::new());
    let results = make(finished.clone(), gate.clone());
    let consumer = tokio::spawn(async move {
        let mut results = std::pin::pin!(results);
        while let Some(Ok(_)) = results.next().await {}
    });
    quiet().await;
    gate.open();
    consumer.await.unwrap();
    finished.get()
}

async fn fail_beside_others(n: u32, finished: Count, gate: Gate) -> Result<u32, String> {
    if n == 3 {
        return Err("three".to_owned());
    }
    gate.wait().await;
    finished.up();
    Ok(n)
}

#[tokio::test]
async fn a_failure_drops_others_in_the_middle() {
    use futures::TryStreamExt;
    let ours = finished_beside_a_failure(|finished, gate| {
        let work = move |n| fail_beside_others(n, finished.clone(), gate.clone());
        Pipeline::from_iter(0..4).try_map_async(Concurrency::unordered(4), work).into_stream()
    });
    assert_eq!(ours.await, 3);
    let naive = finished_beside_a_failure(|finished, gate| {
        let work = move |n| fail_beside_others(n, finished.clone(), gate.clone());
        stream::iter((0..4).map(Ok::<u32, String>)).map_ok(work).try_buffer_unordered(4)
    });
    assert_eq!(naive.await, 0);
}
