//! The state machine, bare, for the models in `tests/loom`: the test brings the threads.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::must_use_candidate)]

use std::future::{Future, poll_fn};
use std::sync::Arc;

use super::core::Core;
use super::error::{JobError, SubmitError};
use super::handle::JobHandle;
use super::job::Job;
use super::settled::Settled;
use super::stats::PoolStats;
use super::submit::refused;
use super::word::Admission;
use crate::error::Cancelled;
use crate::task::Ticket;

#[derive(Clone)]
pub struct Model(Arc<Core>);

/// A job that was taken in; `calls_worker` says that the submitter owes a call of [`Model::work`].
pub struct Submitted<R> {
    pub handle: JobHandle<R>,
    pub calls_worker: bool,
}

struct Turn<'a>(&'a Core, Option<Ticket>);

impl Model {
    pub fn new(limit: usize, capacity: u32) -> Self {
        Self(Arc::new(Core::new("model".into(), limit, capacity)))
    }

    ///
    /// # Errors
    /// As `CpuPool::try_submit`.
    pub fn try_submit<F, R>(&self, run: F) -> Result<Submitted<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.answer(self.0.try_enter(), run)
    }

    ///
    /// # Errors
    /// As `CpuPool::submit`.
    ///
    /// # Cancel safety
    /// As `CpuPool::submit`.
    pub async fn submit<F, R>(&self, run: F) -> Result<Submitted<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let mut turn = Turn(&self.0, None);
        let admission = poll_fn(|cx| turn.0.poll_enter(&mut turn.1, cx)).await;
        self.answer(admission, run)
    }

    fn answer<F, R>(&self, admission: Admission, run: F) -> Result<Submitted<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        match admission {
            Admission::Admitted { calls_worker } => {
                let job = Arc::new(Job::new(self.0.clone(), run));
                self.0.push(job.clone());
                Ok(Submitted { handle: JobHandle::new(job), calls_worker })
            }
            refusal => Err(refused(&self.0, refusal, run)),
        }
    }

    pub fn work(&self) {
        self.0.work(0);
    }

    pub fn forgo_worker(&self) {
        self.0.forgo_worker(&JobError::Cancelled(Cancelled::new("model")));
    }

    pub fn close(&self) {
        self.0.close();
    }

    pub fn abort(&self) {
        self.0.abort();
    }

    ///
    /// # Cancel safety
    /// As `CpuPool::shutdown`.
    pub fn idle(&self) -> impl Future<Output = ()> + '_ {
        Settled::idle(&self.0)
    }

    ///
    /// # Cancel safety
    /// As `CpuPool::shutdown`.
    pub fn empty(&self) -> impl Future<Output = ()> + '_ {
        Settled::empty(&self.0)
    }

    pub fn stats(&self) -> PoolStats {
        PoolStats::of(&self.0)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.1.take() {
            self.0.give_up_waiting(ticket);
        }
    }
}
