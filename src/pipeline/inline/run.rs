//! The ends of a pipeline that runs in one task.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{FutureExt, TryFutureExt};

use super::builder::Inline;
use crate::error::{BoxError, drop_quietly};
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::pipeline::Pipeline;
use crate::pipeline::concurrency::Concurrency;
use crate::pipeline::drive::{Fold, drive_at};
use crate::pipeline::error::{OnError, PipelineError};
use crate::pipeline::handle::{Live, PipelineStats};
use crate::pipeline::outlet::Worked;
use crate::pipeline::plan::Plan;
use crate::pipeline::segment::{Chain, Pace};
use crate::pipeline::stage::{Stage, StageView, Title};
use crate::pipeline::stream::PipelineStream;
use crate::pipeline::window::Order;

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
    kind: PhantomData<fn() -> K>,
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
    /// # Panics
    /// When `concurrency` is zero.
    #[track_caller]
    pub fn for_each<F, Fut>(
        self,
        concurrency: usize,
        mut work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>>, Worked>
    where
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.sink("for_each", Concurrency::unordered(concurrency), move |item| work(item).map(Ok))
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
    /// # Panics
    /// When `concurrency` is zero.
    #[track_caller]
    pub fn try_for_each<F, Fut, E>(
        self,
        concurrency: usize,
        mut work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>>, Worked>
    where
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        self.sink("try_for_each", Concurrency::unordered(concurrency), move |item| work(item).map_err(Into::into))
    }

    fn sink<F, Fut>(
        self,
        kind: &str,
        concurrency: Concurrency,
        work: F,
    ) -> InlineRun<impl Future<Output = Result<(), PipelineError>> + use<S, F, Fut>, Worked>
    where
        F: FnMut(S::Out) -> Fut,
        Fut: Future<Output = Result<(), BoxError>>,
    {
        let Inline { segment, plan } = self.concurrent(kind, concurrency, Order::Sink, work);
        InlineRun::new(plan, async move {
            let mut segment = segment;
            let driven = drive_at(&mut segment, pace()).await;
            drop_quietly(segment);
            driven
        })
    }

    /// Ends in one value, made of all items in order; as [`Pipeline::fold`].
    pub fn fold<A, F>(mut self, value: A, fold: F) -> InlineRun<impl Future<Output = Result<A, PipelineError>>>
    where
        F: FnMut(A, S::Out) -> A,
    {
        let stage = self.plan.fused("fold");
        InlineRun::new(self.plan, Fold::new(self.segment, value, fold, stage).run_at(pace()))
    }

    /// Ends in a collection of all items, in order; as [`Pipeline::collect`].
    pub fn collect<C>(mut self) -> InlineRun<impl Future<Output = Result<C, PipelineError>>>
    where
        C: Default + Extend<S::Out>,
    {
        let stage = self.plan.fused("collect");
        let extend = |mut collection: C, item| {
            collection.extend(Some(item));
            collection
        };
        InlineRun::new(self.plan, Fold::new(self.segment, C::default(), extend, stage).run_at(pace()))
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
    fn new(plan: Plan, finale: F) -> Self {
        let (title, stages, last) = (plan.title.clone(), plan.stages.clone(), plan.last.clone());
        Self { finale: Box::pin(finale), plan: Some(plan), live: None, title, stages, last, kind: PhantomData }
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
        self.title.set(title.into());
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
        PipelineStats { name: self.title.get(), stages: self.stages.iter().map(|stage| stage.stats()).collect() }
    }
}

impl<F> InlineRun<F, Worked> {
    /// Says what the last stage does with an item whose closure fails or panics.
    pub fn on_error(self, on_error: OnError) -> Self {
        if let Some(stage) = &self.last {
            stage.set_policy(on_error);
        }
        self
    }
}

impl<F, O, K> Future for InlineRun<F, K>
where
    F: Future<Output = Result<O, PipelineError>>,
{
    type Output = Result<O, PipelineError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
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
