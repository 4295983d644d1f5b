//! Describing a pipeline, stage by stage.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, TryFutureExt};

use super::concurrency::{Concurrency, Concurrent, Layout, Unkeyed, shape};
use super::cpu::{CHUNK, CpuStage};
use super::fused::{Filter, FlatMap, Map, TryMap};
use super::gather::{Batches, Gather};
use super::gathering::Gathering;
use super::hub::Hub;
use super::intake::Intake;
use super::keys::{Sort, Unsorted};
use super::on_error::OnError;
use super::outlet::{Awaited, Outlet, Relayed, Worked};
use super::plan::Plan;
use super::relay::Buffer;
use super::rules::Rulebook;
use super::segment::Segment;
use super::source::{IterSource, StreamSource};
use super::stage::Stage;
use super::window::{Order, Window};
use super::worker::AsyncStage;
use crate::error::{BoxError, refuse_zero};
use crate::policy::Overflow;
use crate::pool::CpuPool;
use crate::queue::Consumer;
#[allow(unused_imports, reason = "for the links in the docs")]
use crate::queue::Delivery;

/// A chain of stages, described and not yet running; see [the module](super).
///
/// `S` is what the chain is made of, as with iterators; write `Pipeline<impl Segment<Item = T>>` where it must be named.
#[must_use = "a pipeline does nothing until a terminal such as `for_each` is awaited or spawned"]
#[derive(Debug)]
pub struct Pipeline<S> {
    pub(super) segment: S,
    pub(super) plan: Plan,
}

/// Stages that run closures of the user's, and so can fail.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`on_error` must follow a stage that runs a closure",
    note = "sources, `buffer`, `batch`, `throttle`, `take`, fan out and most of fan in run no closure that could fail; put `on_error` right behind `map`, `map_async`, `map_cpu` …, before the type is hidden behind `impl Segment`"
)]
pub trait Fallible {
    /// What comes into the stage.
    type Input;
    /// The stage, once it has a policy.
    type Handled;

    #[doc(hidden)]
    fn handled(self, on_error: OnError<Self::Input>) -> Self::Handled;
}

impl<I: Iterator> Pipeline<IterSource<I>> {
    /// Begins with the items of an iterator, drawn one by one as there is room for them.
    ///
    /// The iterator runs on the executor: it must not block.
    #[allow(
        clippy::should_implement_trait,
        reason = "a source beside `from_stream` and `from_queue`, not a collection"
    )]
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let doubled: Vec<u32> = Pipeline::from_iter([1, 2, 3]).map(|n| n * 2).collect().await?;
    /// assert_eq!(doubled, [2, 4, 6]);
    /// # Ok(()) }
    /// ```
    pub fn from_iter<C>(items: C) -> Self
    where
        C: IntoIterator<Item = I::Item, IntoIter = I>,
    {
        let mut plan = Plan::new();
        let stage = plan.fused("from_iter");
        let stop = plan.stop.clone();
        Self { segment: IterSource::new(items.into_iter(), stop, stage), plan }
    }
}

impl<S: Stream> Pipeline<StreamSource<S>> {
    /// Begins with the items of a stream. It is polled only while there is room, and by one task at a time.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lines = futures::stream::iter(["a", "b"]);
    /// let loud: Vec<String> = Pipeline::from_stream(lines).map(str::to_uppercase).collect().await?;
    /// assert_eq!(loud, ["A", "B"]);
    /// # Ok(()) }
    /// ```
    pub fn from_stream(stream: S) -> Self {
        let mut plan = Plan::new();
        let stage = plan.fused("from_stream");
        let stop = plan.stop.clone();
        Self { segment: StreamSource::new(stream, stop, stage), plan }
    }
}

