//! The pool of CPU jobs, as its users see it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::time::Instant;

use super::body::{call, call_with};
use super::builder::{OfClosures, PoolBuilder};
use super::chunk::{CpuChunks, CpuEach, succeeding};
use super::context::CpuContext;
use super::core::Core;
use super::crew::Crew;
use super::current;
use super::error::{JobError, SubmitError};
use super::face::face;
use super::handle::JobHandle;
use super::map::{MapError, ordered};
use super::owner::Owner;
use super::placement::{JobOptions, Placement};
use super::run_stats::RunStats;
use super::schedule::{self, Schedule};
use super::settled::Settled;
use super::stats::PoolStats;
use super::submit::{Accept, SubmitFuture};
use super::unordered::unordered;
use super::word::LIMIT_MAX;
use crate::error::refuse_zero;
use crate::task::ShutdownReport;

/// Runs CPU closures for async code, at most a given number at once.
///
/// See [the module](super) for what it does differently, and for what to use instead. Clones are the same pool; when
/// the last is dropped, the pool is [aborted](Self::abort). [`CpuPool::current`] is a pool that lives as long as the
/// runtime. `S` is the type of the workers' own [state](PoolBuilder::state), if they have one.
///
/// # Examples
/// ```
/// use regatta::pool::{CpuPool, JobError};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = CpuPool::new(2);
/// let sum = pool.submit(|| (1..=1_000_u64).sum::<u64>()).await?;
/// assert_eq!(sum.await?, 500_500);
///
/// let broken = pool.submit(|| -> u8 { panic!("out of cheese") }).await?;
/// assert!(matches!(broken.await, Err(JobError::Panicked(panic)) if &*panic.message == "out of cheese"));
/// # Ok(()) }
/// ```
///
/// # Fairness
/// Within a [priority](crate::policy::Priority), jobs of the common queue begin in the order in which they were accepted.
/// Submitters that wait are let in first come, first served, whatever the priority of their jobs, in groups: when the
/// queue is full, the next wait until a quarter of it (at most 256 places) has come free. While anybody waits who has not
/// been let in, newcomers queue up behind, and `try_submit` is refused. Those who have been let in come in as they are
/// polled; one that finds the queue full again, because newcomers came in after the last of the line was let in, goes on
/// waiting, at the front.
///
/// # Complexity
/// A job costs one allocation, and no lock is shared between jobs while nobody waits, nothing is cancelled and nothing is
/// bound to a worker.
#[doc(alias("bulkhead", "semaphore", "spawn_blocking", "threadpool", "rayon", "work stealing"))]
#[must_use = "dropping the last clone of the pool aborts it"]
pub struct CpuPool<S = ()> {
    owner: Arc<Owner>,
    state: PhantomData<fn() -> S>,
}

face!(CpuPool);

impl CpuPool {
    /// Starts a pool with settings of its own.
    pub fn builder() -> PoolBuilder<OfClosures> {
        PoolBuilder::of_closures()
    }

    /// The default pool of the runtime we are in: one closure for each core, and a queue of 1024.
    ///
    /// Each runtime has its own, made when it is first asked for, and aborted when the runtime shuts down. A pool shared
    /// between runtimes would run the jobs of one on the threads of another, and hang with it. It is shared by everybody
    /// on the runtime: whoever closes or aborts it does so for all who hold it. The next call makes a fresh one, so that
    /// this is not for good; the closed one finishes what it has accepted.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert_eq!(CpuPool::current().submit(|| 6 * 7).await?.await?, 42);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn current() -> Self {
        current::of_runtime(&crate::task::runtime("CpuPool::current"))
    }
}

impl<S> CpuPool<S> {
    pub(super) fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }
}

