//! What is to be done, step by step.

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::sync::watch;

use super::emit::Emit;
use super::engine::{Mapper, Reducer};
use super::form::{Combining, Form, Listing, Values};
use super::progress::Progress;
use super::set::PARTITIONS_MAX;
use super::skipped::OnRecordError;
use crate::error::refuse_zero;
use crate::pool::{CpuPool, Workers};

/// How many partitions there are unless it is said.
const PARTITIONS: usize = 64;

/// Makes pairs of records, and one result of all values of a key, on all workers of a pool.
///
/// The classical form: a mapper that returns the pairs of a record, a reducer that is given a key with all its values. The
/// fast form: a mapper that [emits](Self::map_emit) them, and a [combiner](Self::combine) that adds a value to those of its
/// key at once, so that a key takes the room of one value on each worker.
///
/// # How it works
/// Records are mapped piece by piece; each worker puts pairs into tables of its own, a table for each part of the hashes.
/// Then the tables of a part are joined by whoever comes next, and its keys reduced there and then: in the second half, too,
/// nobody waits for anybody. Keys are hashed once, by a seed that differs from run to run. Where nearly all pairs have
/// different keys, workers do not combine but append, and the second half does it all.
///
/// # Which one?
/// [`reduce`](fn@crate::parallel::reduce) makes one value of all; [`CpuPool::map`] one of each; a `HashMap` in one job is as
/// fast for some thousand records. For keys that come and go while a program runs, use
/// [`Pipeline`](crate::pipeline::Pipeline) and its keyed stages.
///
/// # Types to write
/// The compiler has to be told what a record is, and what is combined or emitted: `|record: &Order|`,
/// `|total: &mut u64, n|`, `emit: &mut Emit<'_, String, u64>`, and the error of `try_map` where it uses `?`. Errors have to be
/// `Send`.
///
/// # Cancel safety
/// Dropping the future of `run` stops the work: at the next record, or the next key where keys are reduced.
///
/// # Errors
/// [`MapReduceError`](super::MapReduceError), as each `run` says. A panic of any closure, of a key's `Hash` or `Eq`, or of a
/// destructor is one, too; a panic of the mapper names the record.
///
/// # Complexity
/// A hash and a look-up for each pair; once more for each key and worker. Memory: a table entry (the pair and eight bytes)
/// for each key and worker, without a combiner also all values; at the end all results, twice while they are gathered.
///
/// # Examples
/// ```
/// use regatta::parallel::{Emit, MapReduce, Text};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A record makes pairs; a key with all its values makes a result.
/// let readings = vec!["Oslo 3", "Rome 20", "Oslo 5"];
/// let average = MapReduce::new()
///     .try_map(|line: &&str| {
///         let (city, degrees) = line.split_once(' ').ok_or("no city")?;
///         degrees.parse::<f64>().map(|degrees| [(city.to_owned(), degrees)]).map_err(|_| "no number")
///     })
///     .reduce(|_city, degrees: Vec<f64>| degrees.iter().sum::<f64>() / degrees.len() as f64);
/// assert_eq!(average.run(readings).await?["Oslo"], 4.0);
///
/// // Words of a text, counted as they come.
/// let counts = MapReduce::new()
///     .map_emit(|text: &str, emit: &mut Emit<'_, String, u64>| {
///         text.split_ascii_whitespace().for_each(|word| emit.by_ref(word, 1));
///     })
///     .combine(|total: &mut u64, n| *total += n);
/// assert_eq!(counts.run(Text::from("to be or not to be")).await?["be"], 2);
///
/// // One record fails, and the error says which one.
/// let failed = MapReduce::new()
///     .try_map(|digits: &String| digits.parse::<u32>().map(|number| [(number % 2, number)]))
///     .combine(|total: &mut u32, n| *total += n)
///     .run(["1", "2", "three"].map(String::from));
/// assert_eq!(failed.await.unwrap_err().to_string(), "record 2 failed: invalid digit found in string");
/// # Ok(()) }
/// ```
///
/// # Sources
/// - “MapReduce: Simplified Data Processing on Large Clusters”, <https://research.google/pubs/pub62/>.
/// - Combining first, then by partition, as in “Phoenix++”, <http://justintalbot.com/publication/phoenix/>; that appending
///   is better where keys do not repeat: <https://github.com/apache/datafusion/pull/11627>.
/// - The hash: <https://github.com/orlp/foldhash>.
#[doc(alias("group_by", "aggregate", "word_count", "histogram"))]
#[must_use = "nothing is done before `run`"]
pub struct MapReduce<Step = Unmapped> {
    pub(super) step: Step,
    pub(super) options: Options,
}

