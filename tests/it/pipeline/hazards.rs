//! What goes wrong in pipelines that are written by hand. Each scenario runs against ours, where it must not happen, and
//! against the naive design, where it must: or the scenario would prove nothing.

mod threads;
mod turns;

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use regatta::CancellationToken;
use regatta::pipeline::{Concurrency, Pipeline};
use regatta::policy::Overflow;
use regatta::queue::{self, Delivery};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::kit::{Count, both_flavours, pass, polled, quiet, refusal};
use super::naive;
use crate::support::{DropCounter, Gate, eventually};

const MILLISECOND: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(60);

/// What a scenario found.
#[derive(Debug, PartialEq)]
enum Fact {
    /// So many timeouts around work that was not slow.
    TimeoutsFired(usize),
    Finished,
    Deadlocked,
    Failed,
    /// As if all were well, with so many results.
    Ended(usize),
    /// So many items were taken from the source.
    Pulled(usize),
    /// So many items came out nowhere.
    Lost(usize),
    /// So many captured values live after the owner is gone.
    Alive(usize),
    /// So many polls of a source that has nothing.
    Polls(usize),
}

/// A service that answers in two steps, after two or ten milliseconds; gives up after twenty.
async fn answers_in_time(n: u32) -> bool {
    let step = if n % 2 == 1 { 5 * MILLISECOND } else { MILLISECOND };
    let two_steps = async {
        pass(step).await;
        pass(step).await;
    };
    timeout(20 * MILLISECOND, two_steps).await.is_ok()
}

/// A consumer that takes a second over each result.
async fn with_a_busy_consumer(results: impl Stream<Item = bool>) -> Fact {
    let (mut results, mut fired) = (pin!(results), 0);
    while let Some(was_in_time) = results.next().await {
        fired += usize::from(!was_in_time);
        pass(1_000 * MILLISECOND).await;
    }
    Fact::TimeoutsFired(fired)
}

#[tokio::test(start_paused = true)]
async fn work_in_flight_stands_still_while_the_consumer_is_busy() {
    for concurrency in [Concurrency::ordered(4), Concurrency::unordered(4)] {
        let ours = Pipeline::from_iter(0..8).map_async(concurrency, answers_in_time).into_stream();
        assert_eq!(with_a_busy_consumer(ours.map(Result::unwrap)).await, Fact::TimeoutsFired(0));
    }
    let naive = stream::iter(0..8).map(answers_in_time).buffered(4);
    assert_eq!(with_a_busy_consumer(naive).await, Fact::TimeoutsFired(4));
}

/// Runs to the end, if there is one: with the clock paused, an hour passes at once when nothing else can happen.
async fn to_the_end(run: impl Future) -> Fact {
    match timeout(60 * LONG, run).await {
        Ok(_) => Fact::Finished,
        Err(_) => Fact::Deadlocked,
    }
}

async fn hold(lock: Arc<Mutex<()>>) {
    let _held = lock.lock().await;
    pass(MILLISECOND).await;
}

/// Something that works on items while it holds the lock, and a consumer that wants the lock twice for each result.
async fn with_a_shared_lock<S: Stream>(make: impl FnOnce(Arc<Mutex<()>>) -> S) -> Fact {
    let lock = Arc::new(Mutex::new(()));
    let results = make(lock.clone());
    let consume = async |_| {
        hold(lock.clone()).await;
        hold(lock.clone()).await;
    };
    to_the_end(results.for_each(consume)).await
}

#[tokio::test(start_paused = true)]
async fn a_lock_shared_by_stages_deadlocks() {
    for concurrency in [Concurrency::ordered(2), Concurrency::unordered(2)] {
        let streamed = with_a_shared_lock(|lock| {
            Pipeline::from_iter(0..4).map_async(concurrency, move |_: u32| hold(lock.clone())).into_stream()
        });
        assert_eq!(streamed.await, Fact::Finished);
        let lock = Arc::new(Mutex::new(()));
        let (first, second, third) = (lock.clone(), lock.clone(), lock);
        let in_every_stage = Pipeline::from_iter(0..4)
            .map_async(concurrency, move |_: u32| hold(first.clone()))
            .map_async(concurrency, move |()| hold(second.clone()))
            .for_each(2, move |()| hold(third.clone()));
        assert_eq!(to_the_end(in_every_stage.into_future()).await, Fact::Finished);
    }
    let ordered = |lock: Arc<Mutex<()>>| stream::iter(0..4).map(move |_| hold(lock.clone())).buffered(2);
    assert_eq!(with_a_shared_lock(ordered).await, Fact::Deadlocked);
    let unordered = |lock: Arc<Mutex<()>>| stream::iter(0..4).map(move |_| hold(lock.clone())).buffer_unordered(2);
    assert_eq!(with_a_shared_lock(unordered).await, Fact::Deadlocked);
}

