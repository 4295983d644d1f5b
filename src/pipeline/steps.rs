//! Fused stages that remember: a state that goes from item to item, and stages that end early.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::{Fallible, Pipeline};
use super::early::Early;
use super::error::PipelineError;
use super::fused::{FlatMap, Map};
use super::letters::{Letters, Policy};
use super::meter::Meter;
use super::on_error::OnError;
use super::segment::{Chain, Halt, Payload, Segment, fallible, letters_first, with_one_upstream};
use super::stage::Stage;
use crate::error::{BoxError, drop_quietly};

/// `scan` and `try_scan`: a state, made by a factory, and one item out for each in.
#[doc(hidden)]
#[derive(Debug)]
pub struct Scan<S: Chain, M, A, F> {
    upstream: S,
    make: M,
    /// Absent before the first item, and after a failure that resets it.
    state: Option<A>,
    step: F,
    meter: Meter,
    letters: Letters<S::Out>,
}

/// `take`: so many items, and then the end.
#[doc(hidden)]
#[derive(Debug)]
pub struct Take<S> {
    upstream: Early<S>,
    left: usize,
    meter: Meter,
}

/// `take_while`: the items before the first that is refused.
#[doc(hidden)]
#[derive(Debug)]
pub struct TakeWhile<S: Chain, F> {
    upstream: Early<S>,
    keep: F,
    is_over: bool,
    meter: Meter,
    letters: Letters<S::Out>,
}

impl<S: Chain, M, A, F> Scan<S, M, A, F> {
    pub(super) fn new(upstream: S, make: M, step: F, stage: Arc<Stage>) -> Self {
        Self { upstream, make, state: None, step, meter: Meter::new(stage), letters: Letters::new() }
    }

    fn reset(&mut self) {
        if self.letters.is_reset() {
            drop_quietly(self.state.take());
        }
    }
}

impl<S: Chain> Take<S> {
    pub(super) fn new(upstream: Early<S>, most: usize, stage: Arc<Stage>) -> Self {
        Self { upstream, left: most, meter: Meter::new(stage) }
    }
}

impl<S: Chain, F> TakeWhile<S, F> {
    pub(super) fn new(upstream: Early<S>, keep: F, stage: Arc<Stage>) -> Self {
        Self { upstream, keep, is_over: false, meter: Meter::new(stage), letters: Letters::new() }
    }
}

impl<S, M, A, F, U, E> Chain for Scan<S, M, A, F>
where
    S: Chain,
    M: FnMut() -> A,
    F: FnMut(&mut A, S::Out) -> Result<U, E>,
    E: Into<BoxError>,
{
    type Out = U;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(U) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { upstream, make, state, step, meter, letters } = self;
        let (mut failure, mut has_failed) = (None::<PipelineError>, false);
        let mut tally = meter.begin();
        let polled = upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            let stepped = tally.watch.run(|| {
                letters.keep(&item);
                step(state.get_or_insert_with(&mut *make), item).map_err(Into::into)
            });
            match stepped {
                Ok(out) => {
                    *pushed += 1;
                    sink(out)
                }
                // Whatever the policy: the run ends here, so that the state can be looked at.
                Err(error) => {
                    (failure, has_failed) = (tally.books.errored(letters, error), true);
                    ControlFlow::Break(())
                }
            }
        });
        drop(tally);
        letters.forget();
        if !has_failed {
            return polled;
        }
        self.reset();
        Poll::Ready(failure.map_or(Halt::Fuel, Halt::Failed))
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.meter.take_blame() {
            self.reset();
            return Ok(self.letters.panicked(self.meter.stage(), payload));
        }
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}

impl<S: Chain> Chain for Take<S> {
    type Out = S::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        let Self { upstream, left, meter } = self;
        if *left == 0 {
            upstream.let_go();
        }
        let Some(segment) = &mut upstream.segment else { return Poll::Ready(Halt::End) };
        let passing = meter.pass(pushed);
        let polled = segment.poll_run(cx, fuel, passing.pushed, &mut |item| {
            *left -= 1;
            match sink(item) {
                ControlFlow::Continue(()) if *left > 0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        drop(passing);
        if *left > 0 {
            return polled;
        }
        // At once, not when there is room again.
        upstream.let_go();
        Poll::Ready(Halt::End)
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}

impl<S, F> Chain for TakeWhile<S, F>
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
        letters_first!(self, cx);
        let Self { upstream, keep, is_over, meter, letters } = self;
        let Some(segment) = &mut upstream.segment else { return Poll::Ready(Halt::End) };
        let mut tally = meter.begin();
        let polled = segment.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            let kept = tally.watch.run(|| {
                letters.keep(&item);
                keep(&item).then_some(item)
            });
            match kept {
                Some(item) => {
                    *pushed += 1;
                    sink(item)
                }
                None => {
                    *is_over = true;
                    ControlFlow::Break(())
                }
            }
        });
        drop(tally);
        letters.forget();
        if !*is_over {
            return polled;
        }
        upstream.let_go();
        Poll::Ready(Halt::End)
    }

    with_one_upstream!();
}

impl<S: Chain, M, A, F> Fallible for Scan<S, M, A, F> {
    type Input = S::Out;
    fallible!();
}

impl<S: Chain, F> Fallible for TakeWhile<S, F> {
    type Input = S::Out;
    fallible!();
}