impl<T: Send + 'static> Pipeline<StreamSource<Consumer<T>>> {
    /// Begins with the deliveries of a queue; ends when it is closed and drained.
    ///
    /// A [`Delivery`] is finished by whoever gets it: map with [`Delivery::into_inner`] to finish it at once, or call
    /// [`Delivery::done`] at the end of the pipeline, so that an item whose stage fails, is skipped or is aborted goes
    /// back to the queue. **A delivery that a stage merely drops is put back too: the pipeline works on it again, and never
    /// ends.**
    ///
    /// - The pipeline owns this consumer. When it ends and there is no other, the queue is closed, and what is queued or
    ///   comes back is discarded and counted there; [`drain`](super::PipelineHandle::drain) stops taking from the queue
    ///   too. To handle everything, close the queue and await the pipeline; to keep the queue, keep a clone of the
    ///   consumer.
    /// - A queue has not ended while a delivery is out. So one that is kept for the end of the pipeline, in a
    ///   [`collect`](Self::collect) or a [`batch`](Self::batch) that waits for more, keeps that end from coming.
    /// - An item whose stage is told to skip failures comes back, and fails again: set
    ///   [`attempts`](crate::queue::Builder::attempts).
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::bounded(8);
    /// let running = Pipeline::from_queue(consumer)
    ///     .for_each(4, |mail: queue::Delivery<String>| async move {
    ///         println!("sent {}", *mail);
    ///         mail.done(); // without this it would go back to the queue
    ///     })
    ///     .spawn();
    /// producer.send("hello".to_owned()).await?;
    /// producer.join().await;
    /// drop(producer); // closes the queue, and that ends the pipeline
    /// running.await?;
    /// # Ok(()) }
    /// ```
    pub fn from_queue(consumer: Consumer<T>) -> Self {
        let mut plan = Plan::new();
        let stage = plan.fused("from_queue");
        let stop = plan.stop.clone();
        Self { segment: StreamSource::new(consumer, stop, stage), plan }
    }
}