#[tokio::test(start_paused = true)]
async fn a_lock_shared_by_stages_deadlocks_with_the_output_blocked() {
    let ours = with_a_shared_lock(|lock| {
        let stage = Pipeline::from_iter(0..8).map_async(2, move |_: u32| hold(lock.clone()));
        stage.buffer(1, Overflow::Wait).into_stream()
    });
    assert_eq!(ours.await, Fact::Finished);
    let naive = with_a_shared_lock(|lock| naive::stage_loop(0..8, 2, move |_| hold(lock.clone())));
    assert_eq!(naive.await, Fact::Deadlocked);
}

/// Polls as often as it is woken, which nobody but itself can do.
async fn until_nothing_moves(stream: impl Stream) -> Fact {
    let mut stream = pin!(stream);
    for _ in 0..1_000 {
        if polled(stream.next()).await.is_ready() {
            return Fact::Finished;
        }
    }
    Fact::Deadlocked
}

#[tokio::test]
async fn zero_limits_hang() {
    let source = || Pipeline::from_iter(0..3);
    let nothing = |_: u32| async {};
    let refusals = [
        refusal(|| drop(source().map_async(0, nothing))),
        refusal(|| drop(source().map_async(Concurrency::unordered(0), nothing))),
        refusal(|| drop(source().try_map_async(0, |n| async move { Ok::<u32, String>(n) }))),
        refusal(|| drop(source().map_cpu(0, |n| n))),
        refusal(|| drop(source().try_map_cpu(0, Ok::<u32, String>))),
        refusal(|| drop(source().buffer(0, Overflow::Wait))),
        refusal(|| drop(source().batch(0, MILLISECOND))),
        refusal(|| drop(source().for_each(0, nothing))),
        refusal(|| drop(source().try_for_each(0, |_| async { Ok::<(), String>(()) }))),
    ];
    for (number, place) in refusals.iter().enumerate() {
        assert_eq!(place.as_deref(), Some(file!()), "refusal {number}");
    }
    let naive = stream::iter(0..3).map(|_| async {}).buffer_unordered(0);
    assert_eq!(until_nothing_moves(naive).await, Fact::Deadlocked);
}

async fn panics_at_37(n: u32) -> u32 {
    assert_ne!(n, 37, "not this one");
    n
}

async fn how_it_ends<E>(results: impl Stream<Item = Result<u32, E>>) -> Fact {
    let (mut results, mut count) = (pin!(results), 0);
    while let Some(result) = results.next().await {
        if result.is_err() {
            return Fact::Failed;
        }
        count += 1;
    }
    Fact::Ended(count)
}

both_flavours! {
    async fn a_panic_looks_like_the_end() {
        for concurrency in [Concurrency::ordered(4), Concurrency::unordered(4)] {
            let ours = Pipeline::from_iter(0..100).map_async(concurrency, panics_at_37).into_stream();
            assert_eq!(how_it_ends(ours).await, Fact::Failed);
        }
        let one = naive::detached_workers(0..100, 1, panics_at_37).map(Ok::<u32, ()>);
        assert_eq!(how_it_ends(one).await, Fact::Ended(37));
        let four = naive::detached_workers(0..100, 4, panics_at_37).map(Ok::<u32, ()>);
        assert_eq!(how_it_ends(four).await, Fact::Ended(99));
    }
}

/// A stage of eight whose first item is slow, and a consumer that asks for results all the time.
async fn behind_a_slow_item<S: Stream + Send + 'static>(make: impl FnOnce(Count, Gate) -> S) -> Fact {
    let (pulled, gate) = (Count::default(), Gate::new());
    let results = make(pulled.clone(), gate.clone());
    let consumer = tokio::spawn(results.count());
    quiet().await;
    let fact = Fact::Pulled(pulled.get());
    gate.open();
    assert_eq!(consumer.await.unwrap(), 1_000);
    fact
}

fn counted(pulled: Count) -> impl Iterator<Item = usize> + Send + 'static {
    (0..1_000).inspect(move |_| {
        pulled.up();
    })
}

async fn slow_at_first(n: usize, gate: Gate) -> (usize, usize) {
    if n == 0 {
        gate.wait().await;
    }
    (n, n)
}

#[tokio::test]
async fn results_pile_up_behind_a_slow_item() {
    let ours = behind_a_slow_item(|pulled, gate| {
        Pipeline::from_iter(counted(pulled)).map_async(8, move |n| slow_at_first(n, gate.clone())).into_stream()
    });
    // Eight in work, and sixteen results.
    assert_eq!(ours.await, Fact::Pulled(8 + 16));
    let naive = behind_a_slow_item(|pulled, gate| {
        naive::reordered(naive::detached_workers(counted(pulled), 8, move |n| slow_at_first(n, gate.clone())))
    });
    assert_eq!(naive.await, Fact::Pulled(1_000));
}

