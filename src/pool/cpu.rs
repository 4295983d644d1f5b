//! The pool of CPU jobs, as its users see it.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::builder::CpuPoolBuilder;
use super::core::Core;
use super::current;
use super::error::{JobError, SubmitError};
use super::handle::JobHandle;
use super::map;
use super::settled::Settled;
use super::stats::PoolStats;
use super::submit::{SubmitFuture, refused};
use super::word::Admission;
use super::worker::Crew;
use crate::observe::{Observe, Registration, Registry};
use crate::task::{ShutdownReport, TaskGroup, within};

/// Runs CPU closures for async code, at most a given number at once.
///
/// See [the module](super) for what it does differently, and for what to use instead. Clones are the same pool; when
/// the last is dropped, the pool is [aborted](Self::abort). [`CpuPool::current`] is a pool that lives as long as the
/// runtime.
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
/// Jobs begin in the order in which they were accepted. Submitters that wait are let in first come, first served, in
/// groups: when the queue is full, the next wait until a quarter of it (at most 256 places) has come free. While anybody
/// waits who has not been let in, newcomers queue up behind, and `try_submit` is refused. Those who have been let in come
/// in as they are polled; one that finds the queue full again, because newcomers came in after the last of the line was
/// let in, goes on waiting, at the front.
///
/// # Complexity
/// A job costs one allocation, and no lock is shared between jobs while nobody waits and nothing is cancelled.
#[doc(alias("bulkhead", "semaphore", "spawn_blocking", "threadpool", "rayon"))]
#[must_use = "dropping the last clone of the pool aborts it"]
#[derive(Clone)]
pub struct CpuPool {
    owner: Arc<Owner>,
}

/// What all clones share. Jobs and workers hold the state only, so they keep no pool from being dropped.
struct Owner {
    crew: Arc<Crew>,
    /// Tasks that do nothing but be dropped with the runtime.
    sentries: TaskGroup,
    _registration: Registration,
}

/// Aborts the pool when the runtime drops its tasks: nobody could wait for the jobs, and the runtime would wait for
/// the whole queue to be worked off.
struct EndWithRuntime(Weak<Core>);

impl CpuPool {
    /// Creates a pool that runs at most `limit` closures at once and queues up to 1024; it borrows the blocking threads
    /// of the runtime it is created in.
    ///
    /// # Panics
    /// When `limit` is zero, and outside a tokio runtime.
    #[track_caller]
    pub fn new(limit: usize) -> Self {
        Self::builder().limit(limit).build()
    }

    /// Starts a pool with settings of its own.
    pub fn builder() -> CpuPoolBuilder {
        CpuPoolBuilder::new()
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

    pub(super) fn assemble(name: Option<Arc<str>>, limit: usize, capacity: u32, runtime: Handle) -> Self {
        let registry = Registry::current();
        let id = registry.reserve();
        let name = name.unwrap_or_else(|| format!("pool#{id}").into());
        let core = Arc::new(Core::new(name.clone(), limit, capacity));
        let subject: Weak<Core> = Arc::downgrade(&core);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(id, "pool", &name, None, subject);
        let sentries = TaskGroup::unobserved(name, CancellationToken::new());
        let pool = Self {
            owner: Arc::new(Owner { crew: Arc::new(Crew::new(core, runtime)), sentries, _registration: registration }),
        };
        pool.until_runtime_ends("runtime", EndWithRuntime(Arc::downgrade(pool.core())));
        pool
    }

    /// Keeps `value` until the runtime, or the pool, is dropped.
    pub(super) fn until_runtime_ends<T: Send + 'static>(&self, name: &str, value: T) {
        let sentry = async move {
            let _value = value;
            std::future::pending::<()>().await;
        };
        // The group is never closed before it is dropped, so nothing is refused. The group owns the task.
        let _ = self.owner.sentries.spawn(name, sentry);
    }

