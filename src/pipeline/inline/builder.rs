//! Describing a pipeline that runs in one task: the stages that are fused.

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;

use crate::error::{BoxError, refuse_zero};
use crate::pipeline::builder::{Fallible, Pipeline};
use crate::pipeline::early::Early;
use crate::pipeline::fused::{Filter, FlatMap, Map, TryMap};
use crate::pipeline::on_error::OnError;
use crate::pipeline::plan::Plan;
use crate::pipeline::retry::Attempted;
use crate::pipeline::rules::above_zero;
use crate::pipeline::segment::Chain;
use crate::pipeline::sliding::Sliding;
use crate::pipeline::source::{IterSource, StreamSource};
use crate::pipeline::steps::{Scan, Take, TakeWhile};
use crate::policy::{Backoff, RetryBudget};

/// A pipeline that runs in the task that awaits it: nothing is spawned, so closures, futures and items may borrow and need
/// not be `Send`. Made by [`Pipeline::inline`].
///
/// The stages are those of a [`Pipeline`], with the same names, limits, policies and results; see there for what each does.
/// Futures of [`map_async`](Self::map_async) run side by side, in turn, on one thread. All stages are polled on every wake-up,
/// also while a later one is busy, so none stands still in the middle of its work; and since there is one task, a run under
/// paused time does the same each time. With closures and futures that are [`Send`] it may be spawned as a whole.
///
/// Not here, since they need tasks or an owner: `map_cpu` (a closure that keeps the thread would keep all the others from
/// running), fan out, `merge_all`, `forward`, `Run::and` and the handle. `StageStats::times` is `None`.
#[must_use = "a pipeline does nothing until an end such as `for_each` is awaited"]
#[derive(Debug)]
pub struct Inline<S> {
    pub(super) segment: S,
    pub(super) plan: Plan,
}

impl<I: Iterator> Pipeline<IterSource<I>> {
    /// Runs the stages that follow in the task that awaits the end, without spawning: they may borrow.
    ///
    /// For work next to local data, for tests that are to be the same each time, and where a task for a stage costs more than
    /// it brings. It stands right behind the source, so that nothing before it has tasks.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (words, suffix) = (vec!["sail".to_owned(), "wind".to_owned()], String::from("s"));
    /// let seen = std::cell::Cell::new(0);
    /// let plurals: Vec<String> = Pipeline::from_iter(&words)
    ///     .inline()
    ///     .map_async(8, async |word| format!("{word}{suffix}"))
    ///     .inspect(|_| seen.set(seen.get() + 1))
    ///     .collect()
    ///     .await?;
    /// assert_eq!((plurals, seen.get()), (vec!["sails".to_owned(), "winds".to_owned()], words.len()));
    /// # Ok(()) }
    /// ```
    ///
    /// There is no CPU stage:
    /// ```compile_fail,E0599
    /// let _ = regatta::pipeline::Pipeline::from_iter(0..3).inline().map_cpu(2, |n| n + 1);
    /// ```
    pub fn inline(self) -> Inline<IterSource<I>> {
        Inline { segment: self.segment, plan: self.plan }
    }
}

impl<S: Stream> Pipeline<StreamSource<S>> {
    /// Runs the stages that follow in the task that awaits the end, without spawning: they may borrow, and so may the stream.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lines = futures::stream::iter(["a", "b"]);
    /// let mut seen = Vec::new();
    /// Pipeline::from_stream(lines).inline().map(|line| seen.push(line)).for_each(1, async |()| {}).await?;
    /// assert_eq!(seen, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    pub fn inline(self) -> Inline<StreamSource<S>> {
        Inline { segment: self.segment, plan: self.plan }
    }
}