/// A [`MapReduce`] that has no mapper yet.
#[derive(Debug)]
pub struct Unmapped(());

/// A [`MapReduce`] that knows how pairs are made of a record `R`.
pub struct Mapped<R: ?Sized, K, V, E>(Mapper<R, K, V, E>);

/// A [`MapReduce`] that can be run.
pub struct Reduced<R: ?Sized, K, V, E, F: Form<V>, U> {
    pub(super) mapper: Mapper<R, K, V, E>,
    pub(super) form: F,
    pub(super) reducer: Reducer<K, F::Total, U>,
    values: PhantomData<fn() -> V>,
}

pub(super) struct Options {
    pub(super) workers: Option<Workers>,
    pub(super) partitions: usize,
    pub(super) memory_limit: Option<usize>,
    pub(super) on_error: OnRecordError,
    pub(super) progress: Option<watch::Sender<Progress>>,
}

impl MapReduce {
    /// Begins to say what is to be done: next is the mapper.
    pub fn new() -> Self {
        let options = Options {
            workers: None,
            partitions: PARTITIONS,
            memory_limit: None,
            on_error: OnRecordError::Fail,
            progress: None,
        };
        Self { step: Unmapped(()), options }
    }

    /// Makes pairs of a record.
    ///
    /// What it returns must not borrow from the record: let [`map_emit`](Self::map_emit) do what would.
    pub fn map<R, I, K, V>(
        self,
        map: impl Fn(&R) -> I + Send + Sync + 'static,
    ) -> MapReduce<Mapped<R, K, V, Infallible>>
    where
        R: ?Sized,
        I: IntoIterator<Item = (K, V)>,
        K: Eq + Hash + 'static,
        V: Send + 'static,
    {
        self.try_map(move |record: &R| Ok(map(record)))
    }

    /// Makes pairs of a record, or fails: then nothing is emitted of it, and
    /// [`on_record_error`](Self::on_record_error) says what follows.
    pub fn try_map<R, I, K, V, E>(
        self,
        map: impl Fn(&R) -> Result<I, E> + Send + Sync + 'static,
    ) -> MapReduce<Mapped<R, K, V, E>>
    where
        R: ?Sized,
        I: IntoIterator<Item = (K, V)>,
        K: Eq + Hash + 'static,
        V: Send + 'static,
    {
        self.try_map_emit(move |record: &R, emit: &mut Emit<'_, K, V>| {
            map(record)?.into_iter().for_each(|(key, value)| emit.one(key, value));
            Ok(())
        })
    }

    /// Gives the pairs of a record to `emit`, one by one: nothing is allocated for a key that has come before.
    pub fn map_emit<R, K, V>(
        self,
        map: impl Fn(&R, &mut Emit<'_, K, V>) + Send + Sync + 'static,
    ) -> MapReduce<Mapped<R, K, V, Infallible>>
    where
        R: ?Sized,
    {
        self.try_map_emit(move |record: &R, emit: &mut Emit<'_, K, V>| {
            map(record, emit);
            Ok(())
        })
    }

    /// Gives the pairs of a record to `emit`, or fails: [`on_record_error`](Self::on_record_error) says what follows. What it
    /// has emitted before it fails stays.
    pub fn try_map_emit<R, K, V, E>(
        self,
        map: impl Fn(&R, &mut Emit<'_, K, V>) -> Result<(), E> + Send + Sync + 'static,
    ) -> MapReduce<Mapped<R, K, V, E>>
    where
        R: ?Sized,
    {
        MapReduce { step: Mapped(Arc::new(map)), options: self.options }
    }
}

