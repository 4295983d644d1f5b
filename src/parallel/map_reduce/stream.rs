//! Of a stream: what is ready becomes a chunk, and each chunk is a job; when the last one has ended, the second half is done
//! as it is of other inputs.
//!
//! Invariants:
//! 1. At most two jobs for each worker are out, and one chunk is being filled.
//! 2. The stream is polled only while there is room in that chunk; what it gives is in a chunk at once, and a chunk that was
//!    not taken in is kept. So no record is lost, and what is read is bounded.

use std::future::poll_fn;
use std::hash::Hash;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{Fuse, FuturesUnordered};
use futures::{Stream, StreamExt};

use super::engine::{Counted, Ended, Shared, job_error};
use super::error::MapReduceError;
use super::form::Form;
use super::memory::{Memory, heap_of};
use super::progress::Progress;
use super::reducing::Reducing;
use crate::pool::{CpuContext, JobError, JobHandle, Member, Quiet, Work, Workers};

/// How many records a chunk has, at the most.
const RECORDS: usize = 1024;

/// How many bytes, at the most, but for the last record.
const BYTES: u64 = 1 << 20;

/// The records of one job.
struct Chunk<T> {
    /// The number of the first one.
    first: u64,
    records: Quiet<T>,
    bytes: u64,
    /// Where the bytes are counted, once it has become a job.
    counted: Option<Arc<Memory>>,
}

/// What a job has to say: nothing where all went well.
type Ends<E> = Result<(), Ended<E>>;

/// What is read, and the jobs that are out.
struct Feed<'s, S: Stream, E> {
    stream: Pin<&'s mut Fuse<S>>,
    chunk: Chunk<S::Item>,
    /// No more than this in one chunk.
    bytes: u64,
    has_ended: bool,
    jobs: FuturesUnordered<JobHandle<Ends<E>>>,
}

pub(super) async fn run<S, K, V, E, F, U>(
    stream: S,
    workers: Workers,
    engine: Shared<S::Item, K, V, E, F, U>,
) -> Result<Counted<K, U, E>, MapReduceError<E>>
where
    S: Stream,
    S::Item: Send + 'static,
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Form<V>,
    U: Send + 'static,
{
    let mapping = Mapping { workers: &workers, engine: &engine };
    if let Err(error) = mapping.map(stream).await {
        // Tables are large: they are dropped by a worker, not here.
        let sets = engine.take_sets();
        if let Ok(dropping) = workers.hand_over(move |_| drop(sets), true).await {
            dropping.detach();
        }
        return Err(error);
    }
    let reducing = Reducing::new(engine.take_sets(), engine.partitions);
    let panicked = engine.panicked.clone();
    let reduced = workers.work_on("map_reduce", Reduce { reducing, engine }).await;
    reduced.unwrap_or_else(|error| Err(job_error(&panicked, error)))
}

/// Who maps, and how.
struct Mapping<'a, R, K, V, E, F: Form<V>, U> {
    workers: &'a Workers,
    engine: &'a Shared<R, K, V, E, F, U>,
}

