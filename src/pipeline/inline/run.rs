//! The ends of a pipeline that runs in one task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{FutureExt, TryFutureExt};

use super::builder::Inline;
use crate::error::{BoxError, drop_quietly};
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::pipeline::Pipeline;
use crate::pipeline::concurrency::{Concurrent, Layout};
use crate::pipeline::drive::{Fold, drive_at};
use crate::pipeline::error::PipelineError;
use crate::pipeline::handle::{Live, PipelineStats};
use crate::pipeline::keys::Sort;
use crate::pipeline::on_error::OnError;
use crate::pipeline::outlet::Awaited;
use crate::pipeline::plan::Plan;
use crate::pipeline::retry::Attempted;
use crate::pipeline::rules::{Rulebook, above_zero};
use crate::pipeline::segment::{Chain, Pace};
use crate::pipeline::stage::{Stage, StageView, Title};
use crate::pipeline::stream::PipelineStream;
use crate::pipeline::window::Order;
use crate::policy::{Backoff, RetryBudget};

/// A whole pipeline in one future, made by an end such as [`Inline::for_each`].
///
/// Awaiting it runs it, in the task that awaits; nothing of it runs while it is not polled.
///
/// # Cancel safety
/// Awaiting `&mut run` may be given up and taken up again. Dropping the run drops everything in it: items, futures, closures.
///
/// # Errors
/// [`PipelineError`]: the first failure, in the order of the results, of a stage whose policy is to stop. By then nothing
/// that the stages captured is left.
///
/// # Panics
/// When it is polled again after it has given its result.
#[must_use = "a pipeline does nothing until it is awaited"]
pub struct InlineRun<F, K = ()> {
    /// Runs everything, and drops it before it ends.
    finale: Pin<Box<F>>,
    /// Until the first poll.
    plan: Option<Plan>,
    /// From the first poll on: the pipeline as the registry shows it.
    live: Option<Arc<Live>>,
    title: Arc<Title>,
    stages: Vec<Arc<dyn StageView>>,
    last: Option<Arc<Stage>>,
    /// What kind of stage the last one is, with what is known of it.
    kind: K,
}

impl<S: Chain> Inline<S> {
    /// Ends by awaiting `work` for each item, up to `concurrency` at once, begun in order. While these futures are pending,
    /// those of the stages before go on.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (lengths, longest) = (["a", "ccc", "bb"], std::cell::Cell::new(0));
    /// Pipeline::from_iter(&lengths)
    ///     .inline()
    ///     .map_async(2, async |word| word.len())
    ///     .for_each(1, async |length| longest.set(longest.get().max(length)))
    ///     .await?;
    /// assert_eq!(longest.get(), 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [awaiting it](InlineRun): a stage has failed.
    ///
    /// # Cancel safety
    /// As [`InlineRun`]: dropping it drops everything inside.
    ///
    /// # Panics
    /// When `concurrency` is zero.
    #[track_caller]
    pub fn for_each<C, F, Fut>(
        self,
        concurrency: C,
        mut work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>>, Awaited<S::Out>>
    where
        C: Concurrent<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.sink("for_each", concurrency.layout(), move |item| work(item).map(Ok))
    }

    /// As [`for_each`](Self::for_each), with futures that can fail; see [`InlineRun::on_error`] for what happens then.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stock = [3_u32, 0, 5];
    /// let failed = Pipeline::from_iter(&stock)
    ///     .inline()
    ///     .try_for_each(1, async |left| left.checked_sub(1).map(drop).ok_or("sold out"))
    ///     .named("sell")
    ///     .titled("shop")
    ///     .await;
    /// assert_eq!(failed.unwrap_err().to_string(), "stage `sell` of pipeline `shop` failed");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// An error of `work` fails its item, and with [`OnError::Stop`] the pipeline, as [`PipelineError::Failed`].
    ///
    /// # Cancel safety
    /// As [`for_each`](Self::for_each).
    ///
    /// # Panics
    /// When `concurrency` is zero.
    #[track_caller]
    pub fn try_for_each<C, F, Fut, E>(
        self,
        concurrency: C,
        mut work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>>, Awaited<S::Out>>
    where
        C: Concurrent<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        self.sink("try_for_each", concurrency.layout(), move |item| work(item).map_err(Into::into))
    }