impl<S: Send + 'static> CpuPool<S> {
    /// Queues a closure, waiting for room if there is none and the [policy](PoolBuilder::overflow) is to wait; gives the
    /// handle of the job.
    ///
    /// # Cancel safety
    /// Dropped before its end, the future drops the closure, unrun and uncounted;
    /// [`into_inner`](SubmitFuture::into_inner) gives it back instead. A turn that came meanwhile passes to the next
    /// who waits. Once it has resolved, the job belongs to the handle, and dropping that cancels a queued job.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure: [closed](SubmitError::is_closed) when the pool is;
    /// [full](SubmitError::is_full) where the policy is to reject, or when it is called from inside a job of the same pool,
    /// which does not wait for room: it may be waiting for itself.
    ///
    /// # Fairness
    /// First come, first served; see [`CpuPool`]. A submit that was let in and is never polled again holds its turn, and
    /// may keep the rest of the line waiting: do not keep one aside, as in a `select!` loop, while others wait.
    pub fn submit<F, R>(&self, run: F) -> SubmitFuture<'_, F, R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        SubmitFuture::new(self.crew(), run, JobOptions::new(), plain())
    }

    /// Queues a closure if there is room.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure: [full](SubmitError::is_full) when the queue is, or others wait for room in it;
    /// [closed](SubmitError::is_closed) when the pool is.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(1);
    /// pool.close();
    /// let error = pool.try_submit(|| 7).unwrap_err();
    /// assert!(error.is_closed());
    /// assert_eq!(error.into_inner()(), 7); // the closure is still ours
    /// # Ok(()) }
    /// ```
    pub fn try_submit<F, R>(&self, run: F) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.submit(run).at_once()
    }

    /// Queues a closure, and waits at most `limit` for room.
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit): dropped while it waits it takes the closure along.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [elapsed](SubmitError::is_elapsed).
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`).
    pub async fn submit_timeout<F, R>(&self, run: F, limit: Duration) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.submit(run).within(limit).await
    }

    /// Queues a closure that is given its [context](CpuContext), with a [`Placement`], a
    /// [`Priority`](crate::policy::Priority), or both as [`JobOptions`].
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [no worker](SubmitError::is_no_worker) when the job is bound to one that there is not.
    ///
    /// # Examples
    /// ```
    /// use regatta::policy::Priority;
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// let endless = pool.submit_with(Priority::Low, |cx| {
    ///     let mut rounds = 0_u64;
    ///     while !cx.is_cancelled() {
    ///         rounds += 1; // one small piece of the work
    ///     }
    ///     rounds
    /// });
    /// let endless = endless.await?;
    /// endless.cancel(); // it has begun, or not
    /// assert!(endless.await.is_ok_and(|_rounds| true) || pool.stats().cancelled == 1);
    /// # Ok(()) }
    /// ```
    pub fn submit_with<F, R>(&self, options: impl Into<JobOptions>, run: F) -> SubmitFuture<'_, F, R>
    where
        F: FnOnce(CpuContext<S>) -> R + Send + 'static,
        R: Send + 'static,
    {
        SubmitFuture::new(self.crew(), run, options.into(), given::<F, R, S>())
    }

    /// Queues a closure that runs at this worker and no other: [`submit_with`](Self::submit_with) and
    /// [`Placement::Worker`].
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit_with`](Self::submit_with).
    pub fn submit_to<F, R>(&self, worker: usize, run: F) -> SubmitFuture<'_, F, R>
    where
        F: FnOnce(CpuContext<S>) -> R + Send + 'static,
        R: Send + 'static,
    {
        self.submit_with(Placement::Worker(worker), run)
    }

    /// Applies a function to every item, on all the pool's workers, and gives the results in the order of the input.
    ///
    /// Items are pulled as there is room and worked on in chunks: an eighth of a worker's share, at most 1024 items, and
    /// one by one if the iterator does not tell how many there are. At most two chunks for each worker are out at once.
    /// Each chunk is one job in [`stats`](Self::stats).
    ///
    /// For items that are very small or very many, reduce them where they are instead of collecting results. For a choice
    /// of how items are dealt out, and what that came to, use [`map_with`](Self::map_with).
    ///
    /// # Cancel safety
    /// Dropping the future stops the work: queued chunks are discarded, running ones end after the item they are at.
    /// Results are lost.
    ///
    /// # Errors
    /// The error of the first item, in the order of the input, that failed; the rest is stopped, as above. A panic says
    /// which item it was. [`JobError::Closed`] when the pool is, or becomes, closed; without items there are no jobs, and
    /// no results are no error, also then. A map waits for room whatever the
    /// [policy](PoolBuilder::overflow); [`JobError::Full`] when jobs of others have pushed a chunk out
    /// ([`DropOldest`](crate::policy::Overflow::DropOldest)).
    ///
    /// # Panics
    /// A panic of the iterator is the caller's, and stops the work. One of `f` is a value.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// assert_eq!(pool.map(1..=4_u64, |n| n * n).await?, [1, 4, 9, 16]);
    ///
    /// let failed = pool.map([2, 1, 0], |n: u32| 10_u32.checked_div(n).expect("not zero")).await;
    /// assert!(failed.unwrap_err().is_panicked());
    /// # Ok(()) }
    /// ```
    pub fn map<I, F, R>(&self, items: I, f: F) -> impl Future<Output = Result<Vec<R>, JobError>> + use<'_, S, I, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        let chunks = CpuChunks::new(succeeding(f));
        async move { ordered(self.crew(), items, chunks).await.map_err(MapError::into_job_error) }
    }

    /// Applies a function that can fail to every item, as [`map`](Self::map) does.
    ///
    /// # Cancel safety
    /// As [`map`](Self::map).
    ///
    /// # Errors
    /// [`MapError::Failed`] with the error, and the index, of the first item in the order of the input that failed, or
    /// [`MapError::Job`] if that one panicked or could not be worked on. The rest is stopped: items behind it that have not
    /// begun never do.
    ///
    /// # Panics
    /// A panic of the iterator is the caller's, and stops the work. One of `f` is a value.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{CpuPool, MapError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// assert_eq!(pool.try_map(["1", "2"], |text| text.parse::<u8>()).await?, [1, 2]);
    ///
    /// let failed = pool.try_map(["1", "two", "three"], |text| text.parse::<u8>()).await;
    /// assert!(matches!(failed, Err(MapError::Failed { index: 1, .. })));
    /// # Ok(()) }
    /// ```
    pub fn try_map<I, F, R, E>(
        &self,
        items: I,
        f: F,
    ) -> impl Future<Output = Result<Vec<R>, MapError<E>>> + use<'_, S, I, F, R, E>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> Result<R, E> + Send + Sync + 'static,
        R: Send + 'static,
        E: Send + 'static,
    {
        ordered(self.crew(), items, CpuChunks::new(f))
    }

    /// Applies a function to every item and gives each result when it is there, whatever the order of the input.
    ///
    /// Items are pulled and worked on as for [`map`](Self::map), while the stream is polled: whoever does not take results
    /// stops new items from being begun.
    ///
    /// # Cancel safety
    /// Safe to poll in `select!`: results are kept by the stream. Dropping the stream stops the work, as with `map`.
    ///
    /// # Errors
    /// Each item has its result: one that panics is [`JobError::Panicked`], and the others go on. (Its chunk counts as
    /// one job that failed.) Those of a chunk that was pushed out by others are [`JobError::Full`]. When the pool is closed, the stream gives
    /// what is out, and ends with [`JobError::Closed`].
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let pool = CpuPool::new(2);
    /// let mut squares: Vec<u64> = pool.map_unordered(1..=4, |n| n * n).map(|square| square.unwrap()).collect().await;
    /// squares.sort_unstable();
    /// assert_eq!(squares, [1, 4, 9, 16]);
    /// # }
    /// ```
    pub fn map_unordered<I, F, R>(&self, items: I, f: F) -> impl Stream<Item = Result<R, JobError>> + use<S, I, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        unordered(self.crew().clone(), items, CpuEach::new(f))
    }

    /// Applies a function to every item, with the items dealt out as `schedule` says, and tells what that came to.
    ///
    /// All items are taken at the beginning. [`map`](Self::map) is for those that come from an iterator as they are needed.
    ///
    /// # Cancel safety
    /// As [`map`](Self::map).
    ///
    /// # Errors
    /// As [`map`](Self::map).
    ///
    /// # Panics
    /// A panic of `f` is a value.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{CpuPool, Schedule};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// for schedule in [Schedule::Static, Schedule::Stealing, Schedule::Guided] {
    ///     let (squares, stats) = pool.map_with(schedule, vec![1, 2, 3, 4], |n: u64| n * n).await?;
    ///     assert_eq!(squares, [1, 4, 9, 16]);
    ///     println!("{schedule:?}: {stats}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn map_with<T, F, R>(
        &self,
        schedule: Schedule,
        items: Vec<T>,
        f: F,
    ) -> impl Future<Output = Result<(Vec<R>, RunStats), JobError>> + Send + use<'_, S, T, F, R>
    where
        T: Send + 'static,
        F: Fn(T) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        schedule::run(self.crew(), schedule, items, f)
    }

    /// Closes the pool, waits until every accepted job has ended, or nearly until `deadline` from now; then discards what
    /// is still queued, asks what runs to stop, and reports at the deadline.
    ///
    /// When it returns, nothing that a queued job captured is alive, but for those whose destructors take too long: these
    /// are still being dropped, and count as still running. A closure that runs cannot be stopped, but asked:
    /// a tenth of the time, at most a second, is left for those that look at
    /// [`is_cancelled`](CpuContext::is_cancelled). At the deadline a closure that still runs is named in
    /// [`still_running`](ShutdownReport::still_running).
    ///
    /// # Inside a job of the pool
    /// It waits for that job too, and so until the deadline, when it reports it as still running: let whoever owns the pool
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

    /// Closes the pool and discards every queued job, here and now; closures that run are asked to stop, see
    /// [`is_cancelled`](CpuContext::is_cancelled). The handles of what was discarded resolve to [`JobError::Closed`].
    pub fn abort(&self) {
        drop(self.core().abort("it was aborted"));
    }

    /// [Aborts](Self::abort) and waits until nothing that a queued job captured is alive, even if somebody else is just
    /// dropping it. Does not wait for closures that run.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again. The pool is aborted when the future is first polled.
    pub async fn aborted(&self) -> ShutdownReport {
        let begun = Instant::now();
        self.abort();
        Settled::empty(self.core()).await;
        self.core().report(begun.elapsed())
    }
}

fn plain<F, R>() -> Accept<F, R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    |crew, run, admitted| admitted.enqueue(crew, call(run))
}

fn given<F, R, S>() -> Accept<F, R>
where
    F: FnOnce(CpuContext<S>) -> R + Send + 'static,
    R: Send + 'static,
    S: Send + 'static,
{
    |crew, run, admitted| admitted.enqueue(crew, call_with::<_, _, S>(run))
}
