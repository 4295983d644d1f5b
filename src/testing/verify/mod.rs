//! The rules of streams, run against any stage.

mod ends;
mod flow;
mod load;
mod rig;
mod rule;

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::{BoxStream, StreamExt};
use tokio::runtime::{Handle, RuntimeFlavor};

pub use rule::{Broken, Report, Rule};

use super::probe::PATIENCE;
use rig::{Bench, Boxed};

/// Runs a stage through all the [rules](Rule), with the options of [`Verify::new`].
///
/// The factory puts a stage, set up so that it gives what it gets, onto a stream of numbers, a
/// [`BoxStream<'static, u32>`](futures::stream::BoxStream). It is called for each scenario anew. What gives plain items and no
/// `Result`s is mapped with `Ok`.
///
/// Most adapters that are written by hand break three rules, and `StreamExt::map` does: they ask a source that has ended
/// again, keep it until they are dropped, and let nobody else have a turn. Where that is meant, look at the others with
/// [`Verify::without`]; [`Rule::SourceEnd`], [`Rule::ReleaseAtEnd`] and [`Rule::Fairness`] are mended by an
/// `Option` that is emptied at the end, and by [`tokio::task::coop`].
///
/// # Examples
/// A stage of one's own that is right, and one that is not:
/// ```
/// use futures::{StreamExt, stream};
/// use regatta::{pipeline::Pipeline, testing::{self, Rule}};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let good = testing::verify_stage(|input| {
///     Pipeline::from_stream(input).filter(|n| *n < u32::MAX).map(|n| n + 1).map(|n| n - 1).into_stream()
/// });
/// good.await.assert_ok();
///
/// // Reads everything before it gives anything.
/// let greedy = testing::verify_stage(|input| {
///     stream::once(input.collect::<Vec<_>>()).flat_map(stream::iter).map(Ok::<u32, ()>)
/// });
/// let report = greedy.await;
/// assert!(report.broken().iter().any(|broken| broken.rule == Rule::Demand));
/// # }
/// ```
///
/// An adapter written by hand:
/// ```
/// use futures::{Stream, StreamExt, stream::BoxStream};
/// use regatta::testing;
/// use std::{pin::Pin, task::{Context, Poll, ready}};
///
/// /// Gives what it gets, and lets its source go at the end.
/// struct Pass(Option<BoxStream<'static, u32>>);
///
/// impl Stream for Pass {
///     type Item = Result<u32, ()>;
///
///     fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
///         let Some(source) = &mut self.0 else { return Poll::Ready(None) };
///         let turn = ready!(tokio::task::coop::poll_proceed(cx)); // others have theirs
///         let item = ready!(source.poll_next_unpin(cx));
///         turn.made_progress();
///         if item.is_none() {
///             self.0 = None;
///         }
///         Poll::Ready(item.map(Ok))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// testing::verify_stage(|input| Pass(Some(input))).await.assert_ok();
/// # }
/// ```
///
/// # Panics
/// When the runtime has no timers. A panic of the factory goes on to the caller.
///
/// # Cancel safety
/// Safe: there is nothing to lose.
pub async fn verify_stage<M, S, E>(make: M) -> Report
where
    M: Fn(BoxStream<'static, u32>) -> S + Sync,
    S: Stream<Item = Result<u32, E>> + Send + 'static,
    E: Debug + 'static,
{
    Verify::new().run(make).await
}

/// Runs a stage through the [rules](Rule), and knows what it may do.
///
/// It runs in the caller's runtime, on one thread or on several, with a paused clock or a real one. What must not happen is
/// waited for by [turns](super::quiet), what must happen for at most the [patience](Self::patience): so a good stage
/// takes no time, a bad one may take some seconds, less with the clock paused.
///
/// # Examples
/// ```
/// use regatta::{pipeline::{Concurrency, Pipeline}, testing::Verify};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let held = Arc::new("what the closure captures");
/// let inside = held.clone();
/// Verify::new()
///     .unordered()
///     .holds_at_most(4 + 16)
///     .captured(&held)
///     .run(move |input| {
///         let inside = inside.clone();
///         let stage = Pipeline::from_stream(input).map_async(Concurrency::unordered(4), move |n| {
///             let inside = inside.clone();
///             async move { if inside.is_empty() { 0 } else { n } }
///         });
///         stage.into_stream()
///     })
///     .await
///     .assert_ok();
/// # }
/// ```
#[must_use = "it does nothing until it is run"]
pub struct Verify {
    is_ordered: bool,
    is_lossy: bool,
    holds: usize,
    items: u32,
    patience: Duration,
    without: Vec<Rule>,
    /// How many there are of what closures captured.
    captured: Vec<Box<dyn Fn() -> usize + Send + Sync>>,
}

impl Verify {
    /// A stage that keeps the order, loses nothing, and holds no more than the item at hand.
    ///
    /// # Examples
    /// See [`Verify`].
    pub fn new() -> Self {
        Self {
            is_ordered: true,
            is_lossy: false,
            holds: 1,
            items: 100_000,
            patience: PATIENCE,
            without: Vec::new(),
            captured: Vec::new(),
        }
    }

    /// The stage may change the order.
    ///
    /// # Examples
    /// See [`Verify`].
    pub fn unordered(mut self) -> Self {
        self.is_ordered = false;
        self
    }

    /// The stage may leave items out while nobody takes them.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, policy::Overflow, testing::Verify};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let latest = Verify::new().lossy().holds_at_most(usize::MAX);
    /// latest.run(|input| Pipeline::from_stream(input).buffer(4, Overflow::DropOldest).into_stream()).await.assert_ok();
    /// # }
    /// ```
    pub fn lossy(mut self) -> Self {
        self.is_lossy = true;
        self
    }

    /// How many items the stage may have pulled that nobody has taken; `usize::MAX` for one that never holds its source back.
    /// Default: 1.
    ///
    /// # Examples
    /// See [`Verify`].
    pub fn holds_at_most(mut self, items: usize) -> Self {
        self.holds = items;
        self
    }

    /// How many items the long runs have, which look at the stack and at other tasks. Default: 100,000.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing::Verify};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let costly = Verify::new().items(20_000);
    /// costly.run(|input| Pipeline::from_stream(input).inspect(|n| assert!(*n < 20_000)).into_stream()).await.assert_ok();
    /// # }
    /// ```
    pub fn items(mut self, items: u32) -> Self {
        self.items = items;
        self
    }

    /// How long what must happen is waited for. Default: 5 seconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let strict = regatta::testing::Verify::new().patience(Duration::from_millis(500));
    /// # drop(strict);
    /// ```
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Leaves a rule out, for a stage that breaks it on purpose.
    ///
    /// # Examples
    /// See [`Report`].
    pub fn without(mut self, rule: Rule) -> Self {
        self.without.push(rule);
        self
    }

    /// Something that the stage's closures have clones of, to see whether they are dropped when they have to be. The factory
    /// has its clone already; nobody else may make or drop any while the rules are run.
    ///
    /// # Examples
    /// See [`Verify`].
    pub fn captured<T: Send + Sync + 'static>(mut self, value: &Arc<T>) -> Self {
        let value = Arc::downgrade(value);
        self.captured.push(Box::new(move || value.strong_count()));
        self
    }

    /// Puts the stage that `make` gives through the rules.
    ///
    /// # Cancel safety
    /// Safe: there is nothing to lose.
    ///
    /// # Panics
    /// When the runtime has no timers. A panic of the factory goes on to the caller.
    ///
    /// # Examples
    /// See [`Verify`].
    pub async fn run<M, S, E>(self, make: M) -> Report
    where
        M: Fn(BoxStream<'static, u32>) -> S + Sync,
        S: Stream<Item = Result<u32, E>> + Send + 'static,
        E: Debug + 'static,
    {
        let boxed = move |input| make(input).map(|item| item.map_err(|error| format!("{error:?}"))).boxed();
        self.check(&boxed).await
    }

    async fn check(&self, make: &(dyn Fn(BoxStream<'static, u32>) -> Boxed + Sync)) -> Report {
        let bench = Bench::new(self, make);
        let (mut report, mut load) = (Report::default(), None);
        // With several threads others have their turns whatever a stage does: nothing to look at.
        let is_one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        for rule in Rule::ALL {
            if self.without.contains(&rule) || (rule == Rule::Fairness && !is_one_thread) {
                continue;
            }
            let seen = match rule {
                Rule::Whole => flow::whole(&bench).await,
                Rule::Demand => flow::demand(&bench).await,
                Rule::Idle => flow::idle(&bench).await,
                Rule::LateDemand => flow::late_demand(&bench).await,
                Rule::Resume => flow::resume(&bench).await,
                Rule::Fused => ends::fused(&bench).await,
                Rule::SourceEnd => ends::source_end(&bench).await,
                Rule::Panic => ends::panic(&bench).await,
                Rule::ReleaseAtEnd => ends::release_at_end(&bench).await,
                Rule::ReleaseOnDrop => ends::release_on_drop(&bench).await,
                Rule::NothingAfterDrop => ends::nothing_after_drop(&bench).await,
                Rule::Stack | Rule::Fairness => {
                    // One long run for both.
                    if load.is_none() {
                        load = Some(load::run(&bench).await);
                    }
                    load.as_ref().map_or(Ok(()), |load| load.verdict(rule))
                }
            };
            report.note(rule, seen);
        }
        report
    }
}

impl Default for Verify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("is_ordered", &self.is_ordered)
            .field("is_lossy", &self.is_lossy)
            .field("holds", &self.holds)
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}