    /// Keeps the pool until its last job has ended; it must be closed.
    pub(super) fn until_idle(self) {
        let pool = self.clone();
        let linger = async move { Settled::idle(pool.core()).await };
        // As above. The task belongs to the pool that it keeps, and lets go of it at the end, or with the runtime.
        let _ = self.owner.sentries.spawn("linger", linger);
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core().names().name
    }

    /// Queues a closure, waiting for room if there is none; gives the handle of the job.
    ///
    /// # Cancel safety
    /// Dropped before its end, the future drops the closure, unrun and uncounted;
    /// [`into_inner`](SubmitFuture::into_inner) gives it back instead. A turn that came meanwhile passes to the next
    /// who waits. Once it has resolved, the job belongs to the handle, and dropping that cancels a queued job.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure, when the pool is closed.
    ///
    /// # Fairness
    /// First come, first served; see [`CpuPool`]. A submit that was let in and is never polled again holds its turn, and
    /// may keep the rest of the line waiting: do not keep one aside, as in a `select!` loop, while others wait.
    pub fn submit<F, R>(&self, run: F) -> SubmitFuture<'_, F>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        SubmitFuture::new(self, run)
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
        match self.core().try_enter() {
            Admission::Admitted { calls_worker } => Ok(self.crew().enqueue(run, calls_worker)),
            admission => Err(refused(self.core(), admission, run)),
        }
    }

    /// Applies a function to every item, on all the pool's workers, and gives the results in the order of the input.
    ///
    /// Items are pulled as there is room and worked on in chunks: an eighth of a worker's share, at most 1024 items, and
    /// one by one if the iterator does not tell how many there are. At most two chunks for each worker are out at once.
    /// Each chunk is one job in [`stats`](Self::stats).
    ///
    /// For items that are very small or very many, reduce them where they are instead of collecting results.
    ///
    /// # Cancel safety
    /// Dropping the future stops the work: queued chunks are discarded, running ones end after the item they are at.
    /// Results are lost.
    ///
    /// # Errors
    /// The error of the first item, in the order of the input, that failed; the rest is stopped, as above.
    /// [`JobError::Closed`] when the pool is, or becomes, closed.
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
    pub fn map<I, F, R>(&self, items: I, f: F) -> impl Future<Output = Result<Vec<R>, JobError>> + use<'_, I, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        map::map(self, items, f)
    }

    /// Accepts no more jobs; what was accepted is finished. At once, any number of times.
    pub fn close(&self) {
        self.core().close();
    }

    /// Tells whether the pool accepts no more jobs.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core().levels().is_closed()
    }

    /// Closes the pool, waits until every accepted job has ended, or until `deadline` from now; then discards what is
    /// still queued, and reports.
    ///
    /// When it returns, nothing that a queued job captured is alive. A closure that runs cannot be stopped: at the
    /// deadline it is named in [`still_running`](ShutdownReport::still_running).
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the pool closed, but discards nothing; it may be called again.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let begun = Instant::now();
        self.close();
        let core = self.core();
        if !within(deadline, Settled::idle(core)).await {
            core.abort();
            Settled::empty(core).await;
        }
        let report = core.report(begun.elapsed());
        tracing::debug!(target: "regatta::pool", %report, "shut down");
        report
    }

    /// Closes the pool and discards every queued job, here and now; closures that run are not disturbed. Their handles
    /// resolve to [`JobError::Closed`].
    pub fn abort(&self) {
        self.core().abort();
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

    /// Reads what became of the jobs, and the levels of the moment.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::of(self.core())
    }

    pub(super) fn crew(&self) -> &Arc<Crew> {
        &self.owner.crew
    }

    fn core(&self) -> &Arc<Core> {
        self.crew().core()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.crew.core().abort();
    }
}

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        if let Some(core) = self.0.upgrade() {
            core.abort();
        }
    }
}

impl fmt::Debug for CpuPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuPool").field("name", &self.name()).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