impl<S: Segment> Pipeline<S> {
    /// Turns each item into another.
    ///
    /// Fused: runs where the items are pulled, one at a time and in order, without a task or a queue of its own. It
    /// runs on the executor: for more than some microseconds a time use [`map_cpu`](Self::map_cpu).
    pub fn map<F, U>(mut self, apply: F) -> Pipeline<Map<S, F>>
    where
        F: FnMut(S::Item) -> U + Send + 'static,
        U: Send + 'static,
    {
        let stage = self.plan.fused("map");
        Pipeline { segment: Map::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Turns each item into another, or fails; see [`on_error`](Self::on_error) for what happens then. Fused, as
    /// [`map`](Self::map).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (good, bad) = (Pipeline::from_iter(["1", "2"]), Pipeline::from_iter(["1", "two"]));
    /// assert_eq!(good.try_map(str::parse::<u32>).fold(0, |sum, n| sum + n).await?, 3);
    ///
    /// let error = bad.try_map(str::parse::<u32>).named("parse").fold(0, |sum, n| sum + n).titled("sums").await.unwrap_err();
    /// assert_eq!(error.to_string(), "stage `parse` of pipeline `sums` failed");
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](super::PipelineError::Failed).
    pub fn try_map<F, U, E>(mut self, apply: F) -> Pipeline<TryMap<S, F>>
    where
        F: FnMut(S::Item) -> Result<U, E> + Send + 'static,
        U: Send + 'static,
        E: Into<BoxError>,
    {
        let stage = self.plan.fused("try_map");
        Pipeline { segment: TryMap::new(self.segment, apply, stage), plan: self.plan }
    }

    /// Lets through the items that are to be kept. Fused, as [`map`](Self::map).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let odd: Vec<u32> = Pipeline::from_iter(1..=5).filter(|n| n % 2 == 1).collect().await?;
    /// assert_eq!(odd, [1, 3, 5]);
    /// # Ok(()) }
    /// ```
    pub fn filter<F>(mut self, keep: F) -> Pipeline<Filter<S, F>>
    where
        F: FnMut(&S::Item) -> bool + Send + 'static,
    {
        let stage = self.plan.fused("filter");
        Pipeline { segment: Filter::new(self.segment, keep, stage), plan: self.plan }
    }

    /// Turns each item into any number of items, also none. Fused, as [`map`](Self::map); the parts are drawn one by
    /// one as there is room for them, so an item may have endlessly many.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let letters: String = Pipeline::from_iter(["ab", "", "c"]).flat_map(|word| word.chars()).collect().await?;
    /// assert_eq!(letters, "abc");
    /// # Ok(()) }
    /// ```
    pub fn flat_map<F, I>(mut self, split: F) -> Pipeline<FlatMap<S, F, I::IntoIter>>
    where
        F: FnMut(S::Item) -> I + Send + 'static,
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
    {
        let stage = self.plan.fused("flat_map");
        Pipeline { segment: FlatMap::new(self.segment, split, stage), plan: self.plan }
    }

    /// Turns items into others with futures, up to `concurrency` at once: a number keeps the order of the input,
    /// [`Concurrency::unordered`] gives results as they come.
    ///
    /// Each future runs in a task of the stage's, so it goes on whatever its neighbours and the stages after it do. The
    /// stage holds at most `concurrency` items in work, and as many results again (at least 16) that wait to be taken,
    /// for the next stage or for an earlier item.
    ///
    /// Tasks own what they use: clone what `work` needs for each future, `move |item| { let client = client.clone(); async move
    /// { … } }`. To borrow instead, or to use what is not [`Send`], run the stages in the caller's task:
    /// [`inline`](Self::inline).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let numbers = Pipeline::from_iter(0..100_u64);
    /// let squares: Vec<u64> = numbers
    ///     .map_async(8, |n| async move {
    ///         tokio::task::yield_now().await; // eight of these are under way at once
    ///         n * n
    ///     })
    ///     .collect()
    ///     .await?;
    /// assert_eq!(squares[99], 9801); // in order
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    /// A future of `work` is polled by its own task until it ends. It is dropped before that, at whatever await it is,
    /// only when the pipeline is aborted or ends with a failure; its item is then counted as discarded.
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn map_async<C, F, Fut, U>(self, concurrency: C, work: F) -> Pipeline<Outlet<U, Awaited<S::Item>>>
    where
        C: Concurrent<S::Item, Sort: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = U> + Send + 'static,
        U: Send + 'static,
    {
        self.async_stage("map_async", concurrency.layout(), move |item| {
            futures::FutureExt::map(work(item), Ok::<U, BoxError>)
        })
    }

    /// As [`map_async`](Self::map_async), with futures that can fail; see [`on_error`](Self::on_error) for what happens
    /// then.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{OnError, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// async fn fetch(id: u32) -> Result<String, String> {
    ///     if id == 2 { Err(format!("no user {id}")) } else { Ok(format!("user {id}")) }
    /// }
    ///
    /// let users = Pipeline::from_iter(1..=3).try_map_async(8, fetch).on_error(OnError::Skip);
    /// assert_eq!(users.collect::<Vec<_>>().await?, ["user 1", "user 3"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// An error of `work` fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](super::PipelineError::Failed).
    ///
    /// # Cancel safety
    /// As [`map_async`](Self::map_async).
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn try_map_async<C, F, Fut, U, E>(self, concurrency: C, work: F) -> Pipeline<Outlet<U, Awaited<S::Item>>>
    where
        C: Concurrent<S::Item, Sort: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, E>> + Send + 'static,
        U: Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.async_stage("try_map_async", concurrency.layout(), move |item| work(item).map_err(Into::into))
    }

    fn async_stage<H, F, Fut, U>(
        mut self,
        kind: &str,
        layout: Layout<H>,
        work: F,
    ) -> Pipeline<Outlet<U, Awaited<S::Item>>>
    where
        H: Sort<S::Item> + Send + 'static,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, BoxError>> + Send + 'static,
        U: Send + 'static,
    {
        let stage = self.plan.stage(kind);
        let (hub, sort) = Hub::laid_out(stage, layout);
        let (segment, rulebook) = (self.segment, Rulebook::new());
        let (ours, rules) = (hub.clone(), rulebook.clone());
        self.plan.starts.push(Box::new(move |engine| {
            let intake = Intake::new(segment, sort, ours.stage().place());
            AsyncStage::start(ours, intake, work, rules.take(), engine.spawner.clone());
        }));
        self.plan.stages.push(hub.clone());
        Pipeline { segment: Outlet::new(&hub, Awaited(rulebook)), plan: self.plan }
    }

