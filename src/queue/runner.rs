//! Some producers, some consumers, one queue between them, run to the end.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::attempt;
use super::builder::Builder;
use super::consumer::Consumer;
use super::outcome::Ending;
use super::producer::Producer;
use super::report::{Report, Troubles};
use crate::error::{BoxError, Closed, Panicked, catch, drop_quietly, log_quietly, refuse_zero};
use crate::task::{TaskGroup, TaskHandle};

/// Runs producers and consumers around one queue until everything is handled, and reports.
///
/// Each worker is a task with an id. The queue closes when the last producer has ended; the consumers then work off the
/// rest. Any producer may [`close`](Producer::close) it earlier: the others stop at their next send, without an error.
///
/// For long-lived workers, redelivery or a queue shared with other code use [`bounded`](super::bounded).
///
/// # Examples
/// ```
/// use regatta::BoxError;
/// use regatta::queue::{Producer, ProducerConsumer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let report = ProducerConsumer::new(4)
///     .producers(2, |id, tx: Producer<usize>| async move {
///         for number in 0..3 {
///             tx.send(10 * id + number).await?;
///         }
///         Ok::<_, BoxError>(())
///     })
///     .consumers(3, |_id, number| async move { if number == 12 { Err("twelve") } else { Ok(()) } })
///     .run()
///     .await;
/// assert_eq!(report.produced, [3, 3]);
/// assert_eq!((report.consumed.iter().sum::<u64>(), report.failed), (5, 1));
/// assert!(report.errors[0].to_string().ends_with(": twelve"));
/// # }
/// ```
#[must_use = "nothing runs before `run` is awaited"]
pub struct ProducerConsumer<T> {
    capacity: usize,
    producers: Option<(usize, Produce<T>)>,
    consumers: Option<(usize, Consume<T>)>,
}

/// Starts one producer.
type Produce<T> = Box<dyn Fn(usize, Producer<T>) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;
/// Starts one consumer, which runs until the queue has ended.
type Consume<T> = Box<dyn Fn(usize, Consumer<T>) -> BoxFuture<'static, Tally> + Send + Sync>;

/// What one consumer did.
#[derive(Default)]
struct Tally {
    consumed: u64,
    failed: u64,
    /// Of those that failed.
    abandoned: u64,
    troubles: Troubles,
}

impl<T: Send + 'static> ProducerConsumer<T> {
    /// Starts a description with a queue of `capacity`.
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        refuse_zero("ProducerConsumer", "capacity", capacity);
        Self { capacity, producers: None, consumers: None }
    }

    /// Sets how many producers there are and what each does with its id, from 0, and its end of the queue.
    ///
    /// An error ends that producer and is reported, unless it says that the queue was closed.
    ///
    /// # Errors
    /// An error that `produce` gives is in the [`Report`], with the worker's name; `run` itself does not fail.
    ///
    /// # Cancel safety
    /// Futures of `produce` are dropped at whatever await they are when the future of `run` is dropped.
    ///
    /// # Panics
    /// When `count` is zero.
    #[track_caller]
    pub fn producers<F, R, E>(mut self, count: usize, produce: F) -> Self
    where
        F: Fn(usize, Producer<T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        refuse_zero("ProducerConsumer::producers", "count", count);
        let start = move |id, producer| produce(id, producer).map(|ended| ended.map_err(Into::into)).boxed();
        self.producers = Some((count, Box::new(start)));
        self
    }

    /// Sets how many consumers there are and what each does with its id, from 0, and one item.
    ///
    /// The item is moved into the handler, so it cannot be put back: with an error it has failed. With a panic it has
    /// failed too, and its delivery counts as abandoned. Either way the consumer goes on with the next one.
    ///
    /// # Errors
    /// An error that `handle` gives is in the [`Report`], with the worker's name; `run` itself does not fail.
    ///
    /// # Cancel safety
    /// Futures of `handle` are dropped at whatever await they are when the future of `run` is dropped, and their item with
    /// them: it is counted as discarded, and its delivery as abandoned.
    ///
    /// # Panics
    /// When `count` is zero.
    #[track_caller]
    pub fn consumers<F, R, E>(mut self, count: usize, handle: F) -> Self
    where
        F: Fn(usize, T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        refuse_zero("ProducerConsumer::consumers", "count", count);
        let handle = Arc::new(handle);
        let start = move |id, consumer| {
            let handle = handle.clone();
            consume(id, consumer, move |item| handle(id, item)).boxed()
        };
        self.consumers = Some((count, Box::new(start)));
        self
    }

    /// Runs all workers until every producer has ended and everything they sent is handled.
    ///
    /// # Panics
    /// When [`producers`](Self::producers) or [`consumers`](Self::consumers) was not called, and outside a tokio
    /// runtime. A panic of a worker is in the report.
    ///
    /// # Cancel safety
    /// Dropping the future aborts all workers and drops what is queued.
    #[track_caller]
    pub fn run(self) -> impl Future<Output = Report> + Send {
        let Self { capacity, producers, consumers } = self;
        let Some(producers) = producers else { panic!("ProducerConsumer::run: call `producers` first") };
        let Some(consumers) = consumers else { panic!("ProducerConsumer::run: call `consumers` first") };
        run(capacity, producers, consumers)
    }
}

