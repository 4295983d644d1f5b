//! Some items of a map, worked on by one job.
//!
//! Invariant: `stop` holds the lowest position of an item that failed. Items before it are worked on to the end, so that the
//! first failure in the order of the input is found; a chunk ends before the first item behind it.

use std::convert::Infallible;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use super::body::{At, Body};
use crate::error::{Panicked, catch, drop_quietly};
use crate::observe::Registry;

const CHUNK_MAX: usize = 1024;

/// How many chunks a worker gets of a long input: enough that the last ones even out.
const CHUNKS_EACH: usize = 8;

/// How a map deals out its items.
pub(super) trait Deal<T> {
    type Job: Body;

    /// How many items a job gets, of so many, by so many workers.
    fn size(&self, items: usize, workers: usize) -> usize;

    /// Works on items that follow each other; the first has this position, from 1.
    fn job(&self, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> Self::Job;
}

/// Up to which position items are worked on. Relaxed: it carries no data, and one more item is allowed for.
pub(super) struct Stop(AtomicU64);

/// Stops every job when the future of the map is dropped, or its iterator panics.
pub(super) struct StopAll(pub(super) Arc<Stop>);

/// Items that are dropped one by one and caught: two destructors that panic in the drop of a `Vec` end the process.
pub(crate) struct Quiet<T>(pub(crate) Vec<T>);

/// What came of a chunk: results of its first items, and why there are no more.
pub(super) struct Done<R, E> {
    pub(super) results: Quiet<R>,
    pub(super) failure: Option<E>,
}

/// Chunks of items that a closure is applied to, up to the first failure.
pub(super) struct CpuChunks<F>(Arc<F>);

/// Chunks of items that a closure is applied to, each by itself.
pub(super) struct CpuEach<F>(Arc<F>);

pub(super) struct Chunk<T, F> {
    f: Arc<F>,
    /// The position of the first item; of the one that panicked, once one has.
    first: u64,
    items: Quiet<T>,
    stop: Arc<Stop>,
    scoped: Option<Registry>,
}

pub(super) struct EachChunk<T, F>(Chunk<T, F>);

impl Stop {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(u64::MAX)))
    }

    pub(super) fn is_over(&self, position: u64) -> bool {
        position > self.0.load(Relaxed)
    }

    pub(super) fn fail(&self, position: u64) {
        self.0.fetch_min(position, Relaxed);
    }
}

impl Drop for StopAll {
    fn drop(&mut self) {
        // Positions begin at 1: this is before them all.
        self.0.fail(0);
    }
}

/// A function that cannot fail, as one that can.
pub(super) fn succeeding<T, R>(f: impl Fn(T) -> R) -> impl Fn(T) -> Result<R, Infallible> {
    move |item| Ok(f(item))
}

impl<F> CpuChunks<F> {
    pub(super) fn new(f: F) -> Self {
        Self(Arc::new(f))
    }
}

impl<F> CpuEach<F> {
    pub(super) fn new(f: F) -> Self {
        Self(Arc::new(f))
    }
}

fn size(items: usize, workers: usize) -> usize {
    (items / (CHUNKS_EACH * workers)).clamp(1, CHUNK_MAX)
}

impl<T, F> Chunk<T, F> {
    fn new(f: &Arc<F>, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> Self {
        Self { f: f.clone(), first, items, stop, scoped: Registry::scoped() }
    }

    /// Works on one item after the other until the map is stopped, or `work` says that it should be.
    fn run<R, E>(&mut self, mut work: impl FnMut(&F, T) -> Result<R, E>) -> Done<R, E> {
        let scoped = self.scoped.take();
        let mut run = || run_items(&*self.f, &mut self.first, &mut self.items, &self.stop, &mut work);
        match scoped {
            None => run(),
            Some(registry) => registry.enter(run),
        }
    }
}

/// Applies a function to items that follow each other, until the map is stopped or one fails. When one panics, `first` is
/// its position.
pub(super) fn run_items<T, R, E, F: ?Sized>(
    f: &F,
    first: &mut u64,
    items: &mut Quiet<T>,
    stop: &Stop,
    work: &mut impl FnMut(&F, T) -> Result<R, E>,
) -> Done<R, E> {
    let mut results = Quiet(Vec::with_capacity(items.0.len()));
    let (mut position, mut failure) = (*first, None);
    // From the back: what is left stays where it is dropped quietly.
    items.0.reverse();
    let run = || {
        while !stop.is_over(position)
            && let Some(item) = items.0.pop()
        {
            match work(f, item) {
                Ok(result) => results.0.push(result),
                Err(error) => {
                    stop.fail(position);
                    failure = Some(error);
                    break;
                }
            }
            position += 1;
        }
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        stop.fail(position);
        *first = position;
        drop((results, mem::replace(items, Quiet(Vec::new()))));
        resume_unwind(payload);
    }
    Done { results, failure }
}

impl<T, R, E, F> Deal<T> for CpuChunks<F>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + 'static,
    F: Fn(T) -> Result<R, E> + Send + Sync + 'static,
{
    type Job = Chunk<T, F>;

    fn size(&self, items: usize, workers: usize) -> usize {
        size(items, workers)
    }

    fn job(&self, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> Chunk<T, F> {
        Chunk::new(&self.0, first, items, stop)
    }
}

impl<T, R, E, F> Body for Chunk<T, F>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + 'static,
    F: Fn(T) -> Result<R, E> + Send + Sync + 'static,
{
    type Output = Done<R, E>;

    fn advance(&mut self, _at: &At<'_>, _cx: &mut Context<'_>) -> Poll<Done<R, E>> {
        Poll::Ready(self.run(|f, item| f(item)))
    }

    fn item(&self) -> Option<u64> {
        Some(self.first - 1)
    }
}

impl<T, R, F> Deal<T> for CpuEach<F>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
{
    type Job = EachChunk<T, F>;

    fn size(&self, items: usize, workers: usize) -> usize {
        size(items, workers)
    }

    fn job(&self, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> EachChunk<T, F> {
        EachChunk(Chunk::new(&self.0, first, items, stop))
    }
}

impl<T, R, F> Body for EachChunk<T, F>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
{
    type Output = Quiet<Result<R, Panicked>>;

    fn advance(&mut self, at: &At<'_>, _cx: &mut Context<'_>) -> Poll<Quiet<Result<R, Panicked>>> {
        let core = at.job.core();
        let mut position = self.0.first;
        let done = self.0.run(|f, item| {
            let result = catch(&core.names().job, || f(item));
            position += 1;
            // Positions begin at 1.
            Ok::<_, Infallible>(result.map_err(|panicked| Panicked { place: core.item_name(position - 2), ..panicked }))
        });
        Poll::Ready(done.results)
    }

    fn panic_in(Quiet(results): &Self::Output) -> Option<&Panicked> {
        results.iter().find_map(|result| result.as_ref().err())
    }
}

impl<T> Quiet<T> {
    pub(crate) fn into_inner(mut self) -> Vec<T> {
        mem::take(&mut self.0)
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.0.drain(..).for_each(drop_quietly);
        }
    }
}
