//! Describing a pipeline that runs in one task: the stages that keep items.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, TryFutureExt};

use super::ahead::Ahead;
use super::builder::Inline;
use super::concurrent::Crewed;
use super::gathered::Gathered;
use super::throttled::Throttled;
use crate::error::{BoxError, refuse_zero};
use crate::pipeline::builder::Fallible;
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::pipeline::concurrency::Concurrency;
use crate::pipeline::concurrency::{Concurrent, Layout};
use crate::pipeline::gather::{Batches, Conflated, Debounced, Gather};
use crate::pipeline::keys::Sort;
use crate::pipeline::outlet::{Relayed, Worked};
use crate::pipeline::retry::Attempted;
use crate::pipeline::segment::Chain;
use crate::pipeline::shaping::AT_ONCE;
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::pipeline::{OnError, Pipeline};
use crate::policy::{Overflow, Rate};

impl<S: Chain> Inline<S> {
    /// Turns items into others with futures, up to `concurrency` at once: a number keeps the order of the input,
    /// [`Concurrency::unordered`] gives results as they come, [`Concurrency::keyed`] in order for each key.
    ///
    /// The futures take turns on the thread of the one task, and go on whatever the stages around them do, as long as the
    /// task itself is polled. What the stage holds is bounded as in [`Pipeline::map_async`].
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{Concurrency, Pipeline};
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let total = Rc::new(Cell::new(0)); // neither `Send` nor `'static` is asked for
    /// let slowest_first = [30, 20, 10];
    /// let order: Vec<&u64> = Pipeline::from_iter(&slowest_first)
    ///     .inline()
    ///     .map_async(Concurrency::unordered(3), |pause| {
    ///         let total = total.clone();
    ///         async move {
    ///             tokio::time::sleep(Duration::from_millis(*pause)).await;
    ///             total.set(total.get() + pause);
    ///             pause
    ///         }
    ///     })
    ///     .collect()
    ///     .await?;
    /// assert_eq!((order, total.get()), (vec![&10, &20, &30], 60));
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// A future of `work` is dropped before its end only when the run is dropped, fails or ends early.
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn map_async<C, F, Fut, U>(
        self,
        concurrency: C,
        mut work: F,
    ) -> Inline<
        impl Chain<Out = U>
        + Fallible<Input = S::Out, Handled: Chain<Out = U> + Attempted<Input = S::Out>>
        + Attempted<Input = S::Out>,
    >
    where
        C: Concurrent<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = U>,
    {
        self.concurrent("map_async", concurrency.layout(), move |item| work(item).map(Ok))
    }

    /// As [`map_async`](Self::map_async), with futures that can fail; as [`Pipeline::try_map_async`].
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{OnError, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = ["ann", "bob"];
    /// let found = Pipeline::from_iter([1, 7, 0])
    ///     .inline()
    ///     .try_map_async(8, async |id: usize| users.get(id).copied().ok_or("no such user"))
    ///     .on_error(OnError::Skip);
    /// assert_eq!(found.collect::<Vec<&str>>().await?, ["bob", "ann"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// An error of `work` fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](crate::pipeline::PipelineError::Failed).
    ///
    /// # Cancel safety
    /// As [`map_async`](Self::map_async).
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn try_map_async<C, F, Fut, U, E>(
        self,
        concurrency: C,
        mut work: F,
    ) -> Inline<
        impl Chain<Out = U>
        + Fallible<Input = S::Out, Handled: Chain<Out = U> + Attempted<Input = S::Out>>
        + Attempted<Input = S::Out>,
    >
    where
        C: Concurrent<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<U, E>>,
        E: Into<BoxError>,
    {
        self.concurrent("try_map_async", concurrency.layout(), move |item| work(item).map_err(Into::into))
    }

    pub(super) fn concurrent<H, F, Fut, U>(
        mut self,
        kind: &str,
        layout: Layout<H>,
        work: F,
    ) -> Inline<Crewed<S, H, F, Fut, U>>
    where
        H: Sort<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<U, BoxError>>,
    {
        let stage = self.plan.stage(kind);
        let segment = Crewed::new(self.segment, layout, work, stage);
        self.plan.stages.push(segment.ledger());
        Inline { segment, plan: self.plan }
    }

    /// Lets upstream run ahead by up to `capacity` items while the stages after it are busy; `overflow` says what happens
    /// when it is further ahead. Otherwise as [`Pipeline::buffer`]: while the next stage takes items, none waits here, and
    /// none is dropped.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, policy::Overflow};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut seen = Vec::new();
    /// let latest = Pipeline::from_iter(1..=100).inline().buffer(1, Overflow::DropOldest);
    /// latest
    ///     .for_each(1, |reading| {
    ///         seen.push(reading);
    ///         tokio::task::yield_now() // busy for a moment
    ///     })
    ///     .await?;
    /// assert_eq!((seen[0], seen.last()), (1, Some(&100)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn buffer(mut self, capacity: usize, overflow: Overflow) -> Inline<impl Chain<Out = S::Out>> {
        refuse_zero("pipeline", "the buffer's capacity", capacity);
        let stage = self.plan.stage("buffer");
        let segment = Ahead::new(self.segment, capacity, overflow, stage);
        self.plan.stages.push(segment.ledger());
        Inline { segment, plan: self.plan }
    }