async fn run<T: Send + 'static>(
    capacity: usize,
    (producer_count, produce): (usize, Produce<T>),
    (consumer_count, consume): (usize, Consume<T>),
) -> Report {
    let begun = Instant::now();
    let (producer, consumer) = Builder::new(capacity).build();
    let ring = producer.ring.clone();
    // The group is dropped with this future: nobody's worker outlives it.
    let group = TaskGroup::unobserved(ring.name(), CancellationToken::new());

    // The group is open, so no spawn is refused.
    let mut consumers = Vec::new();
    for id in 0..consumer_count {
        consumers.extend(group.spawn(format!("consumer {id}"), consume(id, consumer.clone())).ok());
    }
    drop(consumer);
    let produce = Arc::new(produce);
    let mut producers = Vec::new();
    for id in 0..producer_count {
        let (produce, producer) = (produce.clone(), producer.tagged(id));
        let worker: Arc<str> = format!("producer {id}").into();
        let task = async move { attempt(&worker, || produce(id, producer)).await };
        producers.extend(group.spawn(format!("producer {id}"), task).ok());
    }
    drop(producer);

    let mut troubles = Troubles::default();
    let stopped_early = producers_ended(producers, ring.place(), &mut troubles).await;
    let (mut consumed, mut failed_by, mut abandoned_by) = (Vec::new(), Vec::new(), Vec::new());
    for (id, consumer) in consumers.into_iter().enumerate() {
        let tally = match consumer.await {
            Ok(tally) => tally,
            Err(error) => {
                troubles.task(&format!("consumer {id}").into(), error);
                Tally::default()
            }
        };
        consumed.push(tally.consumed);
        failed_by.push(tally.failed);
        abandoned_by.push(tally.abandoned);
        troubles.merge(tally.troubles);
    }
    let (produced, flow) = ring.lock.look(|state| (state.accepted_by(), state.stats().flow));
    let Troubles { error_count, errors, panic_count, panics } = troubles;
    let elapsed = begun.elapsed();
    Report {
        produced,
        consumed,
        failed: failed_by.iter().sum(),
        failed_by,
        abandoned: abandoned_by.iter().sum(),
        abandoned_by,
        stopped_early,
        error_count,
        errors,
        panic_count,
        panics,
        flow,
        elapsed,
    }
}

/// Waits for every producer; tells how many found the queue closed.
async fn producers_ended(
    producers: Vec<TaskHandle<Result<Result<(), BoxError>, Panicked>>>,
    place: &Arc<str>,
    troubles: &mut Troubles,
) -> usize {
    let mut stopped_early = 0;
    for (id, producer) in producers.into_iter().enumerate() {
        let worker: Arc<str> = format!("producer {id}").into();
        match producer.await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) if says_closed(&*error, place) => {
                stopped_early += 1;
                drop_quietly(error);
            }
            Ok(Ok(Err(error))) => troubles.error(&worker, error),
            Ok(Err(panicked)) => troubles.panic(panicked),
            Err(error) => troubles.task(&worker, error),
        }
    }
    stopped_early
}

/// One consumer, until the queue has ended.
async fn consume<T, R, E>(id: usize, consumer: Consumer<T>, handle: impl Fn(T) -> R) -> Tally
where
    R: Future<Output = Result<(), E>>,
    E: Into<BoxError> + 'static,
{
    let worker: Arc<str> = format!("consumer {id}").into();
    let mut tally = Tally::default();
    while let Some(delivery) = consumer.recv().await {
        // Until the handler has ended the item is in flight, as `join` and the statistics see it.
        let (item, receipt) = delivery.split();
        match attempt(&worker, || handle(item)).await {
            Ok(Ok(())) => {
                receipt.end(Ending::Done);
                tally.consumed += 1;
            }
            Ok(Err(error)) => {
                receipt.end(Ending::Failed);
                tally.failed += 1;
                match catch(&worker, || error.into()) {
                    Ok(error) => tally.troubles.error(&worker, error),
                    Err(panicked) => tally.troubles.panic(panicked),
                }
            }
            Err(panicked) => {
                receipt.abandon();
                tally.failed += 1;
                tally.abandoned += 1;
                log_quietly(|| {
                    tracing::error!(target: "regatta::queue", worker = %worker, message = %panicked.message, "a handler panicked");
                });
                tally.troubles.panic(panicked);
            }
        }
    }
    tally
}

/// How many sources of an error are looked at: a chain that the user has made may never end.
const SOURCES_MAX: usize = 64;

/// Tells whether an error comes down to this queue having been closed, however the producer has wrapped it.
fn says_closed(error: &(dyn Error + 'static), place: &Arc<str>) -> bool {
    let looked = catch(place, || {
        std::iter::successors(Some(error), |&error| error.source())
            .take(SOURCES_MAX)
            .filter_map(|error| error.downcast_ref::<Closed>())
            .any(|closed| closed.place == *place)
    });
    looked.unwrap_or(false)
}

impl<T> fmt::Debug for ProducerConsumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerConsumer")
            .field("capacity", &self.capacity)
            .field("producers", &self.producers.as_ref().map(|(count, _)| count))
            .field("consumers", &self.consumers.as_ref().map(|(count, _)| count))
            .finish()
    }
}
