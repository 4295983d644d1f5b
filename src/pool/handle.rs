//! The await side of one job.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop;

use super::error::JobError;
use super::job::Outcome;

/// Waits for one job of a [`CpuPool`](super::CpuPool) and gives its value.
///
/// Dropping the handle cancels the job if it has not begun, and lets it finish if it has; its value is then dropped by
/// the worker. [`detach`](Self::detach) lets it run in either case.
///
/// When the handle resolves, the closure is gone with all it captured, and the job is counted in
/// [`stats`](super::CpuPool::stats).
///
/// # Cancel safety
/// Awaiting `&mut handle` may be given up and taken up again. Dropping the handle itself cancels the job, as above.
///
/// # Errors
/// - [`JobError::Panicked`] when the closure, or a destructor of what it captured, panicked.
/// - [`JobError::Cancelled`] when the job was cancelled before it began.
/// - [`JobError::Closed`] when the pool was stopped, or its runtime went away, before the job began.
///
/// # Panics
/// When it is polled again after it has given its value.
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
}

impl<R> JobHandle<R> {
    pub(super) fn new(job: Arc<dyn Outcome<R>>) -> Self {
        Self { job: Some(job) }
    }

    /// Drops the closure, here and now, if it has not begun; tells whether that was so. The handle then resolves to
    /// [`JobError::Cancelled`].
    ///
    /// A closure that runs already is not disturbed. The place of a cancelled job in the queue is given back when the
    /// next free worker comes by.
    #[expect(clippy::must_use_candidate, reason = "most callers cancel whatever the state")]
    pub fn cancel(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.cancel())
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
}

impl<R> Future for JobHandle<R> {
    type Output = Result<R, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let coop = ready!(coop::poll_proceed(cx));
        let Some(job) = &self.job else { panic!("a job handle was polled after it had given its value") };
        let result = ready!(job.poll(cx));
        coop.made_progress();
        self.job = None;
        Poll::Ready(result)
    }
}

impl<R> Drop for JobHandle<R> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            job.forsake();
            job.cancel();
        }
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
