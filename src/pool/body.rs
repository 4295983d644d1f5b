//! What a job does: a closure that runs to its end, or a future that is polled.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::Either;

use super::context::{CpuContext, TaskContext};
use super::here::Post;
use super::trace::Source;
use super::work::Work;
use crate::error::Panicked;
use crate::observe::Registry;

/// Work that is advanced until it is over. It is dropped after its end, by who advanced it.
pub(super) trait Body: Send + 'static {
    type Output: Send + 'static;

    /// Goes on; never called again after it was ready.
    fn advance(&mut self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// Of one that works on items of a map, and has panicked: at which item, from 0.
    fn item(&self) -> Option<u64> {
        None
    }

    /// The panic of a job that has an output all the same: some of its items have panicked.
    fn panic_in(_output: &Self::Output) -> Option<&Panicked> {
        None
    }
}

/// Where a job is advanced.
pub(super) struct At<'a> {
    /// The job itself, for its context.
    pub(super) job: &'a Arc<dyn Work>,
    pub(super) post: &'a Arc<Post>,
    /// Where it was found there.
    pub(super) source: Source,
}

/// A job of a closure, to be run in the scope that it was made in.
pub(super) fn call<F, R>(run: F) -> impl Body<Output = R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Call(Some(Registry::carried(run)))
}

/// The same for a closure that is given its context.
pub(super) fn call_with<F, R, S>(run: F) -> impl Body<Output = R>
where
    F: FnOnce(CpuContext<S>) -> R + Send + 'static,
    R: Send + 'static,
    S: Send + 'static,
{
    CallWith { run: Some(Registry::carried_with(run)), state: PhantomData }
}

/// A job of a future, to be polled in the scope that it was made in.
pub(super) fn drive<F>(future: F) -> impl Body<Output = F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Drive(Box::pin(Registry::carried_future(future)))
}

/// The same for a future that is made by a closure, which is given the job's context.
pub(super) fn drive_with<M, F, S>(make: M) -> impl Body<Output = F::Output>
where
    M: FnOnce(TaskContext<S>) -> F + Send + 'static,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Send + 'static,
{
    let scoped = Registry::scoped();
    let make = move |cx| match scoped {
        None => Either::Left(make(cx)),
        Some(registry) => {
            let future = registry.enter(|| make(cx));
            Either::Right(async move { registry.scope(future).await })
        }
    };
    DriveWith { stage: Stage::Unmade(Some(make)), state: PhantomData }
}

struct Call<F>(Option<F>);

struct CallWith<F, S> {
    run: Option<F>,
    state: PhantomData<fn() -> S>,
}

struct Drive<F>(Pin<Box<F>>);

struct DriveWith<M, F, S> {
    stage: Stage<M, F>,
    state: PhantomData<fn() -> S>,
}

enum Stage<M, F> {
    Unmade(Option<M>),
    Made(Pin<Box<F>>),
}

impl<F, R> Body for Call<F>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    fn advance(&mut self, _at: &At<'_>, _cx: &mut Context<'_>) -> Poll<R> {
        match self.0.take() {
            Some(run) => Poll::Ready(run()),
            None => unreachable!("a closure is called once"),
        }
    }
}

impl<F, R, S> Body for CallWith<F, S>
where
    F: FnOnce(CpuContext<S>) -> R + Send + 'static,
    R: Send + 'static,
    S: Send + 'static,
{
    type Output = R;

    fn advance(&mut self, at: &At<'_>, _cx: &mut Context<'_>) -> Poll<R> {
        match self.run.take() {
            Some(run) => Poll::Ready(run(CpuContext::new(at))),
            None => unreachable!("a closure is called once"),
        }
    }
}

impl<F> Body for Drive<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn advance(&mut self, _at: &At<'_>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<M, F, S> Body for DriveWith<M, F, S>
where
    M: FnOnce(TaskContext<S>) -> F + Send + 'static,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Send + 'static,
{
    type Output = F::Output;

    fn advance(&mut self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Stage::Unmade(make) = &mut self.stage
            && let Some(make) = make.take()
        {
            self.stage = Stage::Made(Box::pin(make(TaskContext::new(at))));
        }
        match &mut self.stage {
            // Polled where it stays: if it panics, it is not dropped while the panic is on its way.
            Stage::Made(future) => future.as_mut().poll(cx),
            Stage::Unmade(_) => unreachable!("a job whose code panicked has ended"),
        }
    }
}
