//! The await side of one job.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::task::coop;

use super::body::At;
use super::error::JobError;
use super::here::{Help, Here};
use super::job::cancelled;
use super::trace::Source;
use super::work::{Outcome, Reach, Work};
use crate::task::block_on;

/// Waits for one job of a [`CpuPool`](super::CpuPool) or a [`TaskPool`](super::TaskPool) and gives its value.
///
/// Dropping the handle cancels the job if it has not begun, and lets it finish if it has, but tells it that nobody waits:
/// [`is_cancelled`](super::CpuContext::is_cancelled). [`detach`](Self::detach) leaves it alone in either case,
/// [`cancel_on_drop`](Self::cancel_on_drop) stops it where that is possible.
///
/// When the handle resolves, the job's code is gone with all it captured, and the job is counted in
/// [`stats`](super::CpuPool::stats).
///
/// # Inside a job of the same pool
/// A job that awaits another may keep the only worker busy that could run it. So there the awaited job, if it has not begun,
/// is run by the worker of the one that awaits it; never somebody else's, which might want a lock that the waiting one holds.
///
/// - A [`CpuPool`](super::CpuPool) runs it to its end as soon as the handle is polled: a timeout around it comes too late.
/// - A [`TaskPool`](super::TaskPool) drives it beside the job that awaits it, which keeps the worker until both have ended. Of
///   several that a job awaits at once, that worker drives one at a time, and others take the rest as they come free.
///
/// A job that is bound to another worker is waited for; two workers that so wait for each other wait for ever.
///
/// That is for handles that the job itself awaits. Don't give one to a task and await that: the task is no job of the pool,
/// nobody knows for whom it waits, and the worker that could run the job waits for the task. In a pool of one that is for
/// ever. A time limit and [`cancel_on_drop`](Self::cancel_on_drop) together free the worker; without the second, a job that
/// has begun goes on when its handle is dropped:
///
/// ```
/// use regatta::pool::TaskPool;
/// use std::time::Duration;
/// use tokio::time::timeout;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = TaskPool::new(1);
/// let same_pool = pool.clone();
/// let nested = pool.submit(async move {
///     let inner = same_pool.try_submit(async { 7 }).expect("there is room");
///     tokio::spawn(inner).await // don't: `inner.await` would do
/// });
/// let nested = nested.await?.cancel_on_drop();
/// assert!(timeout(Duration::from_millis(20), nested).await.is_err());
///
/// assert_eq!(pool.submit(async { 8 }).await?.await?, 8); // the worker is free again
/// # Ok(()) }
/// ```
///
/// # Cancel safety
/// Awaiting `&mut handle` may be given up and taken up again. Dropping the handle itself cancels the job, as above.
///
/// # Errors
/// - [`JobError::Panicked`] when the job's code, or a destructor of what it captured, panicked.
/// - [`JobError::Cancelled`] when the job was cancelled.
/// - [`JobError::Full`] when it was dropped by the pool's [overflow policy](crate::policy::Overflow).
/// - [`JobError::Closed`] when the pool was stopped, or its runtime went away, before the job could end.
///
/// # Panics
/// When it is polled again after it has given its value, as in a `select!` loop: `fuse` it there.
///
/// # Examples
/// ```
/// use regatta::pool::CpuPool;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = CpuPool::new(1);
/// let (open, gate) = std::sync::mpsc::channel::<()>();
/// let running = pool.submit(move || gate.recv().is_ok()).await?;
/// let queued = pool.submit(|| 7).await?;
///
/// assert!(queued.cancel()); // its closure is dropped here
/// assert!(queued.await.unwrap_err().is_cancelled());
/// open.send(())?;
/// assert!(running.await?);
/// # Ok(()) }
/// ```
#[must_use = "dropping the handle cancels the job if it has not begun; call `detach` to let it run"]
pub struct JobHandle<R> {
    /// Absent once the value was given.
    job: Option<Arc<dyn Outcome<R>>>,
    /// The job that has had its worker invited to drive this one, last.
    host: Option<u64>,
    cancels_on_drop: bool,
}

