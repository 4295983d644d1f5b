//! The await side of one job.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop;

use super::body::At;
use super::error::JobError;
use super::here::{Here, Post, Running};
use super::job::{Fate, Outcome, Work, cancelled};
use super::trace::Source;
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
/// Awaited inside a job of the same pool, a job that has not begun begins right there: so a pool of one worker does not
/// wait for itself. It is the awaited job that runs there, never somebody else's. (Of several that an async job awaits at
/// once, one runs at a time. Bound to another worker, a job is waited for; two workers that so wait for each other wait
/// for ever.)
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
    /// Where this handle runs the job by itself.
    loan: Option<Loan>,
    cancels_on_drop: bool,
}

/// The place that a job of the same pool has lent, which awaits this one.
struct Loan {
    post: Arc<Post>,
    lender: u64,
}

impl<R> JobHandle<R> {
    pub(super) fn new(job: Arc<dyn Outcome<R>>) -> Self {
        Self { job: Some(job), loan: None, cancels_on_drop: false }
    }

    /// The job's number within its pool, from 0, in the order of acceptance.
    ///
    /// # Panics
    /// When the handle has given its value.
    #[must_use]
    pub fn id(&self) -> u64 {
        match &self.job {
            Some(job) => job.id(),
            None => panic!("a job handle was asked after it had given its value"),
        }
    }

    /// Stops the job as far as that is possible, and tells whether it was, here and now. The handle then resolves to
    /// [`JobError::Cancelled`].
    ///
    /// - A job that has not begun is dropped. Its place in the queue is given back when the next free worker comes by.
    /// - An async job that waits at an await is dropped. One that is making a step is dropped when it comes to its next
    ///   await, or gives its value if there is none.
    /// - A closure that runs is not disturbed. It can look at [`is_cancelled`](super::CpuContext::is_cancelled); the
    ///   handle resolves to what it returns.
    #[expect(clippy::must_use_candidate, reason = "most callers cancel whatever the state")]
    pub fn cancel(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.stop(&cancelled(job.core()), true))
    }

    /// Tells whether the job has ended, in whatever way: awaiting the handle will not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.job.as_ref().is_none_or(|job| job.has_ended())
    }

    /// Lets the job run without anybody waiting for it. The pool still owns it: it is counted, its panic is logged, and
    /// it is discarded if the pool stops before it begins. (An async job that has begun where it was awaited is cancelled:
    /// nobody else would go on with it.)
    pub fn detach(mut self) {
        if self.loan.is_none()
            && let Some(job) = self.job.take()
        {
            job.forsake();
        }
    }

    /// Sets that dropping the handle [cancels](Self::cancel) the job also when it has begun.
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
    /// Runs the job right here, where this is a job of the same pool: it would wait for a worker that it keeps busy itself.
    fn help(&mut self, cx: &mut Context<'_>) {
        let Some(job) = &self.job else { return };
        let advanced = match &self.loan {
            Some(Loan { post, .. }) => {
                let post = post.clone();
                let _here = Here::enter(post.clone());
                let this: Arc<dyn Work> = job.clone();
                this.go_on(&At { job: &this, post: &post, source: Source::Awaited }, cx)
            }
            None => {
                let Some(post) = Here::in_pool(job.core()) else { return };
                let lender = Running::job();
                if !job.may_begin_at(post.slot.index) || !post.slot.lending.borrow(lender, job.id(), cx.waker()) {
                    return;
                }
                let this: Arc<dyn Work> = job.clone();
                self.loan = Some(Loan { post: post.clone(), lender });
                this.begin(&At { job: &this, post: &post, source: Source::Awaited }, cx)
            }
        };
        if let Poll::Ready(fate) = advanced {
            if let (Fate::Broken, Some(Loan { post, .. })) = (fate, &self.loan) {
                post.slot.forget_state();
            }
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let (Some(Loan { post, lender }), Some(job)) = (self.loan.take(), &self.job) {
            post.slot.lending.give_back(lender, job.id());
        }
    }
}

impl<R> Future for JobHandle<R> {
    type Output = Result<R, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let coop = ready!(coop::poll_proceed(cx));
        self.help(cx);
        let Some(job) = &self.job else { panic!("a job handle was polled after it had given its value") };
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
            // A job that this handle runs has nobody else to go on with it.
            let is_final = self.cancels_on_drop || self.loan.is_some();
            job.stop(&cancelled(job.core()), is_final);
        }
        self.give_back();
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