impl<R: ?Sized, K, V: Send + 'static, E> MapReduce<Mapped<R, K, V, E>> {
    /// Makes a result of a key and all its values. They come in no particular order.
    ///
    /// Every value is kept until then: where they can be joined as they come, [`combine`](Self::combine) takes less time and
    /// much less memory.
    pub fn reduce<U>(
        self,
        reduce: impl Fn(&K, Vec<V>) -> U + Send + Sync + 'static,
    ) -> MapReduce<Reduced<R, K, V, E, Listing, U>> {
        let reducer = Arc::new(move |key: &K, values: Values<V>| reduce(key, values.0.into_inner()));
        self.reduced(Listing(()), reducer)
    }

    /// Adds a value to what has come of the others of its key. It has to be associative and commutative: values come, and
    /// are joined, in any order.
    ///
    /// The results are then what all values of a key have come to, unless [`reduce`](MapReduce::reduce) makes something else
    /// of it.
    pub fn combine(
        self,
        combine: impl Fn(&mut V, V) + Send + Sync + 'static,
    ) -> MapReduce<Reduced<R, K, V, E, Combining<V>, V>> {
        self.reduced(Combining(Arc::new(combine)), Arc::new(|_: &K, total| total))
    }

    fn reduced<F: Form<V>, U>(self, form: F, reducer: Reducer<K, F::Total, U>) -> MapReduce<Reduced<R, K, V, E, F, U>> {
        let step = Reduced { mapper: self.step.0, form, reducer, values: PhantomData };
        MapReduce { step, options: self.options }
    }
}

impl<R: ?Sized, K, V: Send + 'static, E> MapReduce<Reduced<R, K, V, E, Combining<V>, V>> {
    /// Makes a result of a key and what its values have come to.
    pub fn reduce<U>(
        self,
        reduce: impl Fn(&K, V) -> U + Send + Sync + 'static,
    ) -> MapReduce<Reduced<R, K, V, E, Combining<V>, U>> {
        let Reduced { mapper, form, .. } = self.step;
        MapReduce {
            step: Reduced { mapper, form, reducer: Arc::new(reduce), values: PhantomData },
            options: self.options,
        }
    }
}

impl<Step> MapReduce<Step> {
    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<S>(mut self, pool: &CpuPool<S>) -> Self {
        self.options.workers = Some(pool.into());
        self
    }

    /// Sets into how many parts the keys are divided by their hashes: 64 unless it is set. Each part is reduced by one
    /// worker, so there should be many for each of them.
    ///
    /// It is rounded up to a power of two, and is 4,096 at the most.
    ///
    /// # Panics
    /// At zero.
    #[track_caller]
    pub fn partitions(mut self, partitions: usize) -> Self {
        refuse_zero("MapReduce", "partitions", partitions);
        self.options.partitions = partitions.min(PARTITIONS_MAX).next_power_of_two();
        self
    }

    /// Ends with [`MapReduceError::MemoryLimit`](super::MapReduceError::MemoryLimit) rather than hold more bytes than this.
    ///
    /// Counted are the tables of all workers, lists of values, records of a stream that are in hand, and the map of results;
    /// of keys, values, records and results that are a `String` or a `Vec<u8>` also what they hold on the heap. What other
    /// types hold there is not seen. Not counted is an input that is there as a whole, and errors that are
    /// [collected](OnRecordError::Collect). A run may fit while it maps, and be refused when the map of results is about to be
    /// made. A list of values, or a value that `combine` lets grow, is counted once it has grown. It is looked at before a table grows, and otherwise each 32nd part of the limit
    /// at the latest.
    ///
    /// # Panics
    /// At zero.
    #[track_caller]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        refuse_zero("MapReduce", "memory_limit", bytes);
        self.options.memory_limit = Some(bytes);
        self
    }

    /// Sets what an error of the mapper of one record does to all: it ends the work unless this is set.
    pub fn on_record_error(mut self, policy: OnRecordError) -> Self {
        self.options.on_error = policy;
        self
    }

    /// Tells how far it has come, for each piece of the input and some thousand keys.
    pub fn progress(mut self, sender: watch::Sender<Progress>) -> Self {
        self.options.progress = Some(sender);
        self
    }
}

impl Default for MapReduce {
    fn default() -> Self {
        Self::new()
    }
}

impl<Step> fmt::Debug for MapReduce<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { partitions, memory_limit, on_error, .. } = &self.options;
        f.debug_struct("MapReduce")
            .field("partitions", partitions)
            .field("memory_limit", memory_limit)
            .field("on_record_error", on_error)
            .finish_non_exhaustive()
    }
}

impl<R: ?Sized, K, V, E> fmt::Debug for Mapped<R, K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").finish_non_exhaustive()
    }
}

impl<R: ?Sized, K, V, E, F: Form<V>, U> fmt::Debug for Reduced<R, K, V, E, F, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduced").finish_non_exhaustive()
    }
}