impl<R> JobHandle<R> {
    pub(super) fn new(job: Arc<dyn Outcome<R>>) -> Self {
        Self { job: Some(job), host: None, cancels_on_drop: false }
    }

    /// The job's number within its pool, from 0. Jobs that are submitted at the same time may begin in another order.
    ///
    /// # Panics
    /// When the handle has given its value.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> u64 {
        match &self.job {
            Some(job) => job.id(),
            None => panic!("`id` was asked of a job handle that has given its value: ask before it is awaited"),
        }
    }

    /// Stops the job as far as that is possible, and tells whether it was, here and now. The handle then resolves to
    /// [`JobError::Cancelled`].
    ///
    /// - A job that has not begun is dropped, and its place in the queue is free.
    /// - An async job that waits at an await is dropped. One that is making a step is dropped when it comes to its next
    ///   await, or gives its value if there is none.
    /// - A closure that runs is not disturbed. It can look at [`is_cancelled`](super::CpuContext::is_cancelled); the
    ///   handle resolves to what it returns.
    #[expect(clippy::must_use_candidate, reason = "most callers cancel whatever the state")]
    pub fn cancel(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.stop(&cancelled(job.core()), Reach::Final))
    }

    /// Tells whether the job has ended, in whatever way: awaiting the handle will not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.job.as_ref().is_none_or(|job| job.has_ended())
    }

    /// Lets the job run without anybody waiting for it. The pool still owns it: it is counted, its panic is logged, and
    /// it is discarded if the pool stops before it begins.
    pub fn detach(mut self) {
        if let Some(job) = self.job.take() {
            job.forsake();
        }
    }

    /// Sets that dropping the handle [cancels](Self::cancel) the job also when it has begun: with a time limit around the
    /// handle, an async job ends with its time.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancels_on_drop = true;
        self
    }

    /// Waits for the job from code that is not async.
    ///
    /// From a closure of the same [`CpuPool`](super::CpuPool) it runs the job right here if it has not begun.
    ///
    /// # Errors
    /// As for awaiting the handle.
    ///
    /// # Panics
    /// On a thread that drives async tasks, with tokio's message: await the handle there.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(1);
    /// let same_pool = pool.clone();
    /// let nested = pool.submit(move || {
    ///     let inner = same_pool.try_submit(|| 7).expect("there is room");
    ///     inner.wait_blocking() // the one worker is this one
    /// });
    /// assert_eq!(nested.await?.await?, Ok(7));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn wait_blocking(self) -> Result<R, JobError> {
        block_on(self)
    }
}

impl<R> JobHandle<R> {
    /// Gets the job a worker, where this is a job of the same pool: it would wait for one that it keeps busy itself.
    fn help(&mut self) {
        let Some(job) = &self.job else { return };
        match Here::help(job.core()) {
            Some(Help::Run(post)) if job.may_begin_at(post.slot.index) => {
                let job: Arc<dyn Work> = job.clone();
                let at = At { job: &job, post: &post, source: Source::Awaited };
                // A closure comes to its end in one step.
                let _ = job.begin(&at, &mut Context::from_waker(Waker::noop()));
            }
            Some(Help::Invite { host, slot }) if self.host != Some(host) && job.may_begin_at(slot) => {
                self.host = Some(host);
                Here::invite(host, job.clone());
            }
            _ => {}
        }
    }
}

impl<R> Future for JobHandle<R> {
    type Output = Result<R, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // First: it must not depend on what else this task has done in its turn.
        self.help();
        let coop = ready!(coop::poll_proceed(cx));
        let Some(job) = &self.job else {
            panic!("a job handle was polled after it had given its value: await it once, or `fuse` it")
        };
        let result = ready!(job.poll_outcome(cx));
        coop.made_progress();
        self.job = None;
        Poll::Ready(result)
    }
}

impl<R> Drop for JobHandle<R> {
    fn drop(&mut self) {
        if let Some(job) = &self.job {
            job.forsake();
            job.stop(&cancelled(job.core()), if self.cancels_on_drop { Reach::Final } else { Reach::Ask });
        }
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
