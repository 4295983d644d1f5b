//! The synchronous stages: one closure each, no task, no queue, no hop.
//!
//! They run where their items are pulled: in the worker that pulls for the next concurrent stage, or in the terminal. One
//! runs at a time, in the order of the input, so the closures may be `FnMut`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::PipelineError;
use super::meter::{Meter, Watch};
use super::segment::{Chain, Halt, Payload, with_one_upstream};
use super::stage::Stage;
use crate::error::{BoxError, drop_quietly};

/// `map`: one item in, one out.
#[doc(hidden)]
#[derive(Debug)]
pub struct Map<S, F> {
    upstream: S,
    apply: F,
    meter: Meter,
}

/// `filter`: an item goes on or not.
#[doc(hidden)]
#[derive(Debug)]
pub struct Filter<S, F> {
    upstream: S,
    keep: F,
    meter: Meter,
}

/// `flat_map`: one item in, any number out.
#[doc(hidden)]
#[derive(Debug)]
pub struct FlatMap<S, F, I> {
    upstream: S,
    split: F,
    /// The item that is being taken apart.
    parts: Option<I>,
    meter: Meter,
}

/// `try_map`: one item in, one out or an error.
#[doc(hidden)]
#[derive(Debug)]
pub struct TryMap<S, F> {
    upstream: S,
    apply: F,
    meter: Meter,
}

impl<S, F> Map<S, F> {
    pub(super) fn new(upstream: S, apply: F, stage: Arc<Stage>) -> Self {
        Self { upstream, apply, meter: Meter::new(stage) }
    }
}

impl<S, F> Filter<S, F> {
    pub(super) fn new(upstream: S, keep: F, stage: Arc<Stage>) -> Self {
        Self { upstream, keep, meter: Meter::new(stage) }
    }
}

impl<S, F, I> FlatMap<S, F, I> {
    pub(super) fn new(upstream: S, split: F, stage: Arc<Stage>) -> Self {
        Self { upstream, split, parts: None, meter: Meter::new(stage) }
    }
}

impl<S, F> TryMap<S, F> {
    pub(super) fn new(upstream: S, apply: F, stage: Arc<Stage>) -> Self {
        Self { upstream, apply, meter: Meter::new(stage) }
    }
}

impl<S, F, U> Chain for Map<S, F>
where
    S: Chain,
    F: FnMut(S::Out) -> U,
{
    type Out = U;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        let Self { upstream, apply, meter } = self;
        let passing = meter.pass(pushed);
        upstream.poll_run(cx, fuel, passing.pushed, &mut |item| {
            let mapped = passing.watch.run(|| apply(item));
            sink(mapped)
        })
    }

    with_one_upstream!();
}

impl<S, F> Chain for Filter<S, F>
where
    S: Chain,
    F: FnMut(&S::Out) -> bool,
{
    type Out = S::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        let Self { upstream, keep, meter } = self;
        let mut tally = meter.begin();
        upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            // An item that is left out is dropped inside the closure's watch: its destructor is the user's too.
            match tally.watch.run(|| keep(&item).then_some(item)) {
                Some(item) => {
                    *pushed += 1;
                    sink(item)
                }
                None => ControlFlow::Continue(()),
            }
        })
    }

    with_one_upstream!();
}

impl<S, F, I> Chain for FlatMap<S, F, I::IntoIter>
where
    S: Chain,
    F: FnMut(S::Out) -> I,
    I: IntoIterator,
{
    type Out = I::Item;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(I::Item) -> ControlFlow<()>,
    {
        let Self { upstream, split, parts, meter } = self;
        let mut tally = meter.begin();
        // An item may have endless parts: they are paid for with the same fuel as items, so the run ends all the same.
        let mut budget = fuel;
        let mut ended = hand_on(parts, tally.watch, &mut budget, pushed, sink);
        let polled = match ended {
            Some(_) => Poll::Pending,
            None => upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
                *parts = Some(tally.watch.run(|| split(item).into_iter()));
                ended = hand_on(parts, tally.watch, &mut budget, pushed, sink);
                if ended.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }),
        };
        tally.books.hold(u64::from(parts.is_some()));
        // Whoever stopped us early knows better than upstream, which only saw the closure break.
        match ended {
            Some(halt) => Poll::Ready(halt),
            None => polled,
        }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.meter.take_blame() {
            // The rest of the item it panicked on goes with it.
            drop_quietly(self.parts.take());
            self.meter.release();
            return Ok(self.meter.stage().panicked(payload));
        }
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}

/// Whatever is left of the item that was being taken apart is discarded, and counted so.
impl<S, F, I> Drop for FlatMap<S, F, I> {
    fn drop(&mut self) {
        self.meter.discard(u64::from(self.parts.is_some()));
    }
}

/// Pushes the parts of one item; tells why it stopped, if it did before the last part.
fn hand_on<I, K>(
    parts: &mut Option<I>,
    watch: &mut Watch,
    budget: &mut usize,
    pushed: &mut u64,
    sink: &mut K,
) -> Option<Halt>
where
    I: Iterator,
    K: FnMut(I::Item) -> ControlFlow<()>,
{
    while let Some(iterator) = parts {
        if *budget == 0 {
            return Some(Halt::Fuel);
        }
        *budget -= 1;
        match watch.run(|| iterator.next()) {
            Some(part) => {
                *pushed += 1;
                if sink(part).is_break() {
                    return Some(Halt::Full);
                }
            }
            None => watch.run(|| *parts = None),
        }
    }
    None
}

impl<S, F, U, E> Chain for TryMap<S, F>
where
    S: Chain,
    F: FnMut(S::Out) -> Result<U, E>,
    E: Into<BoxError>,
{
    type Out = U;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        let Self { upstream, apply, meter } = self;
        let mut failure: Option<PipelineError> = None;
        let mut tally = meter.begin();
        let polled = upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| match tally
            .watch
            .run(|| apply(item).map_err(Into::into))
        {
            Ok(mapped) => {
                *pushed += 1;
                sink(mapped)
            }
            Err(error) => {
                failure = tally.books.errored(error);
                if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        });
        match failure {
            Some(failure) => Poll::Ready(Halt::Failed(failure)),
            None => polled,
        }
    }

    with_one_upstream!();
}
