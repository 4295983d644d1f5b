//! The ends of a pipeline: what makes it run.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};

use super::builder::Pipeline;
use super::concurrency::{Concurrent, Layout};
use super::drive::{Fold, drive};
use super::error::PipelineError;
use super::handle::{Live, PipelineHandle};
use super::hub::Hub;
use super::intake::Intake;
use super::keys::Sort;
use super::on_error::OnError;
use super::outlet::{Awaited, Outlet, Relayed};
use super::plan::Plan;
use super::rules::{Rulebook, above_zero};
use super::segment::Segment;
use super::stream::PipelineStream;
use super::window::Order;
use super::worker::AsyncStage;
use crate::error::{BoxError, Closed, Full};
use crate::policy::{Backoff, RetryBudget};
use crate::queue::Producer;

/// A whole pipeline, ready to run and giving `O` at its end.
///
/// Awaiting it runs it; dropping it meanwhile aborts it. [`spawn`](Self::spawn) runs it beside the caller.
#[must_use = "a pipeline does nothing until it is awaited or spawned"]
pub struct Run<O, K = ()> {
    pub(super) plan: Plan,
    /// What the conductor does: drive the last segment to its end.
    pub(super) finale: BoxFuture<'static, Result<O, PipelineError>>,
    /// What kind of stage the last one is, with what is known of it.
    pub(super) kind: K,
}

impl<S: Segment> Pipeline<S> {
    /// Ends by awaiting `work` for each item, up to `concurrency` at once, begun in order: with more than one
    /// at once, closures that are called at the same moment may overtake each other. With
    /// [`Concurrency::keyed`](super::Concurrency::keyed) those of one key do not.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (sink, mut seen) = tokio::sync::mpsc::channel(3);
    /// Pipeline::from_iter(1..=3)
    ///     .for_each(2, move |n| {
    ///         let sink = sink.clone();
    ///         async move { sink.send(n).await.expect("the receiver lives") }
    ///     })
    ///     .await?;
    /// assert_eq!(seen.recv().await, Some(1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// As [`map_async`](Self::map_async): futures of `work` are dropped only by an abort or a failure.
    ///
    /// # Panics
    /// When `concurrency` is zero.
    #[track_caller]
    pub fn for_each<C, F, Fut>(self, concurrency: C, work: F) -> Run<(), Awaited<S::Item>>
    where
        C: Concurrent<S::Item, Sort: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.sink("for_each", concurrency.layout(), move |item| work(item).map(Ok))
    }

    /// As [`for_each`](Self::for_each), with futures that can fail; see [`Run::on_error`] for what happens then.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let failed = Pipeline::from_iter(1..=3)
    ///     .try_for_each(1, |n| async move { if n == 2 { Err("two") } else { Ok(()) } })
    ///     .named("store")
    ///     .titled("import")
    ///     .await;
    /// assert_eq!(failed.unwrap_err().to_string(), "stage `store` of pipeline `import` failed");
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
    pub fn try_for_each<C, F, Fut, E>(self, concurrency: C, work: F) -> Run<(), Awaited<S::Item>>
    where
        C: Concurrent<S::Item, Sort: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.sink("try_for_each", concurrency.layout(), move |item| work(item).map_err(Into::into))
    }

    /// Ends by sending each item into a queue, in order, waiting while it is full. The producer is dropped at the end.
    ///
    /// When the queue is closed, or full and made to [reject](crate::policy::Overflow::Reject), the pipeline ends with
    /// [`PipelineError::Failed`]; the item that was refused is dropped and counted as failed.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(2);
    /// let running = Pipeline::from_iter(1..=3).map(|n| n * 10).forward(producer).spawn();
    /// let first = consumer.recv().await.expect("three are coming");
    /// assert_eq!(first.into_inner(), 10);
    /// drop(consumer); // nobody takes the rest
    /// assert!(running.await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn forward(self, producer: Producer<S::Item>) -> Run<(), Awaited<S::Item>> {
        let producer = Arc::new(producer);
        self.sink("forward", Concurrent::<S::Item>::layout(1), move |item| {
            let producer = producer.clone();
            async move {
                producer.send(item).await.map_err(|error| {
                    let queue = format!("queue `{}`", producer.name());
                    if error.is_full() {
                        Full::new(queue, producer.capacity()).into()
                    } else {
                        Closed::new(queue).into()
                    }
                })
            }
        })
    }

    fn sink<H, F, Fut>(mut self, kind: &str, layout: Layout<H>, work: F) -> Run<(), Awaited<S::Item>>
    where
        H: Sort<S::Item> + Send + 'static,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let stage = self.plan.stage(kind);
        let (hub, sort) = Hub::laid_out(stage, Layout { order: Order::Sink, ..layout });
        let (segment, rulebook) = (self.segment, Rulebook::new());
        let (ours, rules) = (hub.clone(), rulebook.clone());
        self.plan.starts.push(Box::new(move |engine| {
            let intake = Intake::new(segment, sort, ours.stage().place());
            AsyncStage::start(ours, intake, work, rules.take(), engine.spawner.clone());
        }));
        self.plan.stages.push(hub.clone());
        let mut end: Outlet<(), Relayed> = Outlet::new(&hub, Relayed);
        Run::new(self.plan, async move { drive(&mut end).await }, Awaited(rulebook))
    }

    /// Ends in one value, made of all items in order. Fused: the closure runs on the executor, one item at a time.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let longest = Pipeline::from_iter(["a", "ccc", "bb"]).fold(0, |longest, word| word.len().max(longest)).await?;
    /// assert_eq!(longest, 3);
    /// # Ok(()) }
    /// ```
    pub fn fold<A, F>(mut self, value: A, fold: F) -> Run<A>
    where
        A: Send + 'static,
        F: FnMut(A, S::Item) -> A + Send + 'static,
    {
        let stage = self.plan.fused("fold");
        Run::new(self.plan, Fold::new(self.segment, value, fold, stage).run(), ())
    }

    /// Ends in a collection of all items, in order. Unbounded, as the collection is.
    pub fn collect<C>(mut self) -> Run<C>
    where
        C: Default + Extend<S::Item> + Send + 'static,
    {
        let stage = self.plan.fused("collect");
        let extend = |mut collection: C, item| {
            collection.extend(Some(item));
            collection
        };
        Run::new(self.plan, Fold::new(self.segment, C::default(), extend, stage).run(), ())
    }

    /// Ends in a stream of the items: it starts the pipeline when it is first polled, and aborts it when dropped.
    ///
    /// Stages fused onto the end run where the stream is polled; the others go on by themselves, as far as their windows
    /// reach.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut squares = Pipeline::from_iter(1..).map_async(4, |n: u64| async move { n * n }).into_stream();
    /// assert_eq!(squares.next().await.transpose()?, Some(1));
    /// assert_eq!(squares.next().await.transpose()?, Some(4));
    /// drop(squares); // aborts the endless pipeline
    /// # Ok(()) }
    /// ```
    pub fn into_stream(self) -> PipelineStream<S> {
        PipelineStream::new(self.segment, self.plan)
    }
}

