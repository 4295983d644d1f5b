//! One item of a map, worked on by one async job.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;

use super::body::{At, Body};
use super::chunk::{Deal, Done, Quiet, Stop};
use crate::error::Panicked;
use crate::observe::Registry;

/// Items that an async function is applied to; a failure stops those behind it.
pub(super) struct TaskItems<F>(Arc<F>);

/// Items that an async function is applied to, each by itself.
pub(super) struct TaskEach<F>(Arc<F>);

/// One item, or the future that was made of it.
pub(super) struct TaskItem<T, F, R> {
    f: Arc<F>,
    position: u64,
    stop: Arc<Stop>,
    scoped: Option<Registry>,
    stage: Stage<T, R>,
}

pub(super) struct EachItem<T, F, R>(TaskItem<T, F, R>);

/// Stops the items behind one that panics.
struct FailOnPanic(Arc<Stop>, u64);

enum Stage<T, R> {
    Item(Option<T>),
    Future(Pin<Box<R>>),
}

impl<F> TaskItems<F> {
    pub(super) fn new(f: F) -> Self {
        Self(Arc::new(f))
    }
}

impl TaskItems<()> {
    /// A function that cannot fail, as one that can.
    pub(super) fn succeeding<T, F, R>(f: F) -> impl Deal<T, Job = impl Body<Output = Done<R::Output, Infallible>>>
    where
        T: Send + 'static,
        F: Fn(T) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: Send + 'static,
    {
        TaskItems::new(move |item| f(item).map(Ok as fn(R::Output) -> Result<R::Output, Infallible>))
    }
}

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(self.1);
        }
    }
}

impl<F> TaskEach<F> {
    pub(super) fn new(f: F) -> Self {
        Self(Arc::new(f))
    }
}

impl<T, F, R> TaskItem<T, F, R>
where
    F: Fn(T) -> R,
    R: Future,
{
    fn new(f: &Arc<F>, position: u64, mut items: Quiet<T>, stop: Arc<Stop>) -> Self {
        Self { f: f.clone(), position, stop, scoped: Registry::scoped(), stage: Stage::Item(items.0.pop()) }
    }

    /// Goes on with the future; nothing, where the map was stopped before the item began.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<R::Output>> {
        match self.scoped.clone() {
            None => self.poll_here(cx),
            Some(registry) => registry.enter(|| self.poll_here(cx)),
        }
    }

    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<Option<R::Output>> {
        if let Stage::Item(item) = &mut self.stage {
            if self.stop.is_over(self.position) {
                return Poll::Ready(None);
            }
            let Some(item) = item.take() else { unreachable!("a job whose code panicked has ended") };
            self.stage = Stage::Future(Box::pin((self.f)(item)));
        }
        match &mut self.stage {
            // Polled where it stays: if it panics, it is not dropped while the panic is on its way.
            Stage::Future(future) => future.as_mut().poll(cx).map(Some),
            Stage::Item(_) => unreachable!("it was made above"),
        }
    }
}

impl<T, F, R, O, E> Deal<T> for TaskItems<F>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
    O: Send + 'static,
    E: Send + 'static,
{
    type Job = TaskItem<T, F, R>;

    fn size(&self, _items: usize, _workers: usize) -> usize {
        1
    }

    fn job(&self, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> TaskItem<T, F, R> {
        TaskItem::new(&self.0, first, items, stop)
    }
}

impl<T, F, R, O, E> Body for TaskItem<T, F, R>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
    O: Send + 'static,
    E: Send + 'static,
{
    type Output = Done<O, E>;

    fn advance(&mut self, _at: &At<'_>, cx: &mut Context<'_>) -> Poll<Done<O, E>> {
        let panics = FailOnPanic(self.stop.clone(), self.position);
        let polled = self.poll(cx);
        drop(panics);
        Poll::Ready(match ready!(polled) {
            None => Done { results: Quiet(Vec::new()), failure: None },
            Some(Ok(result)) => Done { results: Quiet(vec![result]), failure: None },
            Some(Err(error)) => {
                self.stop.fail(self.position);
                Done { results: Quiet(Vec::new()), failure: Some(error) }
            }
        })
    }

    fn item(&self) -> Option<u64> {
        Some(self.position - 1)
    }
}

impl<T, F, R> Deal<T> for TaskEach<F>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future + Send + 'static,
    R::Output: Send + 'static,
{
    type Job = EachItem<T, F, R>;

    fn size(&self, _items: usize, _workers: usize) -> usize {
        1
    }

    fn job(&self, first: u64, items: Quiet<T>, stop: Arc<Stop>) -> EachItem<T, F, R> {
        EachItem(TaskItem::new(&self.0, first, items, stop))
    }
}

impl<T, F, R> Body for EachItem<T, F, R>
where
    T: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future + Send + 'static,
    R::Output: Send + 'static,
{
    type Output = Quiet<Result<R::Output, Panicked>>;

    fn advance(&mut self, _at: &At<'_>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A panic is the job's, and so the item's.
        self.0.poll(cx).map(|result| Quiet(result.map(Ok).into_iter().collect()))
    }

    fn item(&self) -> Option<u64> {
        Some(self.0.position - 1)
    }
}