    fn sink<H, F, Fut>(
        self,
        kind: &str,
        layout: Layout<H>,
        work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>> + use<S, H, F, Fut>, Awaited<S::Out>>
    where
        H: Sort<S::Out>,
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<(), BoxError>>,
    {
        let Inline { mut segment, plan } = self.concurrent(kind, Layout { order: Order::Sink, ..layout }, work);
        let rulebook = Rulebook::new();
        let rules = rulebook.clone();
        let finale = async move {
            segment.amend(|inside| *inside = rules.take());
            let driven = drive_at(&mut segment, pace()).await;
            drop_quietly(segment);
            driven
        };
        InlineRun::new(plan, finale, Awaited(rulebook))
    }

    /// Ends in one value, made of all items in order; as [`Pipeline::fold`].
    ///
    /// # Errors
    /// As [awaiting it](InlineRun): a stage has failed.
    ///
    /// # Cancel safety
    /// As [`InlineRun`]: dropping it drops everything inside.
    pub fn fold<A, F>(mut self, value: A, fold: F) -> InlineRun<impl Future<Output = Result<A, PipelineError>>>
    where
        F: FnMut(A, S::Out) -> A,
    {
        let stage = self.plan.fused("fold");
        InlineRun::new(self.plan, Fold::new(self.segment, value, fold, stage).run_at(pace()), ())
    }

    /// Ends in a collection of all items, in order; as [`Pipeline::collect`].
    ///
    /// # Errors
    /// As [awaiting it](InlineRun): a stage has failed.
    ///
    /// # Cancel safety
    /// As [`InlineRun`]: dropping it drops everything inside.
    pub fn collect<C>(mut self) -> InlineRun<impl Future<Output = Result<C, PipelineError>>>
    where
        C: Default + Extend<S::Out>,
    {
        let stage = self.plan.fused("collect");
        let extend = |mut collection: C, item| {
            collection.extend(Some(item));
            collection
        };
        InlineRun::new(self.plan, Fold::new(self.segment, C::default(), extend, stage).run_at(pace()), ())
    }

    /// Ends in a stream of the items, which runs all stages where it is polled.
    ///
    /// **While the caller is busy with an item, nobody polls the stream, and every future in it stands still**, as in
    /// `futures::StreamExt::buffered`: its timeouts fire, its locks stay taken. Where an item is worth an await use
    /// [`for_each`](Self::for_each), which polls both.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let factor = 3;
    /// let mut multiples = Pipeline::from_iter(1..).inline().map_async(4, async |n| n * factor).into_stream();
    /// assert_eq!(multiples.next().await.transpose()?, Some(3));
    /// assert_eq!(multiples.next().await.transpose()?, Some(6));
    /// # Ok(()) }
    /// ```
    pub fn into_stream(self) -> PipelineStream<S> {
        PipelineStream::new(self.segment, self.plan)
    }
}

/// In what chunks a run goes on. Where the clock stands still, others have their turn after 128 chunks, when the task's
/// cooperative budget ends; so they are not large.
fn pace() -> Pace {
    Pace::repeatable(256)
}

impl<F, K> InlineRun<F, K> {
    fn new(plan: Plan, finale: F, kind: K) -> Self {
        let (title, stages, last) = (plan.title.clone(), plan.stages.clone(), plan.last.clone());
        Self { finale: Box::pin(finale), plan: Some(plan), live: None, title, stages, last, kind }
    }

    /// Names the last stage.
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        if let Some(stage) = &self.last {
            stage.rename(name.into());
        }
        self
    }

    /// Names the pipeline; `pipeline#` and a number otherwise.
    pub fn titled(self, title: impl Into<Arc<str>>) -> Self {
        let title = title.into();
        if let Some(plan) = &self.plan {
            plan.set_title(&title);
        }
        self
    }

    /// What each stage has done and what it holds, also after the end.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{OnError, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let numbers = Pipeline::from_iter(["1", "x", "3"]).inline().try_map(str::parse::<u32>).on_error(OnError::Skip);
    /// let mut run = numbers.fold(0, |sum, n| sum + n);
    /// assert_eq!((&mut run).await?, 4);
    /// assert_eq!(run.stats().stages[1].flow.failed, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        PipelineStats::of(self.title.get(), &self.stages)
    }
}

impl<F, I> InlineRun<F, Awaited<I>> {
    /// Says what the last stage does with an item whose closure fails or panics.
    pub fn on_error(self, on_error: OnError<I>) -> Self {
        self.kind.0.amend(|rules| rules.on_error = on_error);
        self
    }

    /// As [`Pipeline::retry`], for the last stage.
    pub fn retry(self, backoff: Backoff) -> Self
    where
        I: Clone,
    {
        self.kind.0.amend(|rules| rules.retry(backoff));
        self
    }

    /// As [`Pipeline::retry_budget`], for the last stage.
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        self.kind.0.amend(|rules| rules.budget = budget);
        self
    }

    /// As [`Pipeline::timeout`], for the last stage.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[track_caller]
    pub fn timeout(self, limit: Duration) -> Self {
        let limit = above_zero(limit);
        self.kind.0.amend(|rules| rules.timeout = limit);
        self
    }
}

// What is pinned is boxed.
impl<F, K> Unpin for InlineRun<F, K> {}

impl<F, O, K> Future for InlineRun<F, K>
where
    F: Future<Output = Result<O, PipelineError>>,
{
    type Output = Result<O, PipelineError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(plan) = this.plan.take() {
            this.live = Some(Live::launch(plan));
        }
        let result = ready!(this.finale.as_mut().poll(cx));
        if let Some(live) = &this.live {
            live.stop_now();
        }
        Poll::Ready(result)
    }
}

impl<F, K> fmt::Debug for InlineRun<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineRun").field("plan", &self.plan).finish_non_exhaustive()
    }
}