impl<S: Segment> Pipeline<S> {
    /// Turns each item into another, with a state that goes from item to item. Fused, as [`map`](Self::map).
    ///
    /// `make` gives the state before the first item, and again after a failure where the policy is
    /// [`OnError::Reset`](super::OnError::Reset).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sums = Pipeline::from_iter([1, 2, 3]).scan(|| 0, |sum, n| {
    ///     *sum += n;
    ///     *sum
    /// });
    /// assert_eq!(sums.collect::<Vec<i32>>().await?, [1, 3, 6]);
    /// # Ok(()) }
    /// ```
    pub fn scan<A, M, F, U>(
        mut self,
        make: M,
        mut step: F,
    ) -> Pipeline<impl Segment<Item = U> + Fallible<Input = S::Item, Handled: Segment<Item = U>>>
    where
        A: Send + 'static,
        M: FnMut() -> A + Send + 'static,
        F: FnMut(&mut A, S::Item) -> U + Send + 'static,
        U: Send + 'static,
    {
        let stage = self.plan.fused("scan");
        let step = move |state: &mut A, item| Ok::<U, BoxError>(step(state, item));
        Pipeline { segment: Scan::new(self.segment, make, step, stage), plan: self.plan }
    }

    /// As [`scan`](Self::scan), with a closure that can fail; see [`on_error`](Self::on_error) for what happens then.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{OnError, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Lines count from the last header on; after a line that is broken, from the beginning.
    /// let lines = Pipeline::from_iter(["a", "b", "!", "c"]);
    /// let numbered = lines.try_scan(|| 0, |number, line| {
    ///     *number += 1;
    ///     if line == "!" { Err("broken") } else { Ok(format!("{number} {line}")) }
    /// });
    /// assert_eq!(numbered.on_error(OnError::Reset).collect::<Vec<_>>().await?, ["1 a", "2 b", "1 c"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](super::PipelineError::Failed).
    pub fn try_scan<A, M, F, U, E>(mut self, make: M, step: F) -> Pipeline<Scan<S, M, A, F>>
    where
        A: Send + 'static,
        M: FnMut() -> A + Send + 'static,
        F: FnMut(&mut A, S::Item) -> Result<U, E> + Send + 'static,
        U: Send + 'static,
        E: Into<BoxError>,
    {
        let stage = self.plan.fused("try_scan");
        Pipeline { segment: Scan::new(self.segment, make, step, stage), plan: self.plan }
    }

    /// Ends after `most` items: at once, whatever upstream is doing. What upstream has in work is finished for nobody, or
    /// dropped at the end of the pipeline, and counted as discarded. With zero nothing is pulled. Fused.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let three: Vec<u64> = Pipeline::from_iter(1..).take(3).collect().await?;
    /// assert_eq!(three, [1, 2, 3]);
    /// # Ok(()) }
    /// ```
    pub fn take(mut self, most: usize) -> Pipeline<Take<S>> {
        let stage = self.plan.fused("take");
        let upstream = Early::new(self.segment, self.plan.ended_early.clone());
        Pipeline { segment: Take::new(upstream, most, stage), plan: self.plan }
    }

    /// Ends before the first item that is not to be kept. Fused, as [`map`](Self::map).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let small: Vec<u64> = Pipeline::from_iter(1..).take_while(|n| *n < 3).collect().await?;
    /// assert_eq!(small, [1, 2]);
    /// # Ok(()) }
    /// ```
    pub fn take_while<F>(mut self, keep: F) -> Pipeline<TakeWhile<S, F>>
    where
        F: FnMut(&S::Item) -> bool + Send + 'static,
    {
        let stage = self.plan.fused("take_while");
        let upstream = Early::new(self.segment, self.plan.ended_early.clone());
        Pipeline { segment: TakeWhile::new(upstream, keep, stage), plan: self.plan }
    }

    /// Looks at each item as it passes. Fused, as [`map`](Self::map).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sum = Pipeline::from_iter(1..=3).inspect(|n| println!("{n}")).fold(0, |sum, n| sum + n).await?;
    /// assert_eq!(sum, 6);
    /// # Ok(()) }
    /// ```
    pub fn inspect<F>(
        mut self,
        mut look: F,
    ) -> Pipeline<impl Segment<Item = S::Item> + Fallible<Input = S::Item, Handled: Segment<Item = S::Item>>>
    where
        F: FnMut(&S::Item) + Send + 'static,
    {
        let stage = self.plan.fused("inspect");
        let apply = move |item: S::Item| {
            look(&item);
            item
        };
        Pipeline { segment: Map::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Takes items apart into what they consist of. Fused, as [`flat_map`](Self::flat_map).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let flat: Vec<u32> = Pipeline::from_iter([vec![1, 2], vec![], vec![3]]).flatten().collect().await?;
    /// assert_eq!(flat, [1, 2, 3]);
    /// # Ok(()) }
    /// ```
    pub fn flatten<U>(
        mut self,
    ) -> Pipeline<impl Segment<Item = U> + Fallible<Input = S::Item, Handled: Segment<Item = U>>>
    where
        S::Item: IntoIterator<Item = U>,
        <S::Item as IntoIterator>::IntoIter: Send + 'static,
        U: Send + 'static,
    {
        let stage = self.plan.fused("flatten");
        Pipeline { segment: FlatMap::new(self.segment, |item: S::Item| item, stage), plan: self.plan }
    }
}
