//! Results in the order in which they are there.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::stream::{FuturesUnordered, unfold};
use futures::{FutureExt, Stream, StreamExt};

use super::body::Body;
use super::chunk::{Deal, Quiet, Stop, StopAll};
use super::crew::Crew;
use super::error::JobError;
use super::handle::JobHandle;
use super::map::{hand_over, hand_over_at_once};
use crate::error::{Panicked, drop_quietly};

/// Gives the results of jobs as they end, each with the place its handle had, from 0.
///
/// Dropping the stream drops the handles that are left: queued jobs are cancelled.
///
/// # Cancel safety
/// Safe to poll in `select!`: nothing is lost with a future of `next`.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use regatta::pool::{CpuPool, as_completed};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = CpuPool::new(2);
/// let (open, gate) = std::sync::mpsc::channel::<()>();
/// let slow = pool.submit(move || gate.recv().map_or(0, |()| 1)).await?;
/// let quick = pool.submit(|| 2).await?;
///
/// let mut results = as_completed([slow, quick]);
/// assert_eq!(results.next().await, Some((1, Ok(2)))); // the second handle's job is the first to end
/// open.send(())?;
/// assert_eq!(results.next().await, Some((0, Ok(1))));
/// assert_eq!(results.next().await, None);
/// # Ok(()) }
/// ```
pub fn as_completed<R>(handles: impl IntoIterator<Item = JobHandle<R>>) -> AsCompleted<R> {
    AsCompleted { jobs: handles.into_iter().enumerate().map(|(index, handle)| Indexed { index, handle }).collect() }
}

/// The stream of [`as_completed`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled, and dropping this one cancels queued jobs"]
pub struct AsCompleted<R> {
    jobs: FuturesUnordered<Indexed<R>>,
}

#[derive(Debug)]
struct Indexed<R> {
    index: usize,
    handle: JobHandle<R>,
}

impl<R> Future for Indexed<R> {
    type Output = (usize, Result<R, JobError>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.handle.poll_unpin(cx));
        Poll::Ready((self.index, result))
    }
}

impl<R> Stream for AsCompleted<R> {
    type Item = (usize, Result<R, JobError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.jobs.poll_next_unpin(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.jobs.len(), Some(self.jobs.len()))
    }
}

/// Applies what is dealt out to every item; results as they come.
pub(super) fn unordered<I, D, R>(
    crew: Arc<dyn Crew>,
    items: I,
    deal: D,
) -> impl Stream<Item = Result<R, JobError>> + use<I, D, R>
where
    I: IntoIterator,
    D: Deal<I::Item>,
    D::Job: Body<Output = Quiet<Result<R, Panicked>>>,
{
    let items = items.into_iter().fuse();
    let size = deal.size(items.size_hint().0, crew.core().levels().limit());
    let run = Run {
        stop: StopAll(Stop::new()),
        crew,
        items: Some(items),
        deal,
        size,
        position: 1,
        refused: None,
        end: None,
        out: FuturesUnordered::new(),
        ready: VecDeque::new(),
    };
    unfold(run, |mut run| async move { run.next().await.map(|result| (result, run)) })
}

struct Run<I, D, J: Body, R> {
    /// Dropped first: jobs that run see it before queued ones are cancelled.
    stop: StopAll,
    crew: Arc<dyn Crew>,
    /// Absent once they have ended.
    items: Option<I>,
    deal: D,
    size: usize,
    position: u64,
    /// A job that found no room, and how many items it has.
    refused: Option<(usize, J)>,
    /// Why there is no more, once what is out has come.
    end: Option<JobError>,
    /// By how many items each job has.
    out: FuturesUnordered<Indexed<Quiet<Result<R, Panicked>>>>,
    ready: VecDeque<Result<R, JobError>>,
}

impl<I, D, R> Run<I, D, D::Job, R>
where
    I: Iterator,
    D: Deal<I::Item>,
    D::Job: Body<Output = Quiet<Result<R, Panicked>>>,
{
    async fn next(&mut self) -> Option<Result<R, JobError>> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Some(result);
            }
            self.hand_out().await;
            match self.out.next().await {
                Some((_, Ok(results))) => {
                    self.ready
                        .extend(results.into_inner().into_iter().map(|result| result.map_err(JobError::Panicked)));
                }
                // None of its items has a result.
                Some((count, Err(error))) => self.ready.extend((0..count).map(|_| Err(error.clone()))),
                None => return self.ready.pop_front().or_else(|| self.end.take().map(Err)),
            }
        }
    }

    /// Keeps as many jobs out as there may be. Waits for room only when none is out: else one that ends makes some.
    async fn hand_out(&mut self) {
        while self.out.len() < 2 * self.crew.core().levels().limit()
            && let Some((count, job)) = self.refused.take().or_else(|| self.deal_one())
        {
            let handed = match self.out.is_empty() {
                true => hand_over(&self.crew, job, true).await,
                false => hand_over_at_once(&self.crew, job),
            };
            match handed {
                Ok(handle) => self.out.push(Indexed { index: count, handle: handle.cancel_on_drop() }),
                Err(refused) if refused.is_full() && !self.out.is_empty() => {
                    self.refused = Some((count, refused.into_inner()));
                    return;
                }
                Err(refused) => {
                    self.items = None;
                    self.end = Some(refused.into_job_error());
                    return;
                }
            }
        }
    }

    fn deal_one(&mut self) -> Option<(usize, D::Job)> {
        let mut chunk = Quiet(Vec::new());
        chunk.0.extend(self.items.as_mut()?.by_ref().take(self.size));
        let count = chunk.0.len();
        if count == 0 {
            self.items = None;
            return None;
        }
        let first = self.position;
        self.position += count as u64;
        Some((count, self.deal.job(first, chunk, self.stop.0.clone())))
    }
}

impl<I, D, J: Body, R> Drop for Run<I, D, J, R> {
    fn drop(&mut self) {
        // One by one: two destructors that panic in one drop would end the process.
        self.ready.drain(..).for_each(drop_quietly);
    }
}