    /// Turns items into others on the runtime's default [`CpuPool`], at most `concurrency` closures at once: for work
    /// that takes too long for the executor.
    ///
    /// Items are handed over in chunks of up to 64, as many as are ready and take about a tenth of a millisecond
    /// together, so that cheap closures are worth the trip too. For blocking on files or sockets use
    /// [`map_async`](Self::map_async) with [`tokio::task::spawn_blocking`].
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let words = Pipeline::from_iter(vec!["racing"; 1000]);
    /// let lengths: Vec<usize> = words.map_cpu(2, |word| word.chars().rev().count()).collect().await?;
    /// assert_eq!(lengths, vec![6; 1000]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn map_cpu<F, U>(self, concurrency: impl Unkeyed, work: F) -> Pipeline<Outlet<U, Worked<S::Item>>>
    where
        F: Fn(S::Item) -> U + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.cpu_stage("map_cpu", concurrency.concurrency(), None, move |item| Ok(work(item)))
    }

    /// As [`map_cpu`](Self::map_cpu), on a pool of the caller's choice.
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn map_cpu_on<F, U>(
        self,
        pool: &CpuPool,
        concurrency: impl Unkeyed,
        work: F,
    ) -> Pipeline<Outlet<U, Worked<S::Item>>>
    where
        F: Fn(S::Item) -> U + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.cpu_stage("map_cpu", concurrency.concurrency(), Some(pool.clone()), move |item| Ok(work(item)))
    }

    /// As [`map_cpu`](Self::map_cpu), with closures that can fail; see [`on_error`](Self::on_error) for what happens
    /// then.
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](super::PipelineError::Failed).
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn try_map_cpu<F, U, E>(self, concurrency: impl Unkeyed, work: F) -> Pipeline<Outlet<U, Worked<S::Item>>>
    where
        F: Fn(S::Item) -> Result<U, E> + Send + Sync + 'static,
        U: Send + 'static,
        E: Into<BoxError>,
    {
        self.cpu_stage("try_map_cpu", concurrency.concurrency(), None, move |item| work(item).map_err(Into::into))
    }

    /// As [`try_map_cpu`](Self::try_map_cpu), on a pool of the caller's choice.
    ///
    /// # Errors
    /// An error of the closure fails its item, and with [`OnError::Stop`] the pipeline, as
    /// [`PipelineError::Failed`](super::PipelineError::Failed).
    ///
    /// # Panics
    /// When the concurrency is zero.
    #[track_caller]
    pub fn try_map_cpu_on<F, U, E>(
        self,
        pool: &CpuPool,
        concurrency: impl Unkeyed,
        work: F,
    ) -> Pipeline<Outlet<U, Worked<S::Item>>>
    where
        F: Fn(S::Item) -> Result<U, E> + Send + Sync + 'static,
        U: Send + 'static,
        E: Into<BoxError>,
    {
        let pool = Some(pool.clone());
        self.cpu_stage("try_map_cpu", concurrency.concurrency(), pool, move |item| work(item).map_err(Into::into))
    }

    fn cpu_stage<F, U>(
        mut self,
        kind: &str,
        concurrency: Concurrency,
        pool: Option<CpuPool>,
        work: F,
    ) -> Pipeline<Outlet<U, Worked<S::Item>>>
    where
        F: Fn(S::Item) -> Result<U, BoxError> + Send + Sync + 'static,
        U: Send + 'static,
    {
        let stage = self.plan.stage(kind);
        let order = if concurrency.is_ordered() { Order::Input } else { Order::Completion };
        let hub = Hub::new(stage, shape(concurrency.limit(), CHUNK), Window::new(order));
        let (segment, rulebook) = (self.segment, Rulebook::new());
        let (ours, rules) = (hub.clone(), rulebook.clone());
        self.plan.starts.push(Box::new(move |engine| {
            let pool = pool.unwrap_or_else(CpuPool::current);
            let intake = Intake::new(segment, Unsorted, ours.stage().place());
            CpuStage::start(ours, intake, work, rules.take(), pool, engine.clone());
        }));
        self.plan.stages.push(hub.clone());
        Pipeline { segment: Outlet::new(&hub, Worked(rulebook)), plan: self.plan }
    }

    /// Lets upstream run ahead by up to `capacity` items; `overflow` says what happens when it is further ahead.
    ///
    /// With [`Overflow::Reject`] the pipeline ends with [`PipelineError::Full`](super::PipelineError::Full) after what
    /// was buffered.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, policy::Overflow};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Only the latest reading matters: the source is never held back, and at most three wait.
    /// let readings = Pipeline::from_iter(1..=100).buffer(3, Overflow::DropOldest);
    /// let seen: Vec<u32> = readings.collect().await?;
    /// assert_eq!(seen.last(), Some(&100));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn buffer(mut self, capacity: usize, overflow: Overflow) -> Pipeline<Outlet<S::Item, Relayed>> {
        refuse_zero("pipeline", "the buffer's capacity", capacity);
        let stage = self.plan.stage("buffer");
        let hub = Buffer::<S>::hub(stage.clone(), capacity, overflow);
        let (segment, ours) = (self.segment, hub.clone());
        self.plan.starts.push(Box::new(move |engine| {
            engine.spawner.spawn_boxed(&stage.name(), Buffer::run(segment, ours, capacity, overflow));
        }));
        self.plan.stages.push(hub.clone());
        Pipeline { segment: Outlet::new(&hub, Relayed), plan: self.plan }
    }

    /// Gathers items into batches of `size`; a batch that is not full leaves when its first item has waited for
    /// `linger`, or at the end. No batch is empty.
    ///
    /// The stage has a task of its own, so a batch is closed in time also while the next stage is busy; it then waits
    /// to be taken, and grows no more. `linger` runs on tokio's clock.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rows = Pipeline::from_iter(1..=5).batch(2, Duration::from_millis(50));
    /// assert_eq!(rows.collect::<Vec<_>>().await?, [vec![1, 2], vec![3, 4], vec![5]]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `size` is zero.
    #[track_caller]
    pub fn batch(mut self, size: usize, linger: Duration) -> Pipeline<Outlet<Vec<S::Item>, Relayed>> {
        refuse_zero("pipeline", "the batch's size", size);
        let stage = self.plan.stage("batch");
        self.gathered(
            stage,
            Batches::new(size as u64, linger, usize::MAX, |_: &S::Item| 1),
            |batch| batch.len() as u64,
            |_| Relayed,
        )
    }

    /// A stage that gathers; `weigh` tells how many items a result stands for.
    pub(super) fn gathered<G: Gather<In = S::Item, Out: Send + 'static> + Send + 'static, K: 'static>(
        mut self,
        stage: Arc<Stage>,
        gather: G,
        weigh: fn(&G::Out) -> u64,
        kind: fn(Rulebook<S::Item>) -> K,
    ) -> Pipeline<Outlet<G::Out, K>> {
        let hub = Gathering::<S, G>::hub(stage.clone(), weigh);
        let (segment, rulebook) = (self.segment, Rulebook::new());
        let (ours, rules) = (hub.clone(), rulebook.clone());
        self.plan.starts.push(Box::new(move |engine| {
            let gathering = Gathering::new(segment, &ours, gather, weigh, rules.take().on_error);
            engine.spawner.spawn_boxed(&stage.name(), gathering.run());
        }));
        self.plan.stages.push(hub.clone());
        Pipeline { segment: Outlet::new(&hub, kind(rulebook)), plan: self.plan }
    }

    /// Names the stage that was added last, in errors, traces, statistics and snapshots.
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        if let Some(stage) = &self.plan.last {
            stage.rename(name.into());
        }
        self
    }

    /// Says what the stage that was added last does with an item whose closure fails or panics.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{OnError, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut running = Pipeline::from_iter(["1", "x", "3"])
    ///     .try_map(str::parse::<u32>)
    ///     .on_error(OnError::Skip)
    ///     .fold(0, |sum, n| sum + n)
    ///     .spawn();
    /// assert_eq!((&mut running).await?, 4);
    /// assert_eq!(running.stats().stages[1].flow.failed, 1);
    /// # Ok(()) }
    /// ```
    pub fn on_error<I, H>(self, on_error: OnError<I>) -> Pipeline<H>
    where
        // Spelled so that the compiler says in words what is wrong, and not that there is no such method.
        S: Fallible<Input = I, Handled = H>,
    {
        Pipeline { segment: self.segment.handled(on_error), plan: self.plan }
    }
}