/// Seven items in batches of three, of which the last is stopped before it is full.
#[tokio::test(start_paused = true)]
async fn items_are_stuck_in_a_batch_on_stop() {
    let items = || stream::iter(0..7).chain(stream::pending());
    let ours = Pipeline::from_stream(items()).batch(3, LONG).fold(0, |count, batch| count + batch.len()).spawn();
    quiet().await;
    assert_eq!(Fact::Lost(7 - ours.drain().await.unwrap()), Fact::Lost(0));

    let stop = CancellationToken::new();
    let batches = naive::batches(items(), 3, LONG, stop.clone());
    let naive = tokio::spawn(batches.fold(0, async |count, batch| count + batch.len()));
    quiet().await;
    stop.cancel();
    assert_eq!(Fact::Lost(7 - naive.await.unwrap()), Fact::Lost(1));
}

/// Drops the results while the work stands still, and lets everybody who wants to leave.
async fn after_the_owner<S>(make: impl FnOnce(DropCounter, Count) -> S, start: impl AsyncFnOnce(&mut S)) -> Fact {
    let (probe, started) = (DropCounter::new(), Count::default());
    let mut owner = make(probe.clone(), started.clone());
    start(&mut owner).await;
    eventually(LONG, "the work has begun", || started.get() == 4).await;
    drop(owner);
    // Two threads need more than a moment to leave; whoever has not left by then never will.
    for _ in 0..100 {
        quiet().await;
    }
    Fact::Alive(probe.alive())
}

async fn for_ever(probe: DropCounter, started: Count) {
    let _guard = probe.guard();
    started.up();
    pending::<()>().await;
}

both_flavours! {
    async fn tasks_outlive_the_handle() {
        let spawned = after_the_owner(
            |probe, started| {
                let work = move |_: u32| for_ever(probe.clone(), started.clone());
                Pipeline::from_iter(0..9).for_each(4, work).spawn()
            },
            async |_| {},
        );
        assert_eq!(spawned.await, Fact::Alive(0));
        let streamed = after_the_owner(
            |probe, started| {
                let work = move |_: u32| for_ever(probe.clone(), started.clone());
                Pipeline::from_iter(0..9).map_async(4, work).into_stream()
            },
            async |stream| assert!(polled(stream.next()).await.is_pending()),
        );
        assert_eq!(streamed.await, Fact::Alive(0));
        let naive = after_the_owner(
            |probe, started| naive::detached_workers(0..9, 4, move |_| for_ever(probe.clone(), started.clone())),
            async |_| {},
        );
        assert_eq!(naive.await, Fact::Alive(4));
    }
}

/// Leaves the results of a source that has nothing with a consumer.
async fn idle<S: Stream + Send + 'static>(make: impl FnOnce(Count) -> S) -> Fact {
    let polls = Count::default();
    let consumer = tokio::spawn(make(polls.clone()).count());
    quiet().await;
    consumer.abort();
    Fact::Polls(polls.get())
}

fn silent(polls: Count) -> impl Stream<Item = u32> + Send + Unpin + 'static {
    stream::poll_fn(move |_| {
        polls.up();
        std::task::Poll::Pending
    })
}

#[tokio::test]
async fn an_idle_stage_polls() {
    let ours = idle(|polls| {
        let stages = Pipeline::from_stream(silent(polls)).map_async(4, |n| async move { n }).map_cpu(2, |n| n);
        stages.buffer(4, Overflow::Wait).batch(4, LONG).into_stream()
    });
    assert_eq!(ours.await, Fact::Polls(1));
    let Fact::Polls(naive) = idle(|polls| naive::Restless(silent(polls))).await else { unreachable!() };
    assert!(naive > 500, "{naive} polls");
}

#[tokio::test(start_paused = true)]
async fn a_stage_keeps_its_own_sender_alive() {
    // Every item fails once and is put back.
    let (producer, consumer) = queue::bounded(8);
    for n in 0..4 {
        producer.send(n).await.unwrap();
    }
    drop(producer);
    let ours = Pipeline::from_queue(consumer).for_each(2, |delivery: Delivery<u32>| async move {
        if delivery.attempt() > 1 {
            delivery.done();
        }
    });
    assert_eq!(to_the_end(ours.into_future()).await, Fact::Finished);

    let mut seen = std::collections::HashSet::new();
    let (sender, results) = naive::retrying(move |n| if seen.insert(n) { Err(n) } else { Ok(n) });
    for n in 0..4 {
        sender.send(n).await.unwrap();
    }
    drop(sender);
    assert_eq!(to_the_end(results.count()).await, Fact::Deadlocked);
}