impl<R, K, V, E, F, U> Mapping<'_, R, K, V, E, F, U>
where
    R: Send + 'static,
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Form<V>,
    U: Send + 'static,
{
    /// Has all that the stream gives worked on: the first half.
    async fn map(&self, stream: impl Stream<Item = R>) -> Result<(), MapReduceError<E>> {
        self.engine.progress.tell(|progress| *progress = Progress::default());
        let stream = pin!(stream.fuse());
        let bytes = self.engine.memory.as_ref().map_or(BYTES, |memory| memory.chunk_bytes().min(BYTES));
        let jobs = FuturesUnordered::new();
        let mut feed = Feed { stream, chunk: Chunk::new(0), bytes, has_ended: false, jobs };
        loop {
            let limit = 2 * self.workers.limit();
            let progress = poll_fn(|cx| feed.poll(limit, cx)).await;
            match progress {
                Step::Ended(ended) => self.engine.step(ended)?,
                Step::Chunk => {
                    self.hand_over(&mut feed).await?;
                    // A stream that is always ready would keep the thread.
                    tokio::task::yield_now().await;
                }
                Step::Over => break,
            }
        }
        Ok(())
    }

    /// Has the chunk become a job; waits for one that is out where there is no room for it.
    async fn hand_over<S: Stream<Item = R>>(&self, feed: &mut Feed<'_, S, E>) -> Result<(), MapReduceError<E>> {
        let next = feed.chunk.first + feed.chunk.records.0.len() as u64;
        let mut chunk = mem::replace(&mut feed.chunk, Chunk::new(next));
        chunk.counted = self.engine.memory.clone();
        self.engine.step(Ok(self.engine.charge(chunk.bytes)))?;
        let shared = self.engine.clone();
        let mut job = move |cx: CpuContext| {
            let mapped = shared.map(chunk.first, chunk.records.0.iter(), || cx.is_cancelled());
            drop(chunk);
            mapped
        };
        loop {
            match self.workers.hand_over(job, feed.jobs.is_empty()).await {
                Ok(handle) => {
                    feed.jobs.push(handle.cancel_on_drop());
                    return Ok(());
                }
                // One of ours that ends makes room.
                Err(refused) if refused.is_full() && !feed.jobs.is_empty() => {
                    if let Some(ended) = feed.jobs.next().await {
                        self.engine.step(ended)?;
                    }
                    job = refused.into_inner();
                }
                Err(refused) => return Err(MapReduceError::Job(refused.into_job_error())),
            }
        }
    }
}

enum Step<E> {
    Ended(Result<Ends<E>, JobError>),
    Chunk,
    Over,
}

impl<S: Stream, E> Feed<'_, S, E>
where
    S::Item: 'static,
{
    /// Looks at what has ended, then at what there is to read.
    fn poll(&mut self, limit: usize, cx: &mut Context<'_>) -> Poll<Step<E>> {
        if let Poll::Ready(Some(ended)) = self.jobs.poll_next_unpin(cx) {
            return Poll::Ready(Step::Ended(ended));
        }
        while !self.has_ended && !self.chunk.is_full(self.bytes) {
            match self.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(record)) => self.chunk.push(record),
                Poll::Ready(None) => self.has_ended = true,
                Poll::Pending => break,
            }
        }
        if !self.chunk.records.0.is_empty() {
            if self.jobs.len() < limit {
                return Poll::Ready(Step::Chunk);
            }
        } else if self.has_ended && self.jobs.is_empty() {
            return Poll::Ready(Step::Over);
        }
        Poll::Pending
    }
}

impl<T> Chunk<T> {
    fn new(first: u64) -> Self {
        Self { first, records: Quiet(Vec::new()), bytes: 0, counted: None }
    }

    fn is_full(&self, bytes: u64) -> bool {
        self.records.0.len() >= RECORDS || self.bytes >= bytes
    }
}

impl<T: 'static> Chunk<T> {
    fn push(&mut self, record: T) {
        let before = self.records.0.capacity();
        let heap = heap_of(&record);
        self.records.0.push(record);
        self.bytes += (heap + (self.records.0.capacity() - before) * size_of::<T>()) as u64;
    }
}

impl<T> Drop for Chunk<T> {
    fn drop(&mut self) {
        if let Some(memory) = &self.counted {
            memory.release(self.bytes);
        }
    }
}

/// The second half.
struct Reduce<R, K, V, E, F: Form<V>, U> {
    reducing: Reducing<K, V, F::Total, U>,
    engine: Shared<R, K, V, E, F, U>,
}

impl<R, K, V, E, F, U> Work for Reduce<R, K, V, E, F, U>
where
    R: 'static,
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + 'static,
    E: Send + 'static,
    F: Form<V>,
    U: Send + 'static,
{
    type Output = Result<Counted<K, U, E>, MapReduceError<E>>;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<Self::Output> {
        self.engine.outcome(self.reducing.take_part(&self.engine, member))
    }
}
