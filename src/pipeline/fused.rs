//! The synchronous stages: one closure each, no task, no queue, no hop.
//!
//! They run where their items are pulled: in the worker that pulls for the next concurrent stage, or in the terminal. One
//! runs at a time, in the order of the input, so the closures may be `FnMut`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::Fallible;
use super::error::PipelineError;
use super::letters::{Letters, Policy, Unhandled};
use super::meter::{Meter, Watch};
use super::on_error::OnError;
use super::segment::{Chain, Halt, Payload, fallible, letters_first, with_one_upstream};
use super::stage::Stage;
use crate::error::{BoxError, drop_quietly};

/// `map`: one item in, one out.
#[doc(hidden)]
#[derive(Debug)]
pub struct Map<S, F, P = Unhandled> {
    upstream: S,
    apply: F,
    meter: Meter,
    letters: P,
}

/// `filter`: an item goes on or not.
#[doc(hidden)]
#[derive(Debug)]
pub struct Filter<S, F, P = Unhandled> {
    upstream: S,
    keep: F,
    meter: Meter,
    letters: P,
}

/// `flat_map`: one item in, any number out.
#[doc(hidden)]
#[derive(Debug)]
pub struct FlatMap<S: Chain, F, I> {
    upstream: S,
    split: F,
    /// The item that is being taken apart.
    parts: Option<I>,
    meter: Meter,
    letters: Letters<S::Out>,
}

/// `try_map`: one item in, one out or an error.
#[doc(hidden)]
#[derive(Debug)]
pub struct TryMap<S, F, P = Unhandled> {
    upstream: S,
    apply: F,
    meter: Meter,
    letters: P,
}

impl<S, F> Map<S, F> {
    pub(super) fn new(upstream: S, apply: F, stage: Arc<Stage>) -> Self {
        Self { upstream, apply, meter: Meter::new(stage), letters: Unhandled }
    }
}

impl<S, F> Filter<S, F> {
    pub(super) fn new(upstream: S, keep: F, stage: Arc<Stage>) -> Self {
        Self { upstream, keep, meter: Meter::new(stage), letters: Unhandled }
    }
}

impl<S: Chain, F, I> FlatMap<S, F, I> {
    pub(super) fn new(upstream: S, split: F, stage: Arc<Stage>) -> Self {
        Self { upstream, split, parts: None, meter: Meter::new(stage), letters: Letters::new() }
    }
}

impl<S, F> TryMap<S, F> {
    pub(super) fn new(upstream: S, apply: F, stage: Arc<Stage>) -> Self {
        Self { upstream, apply, meter: Meter::new(stage), letters: Unhandled }
    }
}

impl<S, F, U, P> Chain for Map<S, F, P>
where
    S: Chain,
    P: Policy<S::Out>,
    F: FnMut(S::Out) -> U,
{
    type Out = U;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { upstream, apply, meter, letters } = self;
        let passing = meter.pass(pushed);
        let polled = upstream.poll_run(cx, fuel, passing.pushed, &mut |item| {
            let mapped = passing.watch.run(|| {
                letters.keep(&item);
                apply(item)
            });
            sink(mapped)
        });
        letters.forget();
        polled
    }

    with_one_upstream!();
}

impl<S, F, P> Chain for Filter<S, F, P>
where
    S: Chain,
    P: Policy<S::Out>,
    F: FnMut(&S::Out) -> bool,
{
    type Out = S::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { upstream, keep, meter, letters } = self;
        let mut tally = meter.begin();
        let polled = upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            // An item that is left out is dropped inside the closure's watch: its destructor is the user's too.
            let kept = tally.watch.run(|| {
                letters.keep(&item);
                keep(&item).then_some(item)
            });
            match kept {
                Some(item) => {
                    *pushed += 1;
                    sink(item)
                }
                None => ControlFlow::Continue(()),
            }
        });
        letters.forget();
        polled
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
        letters_first!(self, cx);
        let Self { upstream, split, parts, meter, letters } = self;
        let mut tally = meter.begin();
        // An item may have endless parts: they are paid for with the same fuel as items, so the run ends all the same.
        let mut budget = fuel;
        let mut ended = hand_on(parts, tally.watch, &mut budget, pushed, sink);
        let polled = match ended {
            Some(_) => Poll::Pending,
            None => upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
                *parts = Some(tally.watch.run(|| {
                    letters.keep(&item);
                    split(item).into_iter()
                }));
                ended = hand_on(parts, tally.watch, &mut budget, pushed, sink);
                if ended.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }),
        };
        if parts.is_none() {
            letters.forget();
        }
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
            return Ok(self.letters.panicked(self.meter.stage(), payload));
        }
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}

/// Whatever is left of the item that was being taken apart is discarded, and counted so.
impl<S: Chain, F, I> Drop for FlatMap<S, F, I> {
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

impl<S, F, U, E, P> Chain for TryMap<S, F, P>
where
    S: Chain,
    P: Policy<S::Out>,
    F: FnMut(S::Out) -> Result<U, E>,
    E: Into<BoxError>,
{
    type Out = U;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { upstream, apply, meter, letters } = self;
        let mut failure: Option<PipelineError> = None;
        let mut tally = meter.begin();
        let polled = upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            let applied = tally.watch.run(|| {
                letters.keep(&item);
                apply(item).map_err(Into::into)
            });
            match applied {
                Ok(mapped) => {
                    *pushed += 1;
                    sink(mapped)
                }
                Err(error) => {
                    failure = tally.books.errored(letters, error);
                    let goes_on = failure.is_none() && !letters.is_sending();
                    if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                }
            }
        });
        letters.end(polled, failure)
    }

    with_one_upstream!();
}

impl<S: Chain, F, P> Fallible for Map<S, F, P> {
    type Input = S::Out;
    type Handled = Map<S, F, Letters<S::Out>>;

    fn handled(self, on_error: OnError<S::Out>) -> Self::Handled {
        let Self { upstream, apply, meter, .. } = self;
        Map { upstream, apply, meter, letters: Letters::of(on_error) }
    }
}

impl<S: Chain, F, P> Fallible for Filter<S, F, P> {
    type Input = S::Out;
    type Handled = Filter<S, F, Letters<S::Out>>;

    fn handled(self, on_error: OnError<S::Out>) -> Self::Handled {
        let Self { upstream, keep, meter, .. } = self;
        Filter { upstream, keep, meter, letters: Letters::of(on_error) }
    }
}

impl<S: Chain, F, I> Fallible for FlatMap<S, F, I> {
    type Input = S::Out;
    fallible!();
}

impl<S: Chain, F, P> Fallible for TryMap<S, F, P> {
    type Input = S::Out;
    type Handled = TryMap<S, F, Letters<S::Out>>;

    fn handled(self, on_error: OnError<S::Out>) -> Self::Handled {
        let Self { upstream, apply, meter, .. } = self;
        TryMap { upstream, apply, meter, letters: Letters::of(on_error) }
    }
}
