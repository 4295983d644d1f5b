//! The pool of async jobs, as its users see it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::time::Instant;

use super::body::{drive, drive_with};
use super::builder::{OfFutures, PoolBuilder};
use super::context::TaskContext;
use super::core::Core;
use super::crew::Crew;
use super::error::{JobError, SubmitError};
use super::face::face;
use super::handle::JobHandle;
use super::map::{MapError, ordered};
use super::owner::Owner;
use super::placement::{JobOptions, Placement};
use super::settled::Settled;
use super::stats::PoolStats;
use super::submit::{Accept, SubmitFuture};
use super::task_chunk::{TaskEach, TaskItems};
use super::unordered::unordered;
use super::word::LIMIT_MAX;
use crate::error::refuse_zero;
use crate::task::ShutdownReport;

/// Runs async jobs, at most a given number at once, and queues the others.
///
/// A semaphore and a `JoinSet` with what they lack: the queue is bounded, jobs have priorities and may be placed,
/// cancelled and counted, a panic is a value, the limit can change, and shutting down finishes what was accepted.
/// See [the module](super) for what to use instead. Clones are the same pool; when the last is dropped, the pool is
/// [aborted](Self::abort). `S` is the type of the workers' own [state](PoolBuilder::state), if they have one.
///
/// A worker is a task that polls one job at a time to its end; it is spawned when there is work and ends when there is
/// none. So jobs of one worker share a task: one that never yields keeps a thread of the runtime, but neither the other
/// workers nor the cancelling of other jobs, which needs no thread but the canceller's.
///
/// # Examples
/// ```
/// use regatta::pool::{JobError, TaskPool};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = TaskPool::new(2);
/// let sum = pool.submit(async { 1 + 1 }).await?;
/// assert_eq!(sum.await?, 2);
///
/// let broken = pool.submit(async { panic!("out of cheese") }).await?;
/// assert!(matches!(broken.await, Err(JobError::Panicked(panic)) if &*panic.message == "out of cheese"));
///
/// let endless = pool.submit(std::future::pending::<()>()).await?;
/// endless.cancel();
/// assert!(endless.await.unwrap_err().is_cancelled());
/// # Ok(()) }
/// ```
///
/// # Fairness
/// As [`CpuPool`](super::CpuPool#fairness).
///
/// # Complexity
/// A job costs two allocations, and no lock is shared between jobs while nobody waits, nothing is cancelled and nothing is
/// bound to a worker.
#[doc(alias("bulkhead", "semaphore", "JoinSet", "buffer_unordered", "errgroup"))]
#[must_use = "dropping the last clone of the pool aborts it"]
pub struct TaskPool<S = ()> {
    owner: Arc<Owner>,
    state: PhantomData<fn() -> S>,
}

face!(TaskPool);

impl TaskPool {
    /// Starts a pool with settings of its own.
    pub fn builder() -> PoolBuilder<OfFutures> {
        PoolBuilder::of_futures()
    }
}