impl<S: Chain> Inline<S> {
    /// Turns each item into another; as [`Pipeline::map`].
    pub fn map<F, U>(mut self, apply: F) -> Inline<Map<S, F>>
    where
        F: FnMut(S::Out) -> U,
    {
        let stage = self.plan.fused("map");
        Inline { segment: Map::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Turns each item into another, or fails; as [`Pipeline::try_map`].
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline.
    pub fn try_map<F, U, E>(mut self, apply: F) -> Inline<TryMap<S, F>>
    where
        F: FnMut(S::Out) -> Result<U, E>,
        E: Into<BoxError>,
    {
        let stage = self.plan.fused("try_map");
        Inline { segment: TryMap::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Lets through the items that are to be kept; as [`Pipeline::filter`].
    pub fn filter<F>(mut self, keep: F) -> Inline<Filter<S, F>>
    where
        F: FnMut(&S::Out) -> bool,
    {
        let stage = self.plan.fused("filter");
        Inline { segment: Filter::new(self.segment, keep, stage), plan: self.plan }
    }

    /// Turns each item into any number of items, also none; as [`Pipeline::flat_map`].
    pub fn flat_map<F, I>(mut self, split: F) -> Inline<FlatMap<S, F, I::IntoIter>>
    where
        F: FnMut(S::Out) -> I,
        I: IntoIterator,
    {
        let stage = self.plan.fused("flat_map");
        Inline { segment: FlatMap::new(self.segment, split, stage), plan: self.plan }
    }

    /// Takes items apart into what they consist of; as [`Pipeline::flatten`].
    pub fn flatten<U>(mut self) -> Inline<impl Chain<Out = U> + Fallible<Input = S::Out, Handled: Chain<Out = U>>>
    where
        S::Out: IntoIterator<Item = U>,
    {
        let stage = self.plan.fused("flatten");
        Inline { segment: FlatMap::new(self.segment, |item: S::Out| item, stage), plan: self.plan }
    }

    /// Turns each item into another, with a state that goes from item to item; as [`Pipeline::scan`].
    pub fn scan<A, M, F, U>(
        mut self,
        make: M,
        mut step: F,
    ) -> Inline<impl Chain<Out = U> + Fallible<Input = S::Out, Handled: Chain<Out = U>>>
    where
        M: FnMut() -> A,
        F: FnMut(&mut A, S::Out) -> U,
    {
        let stage = self.plan.fused("scan");
        let step = move |state: &mut A, item| Ok::<U, BoxError>(step(state, item));
        Inline { segment: Scan::new(self.segment, make, step, stage), plan: self.plan }
    }

    /// As [`scan`](Self::scan), with a closure that can fail; as [`Pipeline::try_scan`].
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline.
    pub fn try_scan<A, M, F, U, E>(mut self, make: M, step: F) -> Inline<Scan<S, M, A, F>>
    where
        M: FnMut() -> A,
        F: FnMut(&mut A, S::Out) -> Result<U, E>,
        E: Into<BoxError>,
    {
        let stage = self.plan.fused("try_scan");
        Inline { segment: Scan::new(self.segment, make, step, stage), plan: self.plan }
    }

    /// Ends after `most` items, and drops whatever upstream is doing at that moment; otherwise as [`Pipeline::take`].
    pub fn take(mut self, most: usize) -> Inline<Take<S>> {
        let stage = self.plan.fused("take");
        let upstream = Early::new(self.segment, self.plan.ended_early.clone());
        Inline { segment: Take::new(upstream, most, stage), plan: self.plan }
    }

    /// Ends before the first item that is not to be kept; as [`Pipeline::take_while`].
    pub fn take_while<F>(mut self, keep: F) -> Inline<TakeWhile<S, F>>
    where
        F: FnMut(&S::Out) -> bool,
    {
        let stage = self.plan.fused("take_while");
        let upstream = Early::new(self.segment, self.plan.ended_early.clone());
        Inline { segment: TakeWhile::new(upstream, keep, stage), plan: self.plan }
    }

    /// Looks at each item as it passes; as [`Pipeline::inspect`].
    pub fn inspect<F>(
        mut self,
        mut look: F,
    ) -> Inline<impl Chain<Out = S::Out> + Fallible<Input = S::Out, Handled: Chain<Out = S::Out>>>
    where
        F: FnMut(&S::Out),
    {
        let stage = self.plan.fused("inspect");
        let apply = move |item: S::Out| {
            look(&item);
            item
        };
        Inline { segment: Map::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Gives the last `size` items, each `step` items; as [`Pipeline::window`].
    ///
    /// # Panics
    /// When `size` or `step` is zero.
    #[track_caller]
    pub fn window(mut self, size: usize, step: usize) -> Inline<Sliding<S, S::Out>>
    where
        S::Out: Clone,
    {
        refuse_zero("pipeline", "the window's size", size);
        refuse_zero("pipeline", "the window's step", step);
        let stage = self.plan.fused("window");
        Inline { segment: Sliding::new(self.segment, size, step, stage), plan: self.plan }
    }

    /// Names the stage that was added last; as [`Pipeline::named`].
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        if let Some(stage) = &self.plan.last {
            stage.rename(name.into());
        }
        self
    }

    /// Says what the stage that was added last does with an item whose closure fails or panics; as [`Pipeline::on_error`].
    pub fn on_error<I, H>(self, on_error: OnError<I>) -> Inline<H>
    where
        S: Fallible<Input = I, Handled = H>,
    {
        Inline { segment: self.segment.handled(on_error), plan: self.plan }
    }
}

impl<S: Chain> Inline<S> {
    /// Tries an item again when its future gives an error or takes too long; as [`Pipeline::retry`]. A backoff has jitter, and
    /// runs are the same each time only without: [`Backoff::jitter(0.0)`](Backoff::jitter).
    pub fn retry<I>(mut self, backoff: Backoff) -> Self
    where
        S: Attempted<Input = I>,
        I: Clone,
    {
        self.segment.amend(|rules| rules.retry(backoff));
        self
    }

    /// Sets how many retries the whole stage may spend; as [`Pipeline::retry_budget`].
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self
    where
        S: Attempted,
    {
        self.segment.amend(|rules| rules.budget = budget);
        self
    }

    /// Bounds how long an attempt may take; as [`Pipeline::timeout`].
    ///
    /// # Panics
    /// When `limit` is zero.
    #[track_caller]
    pub fn timeout(mut self, limit: Duration) -> Self
    where
        S: Attempted,
    {
        let limit = above_zero(limit);
        self.segment.amend(|rules| rules.timeout = limit);
        self
    }
}
