//! A function over many items, in order: jobs are handed out as there is room, and results gathered as they come first.
//!
//! A map waits for room whatever the pool does with others: it takes no more items than it can hand over.
//!
//! Invariant: at most two jobs for each worker are out; their handles are kept, and awaited, in the order of the input.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::body::Body;
use super::chunk::{Deal, Done, Quiet, Stop, StopAll};
use super::crew::Crew;
use super::error::{JobError, SubmitError};
use super::handle::JobHandle;
use super::placement::JobOptions;
use super::submit::{Manner, SubmitFuture};

/// Why a [`try_map`](super::CpuPool::try_map) gave no results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapError<E> {
    /// The function returned an error.
    Failed {
        /// The item's place in the input, from 0. Items before it did not fail.
        index: usize,
        /// What the function returned.
        error: E,
    },
    /// An item could not be worked on, or the function panicked.
    Job(JobError),
}

impl<E> MapError<E> {
    /// The function's own error, if it returned one.
    #[must_use]
    pub fn into_failed(self) -> Option<E> {
        match self {
            Self::Failed { error, .. } => Some(error),
            Self::Job(_) => None,
        }
    }
}

impl MapError<Infallible> {
    pub(super) fn into_job_error(self) -> JobError {
        match self {
            Self::Failed { error, .. } => match error {},
            Self::Job(error) => error,
        }
    }
}

impl<E: fmt::Display> fmt::Display for MapError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { index, error } => write!(f, "item {index} failed: {error}"),
            Self::Job(error) => error.fmt(f),
        }
    }
}

// The word, or the user's error, is the whole message already, so it is not repeated as a source.
impl<E: fmt::Debug + fmt::Display> Error for MapError<E> {}

/// The jobs of a map that are out, with the position of their first items.
struct Window<R, E> {
    out: VecDeque<(u64, JobHandle<Done<R, E>>)>,
    results: Quiet<R>,
}

pub(super) async fn ordered<I, D, R, E>(crew: &Arc<dyn Crew>, items: I, deal: D) -> Result<Vec<R>, MapError<E>>
where
    I: IntoIterator,
    D: Deal<I::Item>,
    D::Job: Body<Output = Done<R, E>>,
{
    let mut items = items.into_iter().fuse();
    let limit = || crew.core().levels().limit();
    let size = deal.size(items.size_hint().0, limit());
    let stop = StopAll(Stop::new());
    let mut window = Window { out: VecDeque::new(), results: Quiet(Vec::new()) };
    let mut position = 1;
    loop {
        let mut chunk = Quiet(Vec::new());
        chunk.0.extend(items.by_ref().take(size));
        if chunk.0.is_empty() {
            break;
        }
        if window.out.len() >= 2 * limit() {
            window.gather().await?;
        }
        let first = position;
        position += chunk.0.len() as u64;
        let mut job = deal.job(first, chunk, stop.0.clone());
        loop {
            match hand_over(crew, job, window.out.is_empty()).await {
                Ok(handle) => {
                    window.out.push_back((first, handle.cancel_on_drop()));
                    break;
                }
                // One of ours that ends makes room.
                Err(refused) if refused.is_full() && !window.out.is_empty() => {
                    window.gather().await?;
                    job = refused.into_inner();
                }
                Err(refused) => {
                    // The jobs that were taken in come first in the order of the input, and so do their failures.
                    window.gather_all().await?;
                    return Err(MapError::Job(refused.into_job_error()));
                }
            }
        }
    }
    window.gather_all().await?;
    Ok(window.results.into_inner())
}

/// Submits a job when there is room. Inside a job of the same pool it does not wait, and takes a place above the capacity if
/// nothing else of this map is out.
pub(super) async fn hand_over<B: Body>(
    crew: &Arc<dyn Crew>,
    body: B,
    is_only: bool,
) -> Result<JobHandle<B::Output>, SubmitError<B>> {
    submit(crew, body).manner(if is_only { Manner::Entitled } else { Manner::Patient }).await
}

/// Submits a job if there is room.
pub(super) fn hand_over_at_once<B: Body>(
    crew: &Arc<dyn Crew>,
    body: B,
) -> Result<JobHandle<B::Output>, SubmitError<B>> {
    submit(crew, body).manner(Manner::Patient).at_once()
}

fn submit<B: Body>(crew: &Arc<dyn Crew>, body: B) -> SubmitFuture<'_, B, B::Output> {
    SubmitFuture::new(crew, body, JobOptions::new(), |crew, body, admitted| admitted.enqueue(crew, body))
}

impl<R, E> Window<R, E> {
    async fn gather(&mut self) -> Result<(), MapError<E>> {
        let Some((first, handle)) = self.out.pop_front() else { return Ok(()) };
        let Done { mut results, failure } = handle.await.map_err(MapError::Job)?;
        let worked_on = results.0.len() as u64;
        self.results.0.append(&mut results.0);
        match failure {
            None => Ok(()),
            // Positions begin at 1.
            Some(error) => Err(MapError::Failed { index: (first - 1 + worked_on) as usize, error }),
        }
    }

    async fn gather_all(&mut self) -> Result<(), MapError<E>> {
        while !self.out.is_empty() {
            self.gather().await?;
        }
        Ok(())
    }
}