impl<S: Send + 'static> TaskPool<S> {
    /// Queues a future, waiting for room if there is none and the [policy](PoolBuilder::overflow) is to wait; gives the
    /// handle of the job.
    ///
    /// # Cancel safety
    /// Dropped before its end, this drops the job's future, unpolled and uncounted;
    /// [`into_inner`](SubmitFuture::into_inner) gives it back instead. A turn that came meanwhile passes to the next
    /// who waits. Once it has resolved, the job belongs to the handle, and dropping that cancels a queued job. The pool may
    /// drop the job's future at any of its awaits: when it is cancelled, or the pool is stopped.
    ///
    /// # Errors
    /// [`SubmitError`] with the future: [closed](SubmitError::is_closed) when the pool is;
    /// [full](SubmitError::is_full) where the policy is to reject, or when it is called from inside a job of the same pool,
    /// which does not wait for room: it may be waiting for itself.
    ///
    /// # Fairness
    /// First come, first served; see [`TaskPool`]. A submit that was let in and is never polled again holds its turn, and
    /// may keep the rest of the line waiting: do not keep one aside, as in a `select!` loop, while others wait.
    pub fn submit<F>(&self, future: F) -> SubmitFuture<'_, F, F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        SubmitFuture::new(self.crew(), future, JobOptions::new(), plain())
    }

    /// Queues a future if there is room.
    ///
    /// # Errors
    /// [`SubmitError`] with the future: [full](SubmitError::is_full) when the queue is, or others wait for room in it;
    /// [closed](SubmitError::is_closed) when the pool is.
    ///
    /// # Cancel safety
    /// As for [`submit`](Self::submit): the pool may drop the job's future at any of its awaits.
    pub fn try_submit<F>(&self, future: F) -> Result<JobHandle<F::Output>, SubmitError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.submit(future).at_once()
    }

    /// Queues a future, and waits at most `limit` for room.
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit): dropped while it waits it takes the future along.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [elapsed](SubmitError::is_elapsed).
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`).
    pub async fn submit_timeout<F>(&self, future: F, limit: Duration) -> Result<JobHandle<F::Output>, SubmitError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.submit(future).within(limit).await
    }

    /// Queues a future that is made by a closure when a worker takes the job, with a [`Placement`], a
    /// [`Priority`](crate::policy::Priority), or both as [`JobOptions`]. The closure is given the job's
    /// [context](TaskContext).
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [no worker](SubmitError::is_no_worker) when the job is bound to one that there is not.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{Placement, TaskPool};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = TaskPool::new(4);
    /// // All jobs of one user at one worker: they never overlap, and keep their order.
    /// let user = 17;
    /// let job = pool.submit_with(Placement::Worker(user % 4), |cx| async move { cx.worker() }).await?;
    /// assert_eq!(job.await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn submit_with<M, F>(&self, options: impl Into<JobOptions>, make: M) -> SubmitFuture<'_, M, F::Output>
    where
        M: FnOnce(TaskContext<S>) -> F + Send + 'static,
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        SubmitFuture::new(self.crew(), make, options.into(), given::<M, F, S>())
    }

    /// Queues a future that runs at this worker and no other: [`submit_with`](Self::submit_with) and
    /// [`Placement::Worker`].
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit_with`](Self::submit_with).
    pub fn submit_to<M, F>(&self, worker: usize, make: M) -> SubmitFuture<'_, M, F::Output>
    where
        M: FnOnce(TaskContext<S>) -> F + Send + 'static,
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.submit_with(Placement::Worker(worker), make)
    }

    /// Applies an async function to every item, and gives the results in the order of the input.
    ///
    /// Items are pulled as there is room, at most two for each worker ahead of the first that is not finished. Each item
    /// is one job.
    ///
    /// # Cancel safety
    /// Dropping the future stops the work: queued items are discarded, running ones dropped at their next await. Results
    /// are lost. The futures of `f` may be dropped at any await, too, when the pool is stopped.
    ///
    /// # Errors
    /// The error of the first item, in the order of the input, that failed; the rest is stopped, as above. A panic says
    /// which item it was. [`JobError::Closed`] when the pool is, or becomes, closed; without items there are no jobs, and
    /// no results are no error, also then. A map waits for room whatever the
    /// [policy](PoolBuilder::overflow); [`JobError::Full`] when jobs of others have pushed an item out
    /// ([`DropOldest`](crate::policy::Overflow::DropOldest)).
    ///
    /// # Panics
    /// A panic of the iterator is the caller's, and stops the work. One of `f` is a value.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::TaskPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = TaskPool::new(8);
    /// assert_eq!(pool.map(1..=4_u64, |n| async move { n * n }).await?, [1, 4, 9, 16]);
    /// # Ok(()) }
    /// ```
    pub fn map<I, F, R>(
        &self,
        items: I,
        f: F,
    ) -> impl Future<Output = Result<Vec<R::Output>, JobError>> + use<'_, S, I, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: Send + 'static,
    {
        let items_of = TaskItems::succeeding(f);
        async move { ordered(self.crew(), items, items_of).await.map_err(MapError::into_job_error) }
    }

    /// Applies an async function that can fail to every item, as [`map`](Self::map) does.
    ///
    /// # Cancel safety
    /// As [`map`](Self::map).
    ///
    /// # Errors
    /// [`MapError::Failed`] with the error, and the index, of the first item in the order of the input that failed, or
    /// [`MapError::Job`] if that one panicked or could not be worked on. Items behind it are cancelled.
    ///
    /// # Panics
    /// A panic of the iterator is the caller's, and stops the work. One of `f` is a value.
    pub fn try_map<I, F, R, O, E>(
        &self,
        items: I,
        f: F,
    ) -> impl Future<Output = Result<Vec<O>, MapError<E>>> + use<'_, S, I, F, R, O, E>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
        O: Send + 'static,
        E: Send + 'static,
    {
        ordered(self.crew(), items, TaskItems::new(f))
    }

    /// Applies an async function to every item and gives each result when it is there, whatever the order of the input.
    ///
    /// Items are pulled while the stream is polled, at most two for each worker at a time: whoever does not take results
    /// stops new items from being begun, while those that have begun go on by themselves.
    ///
    /// # Cancel safety
    /// Safe to poll in `select!`: results are kept by the stream. Dropping the stream stops the work, as with
    /// [`map`](Self::map).
    ///
    /// # Errors
    /// Each item has its result: one that panics is [`JobError::Panicked`], and the others go on; one that was pushed out by
    /// others is [`JobError::Full`]. When the pool is closed, the stream gives what is out, and ends with
    /// [`JobError::Closed`].
    #[doc(alias("buffer_unordered", "for_each_concurrent"))]
    pub fn map_unordered<I, F, R>(
        &self,
        items: I,
        f: F,
    ) -> impl Stream<Item = Result<R::Output, JobError>> + use<S, I, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: Send + 'static,
    {
        unordered(self.crew().clone(), items, TaskEach::new(f))
    }

    /// Closes the pool, waits until every accepted job has ended, or nearly until `deadline` from now; then drops what
    /// is queued or waits at an await, and reports, at the deadline at the latest.
    ///
    /// When it returns, nothing that a job captured is alive, but for a job whose poll has not returned for a tenth of the
    /// time, at most a second, and those whose destructors take too long: they are named in
    /// [`still_running`](ShutdownReport::still_running).
    ///
    /// # Inside a job of the pool
    /// It waits for that job too, and at the end of its time drops it, with itself and the report: let whoever owns the pool
    /// shut it down, or a task of its own; a job can [`close`](Self::close) it.
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the pool closed; it may be called again.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.owner.shutdown(deadline).await
    }

    /// Closes the pool and drops every job that is queued, or waits at an await, here and now; one that is making a step
    /// is dropped at its next await. Their handles resolve to [`JobError::Closed`].
    pub fn abort(&self) {
        drop(self.core().abort("it was aborted"));
    }

    /// [Aborts](Self::abort) and waits until nothing that a job captured is alive, even if somebody else is just dropping
    /// it, and the pool's tasks have ended: the runtime that the pool was made in has to be driven meanwhile.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again. The pool is aborted when the future is first polled.
    pub async fn aborted(&self) -> ShutdownReport {
        let begun = Instant::now();
        self.abort();
        Settled::idle(self.core()).await;
        self.core().report(begun.elapsed())
    }
}

fn plain<F>() -> Accept<F, F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    |crew, future, admitted| admitted.enqueue(crew, drive(future))
}

fn given<M, F, S>() -> Accept<M, F::Output>
where
    M: FnOnce(TaskContext<S>) -> F + Send + 'static,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Send + 'static,
{
    |crew, make, admitted| admitted.enqueue(crew, drive_with::<_, _, S>(make))
}
