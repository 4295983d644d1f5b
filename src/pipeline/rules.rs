//! What a stage with workers does about failures: how long it waits, how often it tries, and what it does in the end.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::on_error::{Failure, OnError, Verdict};
use super::stage::Stage;
use super::window::Outcome;
use crate::error::refuse_zero;
use crate::policy::{Backoff, Delays, RetryBudget};

/// Set while the pipeline is built, by the attributes behind a stage; taken when it starts.
pub(super) struct Rulebook<I>(Arc<Mutex<Rules<I>>>);

#[doc(hidden)]
pub struct Rules<I> {
    pub(super) on_error: OnError<I>,
    pub(super) retry: Option<Retry<I>>,
    pub(super) budget: RetryBudget,
    /// For each attempt.
    pub(super) timeout: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Retry<I> {
    backoff: Backoff,
    clone: fn(&I) -> I,
}

/// A timeout that can be kept.
#[track_caller]
pub(super) fn above_zero(limit: Duration) -> Option<Duration> {
    refuse_zero("pipeline", "the timeout", usize::from(!limit.is_zero()));
    Some(limit)
}

impl<I> Rulebook<I> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Rules::default())))
    }

    pub(super) fn amend(&self, amend: impl FnOnce(&mut Rules<I>)) {
        amend(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn take(&self) -> Rules<I> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<I> Clone for Rulebook<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I> fmt::Debug for Rulebook<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rulebook").finish_non_exhaustive()
    }
}

impl<I> fmt::Debug for Rules<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("on_error", &self.on_error)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<I> Default for Rules<I> {
    fn default() -> Self {
        // One retry for five items, and ten in reserve.
        Self { on_error: OnError::Stop, retry: None, budget: RetryBudget::ratio(0.2), timeout: None }
    }
}

impl<I> Rules<I> {
    pub(super) fn retry(&mut self, backoff: Backoff)
    where
        I: Clone,
    {
        self.retry = Some(Retry { backoff, clone: I::clone });
    }

    /// What has to be kept of an item before it is worked on. Clones it: user code.
    #[inline]
    pub(super) fn keep(&self, item: &I) -> Option<I> {
        match &self.retry {
            Some(retry) => Some((retry.clone)(item)),
            None => self.on_error.keep(item),
        }
    }

    /// How long to wait before the item is tried again, if it is. A panic is not: it is a mistake in the program, and would
    /// be made again.
    pub(super) fn delay(&self, stage: &Stage, failure: &Failure, delays: &mut Option<Delays>) -> Option<Duration> {
        let (Some(retry), Failure::Error(_)) = (&self.retry, failure) else { return None };
        let delay = delays.get_or_insert_with(|| retry.backoff.delays()).next()?;
        stage.may_retry(&self.budget).then_some(delay)
    }

    /// The policy's last word on an item.
    ///
    /// # Cancel safety
    /// A letter that waits for room is dropped.
    pub(super) async fn settle<O>(
        &self,
        stage: &Stage,
        failure: Failure,
        kept: Option<I>,
        attempts: u32,
    ) -> Outcome<O> {
        let error = match self.on_error.judge(stage, failure, kept, attempts) {
            Verdict::Stop(error) => Some(error),
            Verdict::Skip => None,
            Verdict::Wait(sending) => sending.await.map(|error| stage.noted(error)),
        };
        error.map_or(Outcome::Skipped, |error| Outcome::Failed(Box::new(error)))
    }
}