    /// Gathers items into batches of `size`, or what came within `linger` of a batch's first item; as [`Pipeline::batch`].
    ///
    /// # Panics
    /// When `size` is zero.
    #[track_caller]
    pub fn batch(mut self, size: usize, linger: Duration) -> Inline<impl Chain<Out = Vec<S::Out>>> {
        refuse_zero("pipeline", "the batch's size", size);
        let stage = self.plan.stage("batch");
        let gather = Batches::new(size as u64, linger, usize::MAX, |_: &S::Out| 1);
        self.gathered::<_, Relayed>(stage, gather, |batch| batch.len() as u64)
    }

    /// Gathers items into batches of at most `limit`, by what each weighs; as [`Pipeline::batch_weighted`].
    ///
    /// # Panics
    /// When `limit` is zero.
    #[track_caller]
    pub fn batch_weighted<W>(
        mut self,
        limit: u64,
        linger: Duration,
        weigh: W,
    ) -> Inline<impl Chain<Out = Vec<S::Out>> + Fallible<Input = S::Out, Handled: Chain<Out = Vec<S::Out>>>>
    where
        W: FnMut(&S::Out) -> u64,
    {
        refuse_zero("pipeline", "the batch's limit", usize::from(limit > 0));
        let stage = self.plan.stage("batch_weighted");
        self.gathered::<_, Worked<S::Out>>(stage, Batches::new(limit, linger, AT_ONCE, weigh), |batch| {
            batch.len() as u64
        })
    }

    /// Lets an item go on once nothing more has come for `quiet`; as [`Pipeline::debounce`].
    pub fn debounce(mut self, quiet: Duration) -> Inline<impl Chain<Out = S::Out>> {
        let stage = self.plan.stage("debounce");
        self.gathered::<_, Relayed>(stage, Debounced::new(quiet), |_| 1)
    }

    /// Makes one of the items that come while the next stage is busy; as [`Pipeline::conflate`].
    pub fn conflate<A, B, M>(
        mut self,
        begin: B,
        merge: M,
    ) -> Inline<impl Chain<Out = A> + Fallible<Input = S::Out, Handled: Chain<Out = A>>>
    where
        B: FnMut(S::Out) -> A,
        M: FnMut(&mut A, S::Out),
    {
        let stage = self.plan.stage("conflate");
        self.gathered::<_, Worked<S::Out>>(stage, Conflated::new(begin, merge), |_| 1)
    }

    fn gathered<G: Gather<In = S::Out>, K>(
        mut self,
        stage: Arc<crate::pipeline::Stage>,
        gather: G,
        weigh: fn(&G::Out) -> u64,
    ) -> Inline<Gathered<S, G, K>> {
        let segment = Gathered::new(self.segment, gather, weigh, stage);
        self.plan.stages.push(segment.ledger());
        Inline { segment, plan: self.plan }
    }

    /// Lets items pass at a rate, and draws none before it may pass; as [`Pipeline::throttle`].
    pub fn throttle(mut self, rate: Rate) -> Inline<impl Chain<Out = S::Out>> {
        let stage = self.plan.fused("throttle");
        Inline { segment: Throttled::new(self.segment, rate, stage), plan: self.plan }
    }
}
