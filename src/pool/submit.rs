//! Waiting for a place in the queue.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::coop;

use super::core::Core;
use super::cpu::CpuPool;
use super::error::SubmitError;
use super::handle::JobHandle;
use super::word::Admission;
use crate::error::{Closed, Full};
use crate::task::Ticket;

/// The future of [`CpuPool::submit`].
#[must_use = "futures do nothing unless awaited"]
pub struct SubmitFuture<'a, F> {
    pool: &'a CpuPool,
    /// Absent once submitted or handed back.
    run: Option<F>,
    ticket: Option<Ticket>,
}

// The closure is moved, never pinned.
impl<F> Unpin for SubmitFuture<'_, F> {}

impl<'a, F> SubmitFuture<'a, F> {
    pub(super) fn new(pool: &'a CpuPool, run: F) -> Self {
        Self { pool, run: Some(run), ticket: None }
    }

    /// Gives up waiting and hands the closure back; `None` once the future has finished.
    #[must_use]
    pub fn into_inner(mut self) -> Option<F> {
        self.run.take()
    }
}

impl<F, R> Future for SubmitFuture<'_, F>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = Result<JobHandle<R>, SubmitError<F>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.run.is_some(), "a submit future was polled after its end");
        let coop = ready!(coop::poll_proceed(cx));
        let crew = this.pool.crew();
        let admission = ready!(crew.core().poll_enter(&mut this.ticket, cx));
        coop.made_progress();
        let Some(run) = this.run.take() else { unreachable!("looked at above") };
        Poll::Ready(match admission {
            Admission::Admitted { calls_worker } => Ok(crew.enqueue(run, calls_worker)),
            Admission::Full | Admission::Closed => Err(refused(crew.core(), admission, run)),
        })
    }
}

/// What a submitter is told that was not admitted.
pub(super) fn refused<F>(core: &Core, admission: Admission, run: F) -> SubmitError<F> {
    let place = core.names().pool.clone();
    match admission {
        Admission::Full => SubmitError::full(run, Full::new(place, core.capacity())),
        _ => SubmitError::closed(run, Closed::new(place)),
    }
}

impl<F> Drop for SubmitFuture<'_, F> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.pool.crew().core().give_up_waiting(ticket);
        }
    }
}

impl<F> fmt::Debug for SubmitFuture<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitFuture").field("is_waiting", &self.ticket.is_some()).finish_non_exhaustive()
    }
}