impl<O: Send + 'static, K> Run<O, K> {
    pub(super) fn new(
        plan: Plan,
        finale: impl Future<Output = Result<O, PipelineError>> + Send + 'static,
        kind: K,
    ) -> Self {
        Self { plan, finale: finale.boxed(), kind }
    }

    /// Names the last stage.
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        if let Some(stage) = &self.plan.last {
            stage.rename(name.into());
        }
        self
    }

    /// Names the pipeline; `pipeline#` and a number otherwise.
    pub fn titled(self, title: impl Into<Arc<str>>) -> Self {
        self.plan.set_title(&title.into());
        self
    }

    /// Starts the pipeline beside the caller.
    ///
    /// # Panics
    /// Outside a tokio runtime; and where a branch of a [`broadcast`](Pipeline::broadcast) or of another fan out is neither
    /// part of this pipeline nor dropped.
    #[track_caller]
    pub fn spawn(self) -> PipelineHandle<O> {
        let _ = crate::task::runtime("Pipeline::spawn");
        PipelineHandle::start(Live::launch(self.plan), self.finale)
    }
}

impl<I> Run<(), Awaited<I>> {
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

/// Runs the pipeline to its end.
///
/// # Cancel safety
/// Dropping the future aborts the pipeline; see [`PipelineHandle::abort`] for what becomes of its items.
impl<O: Send + 'static, K> IntoFuture for Run<O, K> {
    type Output = Result<O, PipelineError>;
    type IntoFuture = PipelineHandle<O>;

    #[track_caller]
    fn into_future(self) -> PipelineHandle<O> {
        self.spawn()
    }
}

impl<O, K> fmt::Debug for Run<O, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("plan", &self.plan).finish_non_exhaustive()
    }
}
