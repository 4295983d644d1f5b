//! Running it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;
use futures::Stream;
use futures::future::{BoxFuture, FutureExt};

use super::builder::{MapReduce, Options, Reduced};
use super::engine::{Counted, Engine, Shared, job_error};
use super::error::MapReduceError;
use super::form::Form;
use super::memory::Memory;
use super::progress::Reporter;
use super::skipped::Book;
use super::source::IntoRecords;
use super::stream;
use super::whole::Whole;
use crate::error::Kept;
use crate::pool::Workers;

/// What a `run` is about to give; await it.
type Run<'a, R, E> = BoxFuture<'a, Result<R, MapReduceError<E>>>;

impl<R, K, V, E, F, U> MapReduce<Reduced<R, K, V, E, F, U>>
where
    R: ?Sized + 'static,
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Form<V>,
    U: Send + 'static,
{
    /// Gives the results of all records of a `Vec`, a shared slice or a [`Text`](super::Text), which are read where they are.
    ///
    /// # Cancel safety
    /// Dropping the future stops the work within a record; of a text, a piece.
    ///
    /// # Errors
    /// [`MapReduceError::Failed`] when the mapper fails and the [policy](Self::on_record_error) is to fail;
    /// [`MapReduceError::MemoryLimit`] where there is a [limit](Self::memory_limit); [`MapReduceError::Job`] when user code
    /// panics, when the pool is, or becomes, closed, or when jobs of others push the work out of its queue.
    ///
    /// # Panics
    /// Outside a tokio runtime, unless [a pool](Self::on) was given.
    #[track_caller]
    pub fn run<I>(self, records: I) -> Run<'static, HashMap<K, U>, E>
    where
        I: IntoRecords<R>,
    {
        let counted = self.run_counted(records);
        async { counted.await.map(|(results, _skipped)| results) }.boxed()
    }

    /// Does what [`run`](Self::run) does, and gives the records that were skipped, too.
    ///
    /// # Cancel safety
    /// As that of `run`.
    ///
    /// # Errors
    /// As those of `run`.
    ///
    /// # Panics
    /// As `run` does.
    ///
    /// # Examples
    /// ```
    /// use regatta::parallel::{MapReduce, OnRecordError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sums = MapReduce::new()
    ///     .try_map(|digits: &String| digits.parse::<u32>().map(|number| [(number % 2, number)]))
    ///     .combine(|total: &mut u32, n| *total += n)
    ///     .on_record_error(OnRecordError::Collect(1));
    /// let (sums, skipped) = sums.run_counted(["1", "two", "3", "four"].map(String::from)).await?;
    /// assert_eq!(sums[&1], 4);
    /// assert_eq!((skipped.count, skipped.first[0].0), (2, 1)); // two in all, the first is record 1
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn run_counted<I>(self, records: I) -> Run<'static, Counted<K, U, E>, E>
    where
        I: IntoRecords<R>,
    {
        let (workers, engine) = self.engine();
        let source = records.into_source();
        async move {
            // The tables belong to the work, and are dropped where that ends.
            let panicked = engine.panicked.clone();
            let work = Whole::new(source, engine);
            workers.work_on("map_reduce", work).await.unwrap_or_else(|error| Err(job_error(&panicked, error)))
        }
        .boxed()
    }

    /// Gives the results of all records of a stream, which may be larger than memory: chunks of what is ready, of up to 1,024
    /// records or a mebibyte, are worked on as they come, two of them for each worker at the most.
    ///
    /// # Cancel safety
    /// Dropping the future stops the work within a record; records that were taken from the stream are gone.
    ///
    /// # Errors
    /// As those of [`run`](Self::run). The place of a record that fails is that in the stream.
    ///
    /// # Panics
    /// As `run` does. A panic of the stream itself goes on in the caller, and stops the work.
    ///
    /// # Examples
    /// ```
    /// use regatta::parallel::MapReduce;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = futures::stream::iter([("tea", 2), ("coffee", 1), ("tea", 3)]);
    /// let sold = MapReduce::new().map(|order: &(&'static str, u32)| [*order]).combine(|sold: &mut u32, n| *sold += n);
    /// assert_eq!(sold.run_stream(orders).await?["tea"], 5);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn run_stream<'a, S>(self, records: S) -> Run<'a, HashMap<K, U>, E>
    where
        S: Stream<Item = R> + Send + 'a,
        R: Send + Sized,
    {
        let counted = self.run_stream_counted(records);
        async { counted.await.map(|(results, _skipped)| results) }.boxed()
    }

    /// Does what [`run_stream`](Self::run_stream) does, and gives the records that were skipped, too.
    ///
    /// # Cancel safety
    /// As that of `run_stream`.
    ///
    /// # Errors
    /// As those of `run_stream`.
    ///
    /// # Panics
    /// As `run_stream` does.
    #[track_caller]
    pub fn run_stream_counted<'a, S>(self, records: S) -> Run<'a, Counted<K, U, E>, E>
    where
        S: Stream<Item = R> + Send + 'a,
        R: Send + Sized,
    {
        let (workers, engine) = self.engine();
        stream::run(records, workers, engine).boxed()
    }

    #[track_caller]
    fn engine(self) -> (Workers, Shared<R, K, V, E, F, U>) {
        let Self { step: Reduced { mapper, form, reducer, .. }, options } = self;
        let Options { workers, partitions, memory_limit, on_error, progress } = options;
        let workers = workers.unwrap_or_else(|| Workers::current("MapReduce"));
        let memory = memory_limit.map(|limit| Memory::new(limit, workers.limit()));
        let place = workers.place("map_reduce");
        let engine = Engine {
            mapper: Kept::new(mapper),
            form,
            reducer: Kept::new(reducer),
            partitions,
            seed: RandomState::default(),
            memory,
            on_error,
            skipped: Book::new(),
            progress: Reporter(progress),
            records: AtomicU64::new(0),
            shelf: Mutex::new(Vec::new()),
            panicked: Arc::default(),
            place,
        };
        (workers, Arc::new(engine))
    }
}
