//! Describing stages that shape the flow in time: heavy batches, a rate, what is left of a burst.

use std::time::Duration;

use super::builder::{Fallible, Pipeline};
use super::gather::{Batches, Conflated, Debounced};
use super::outlet::{Outlet, Relayed, Worked};
use super::segment::Segment;
use super::throttle::Throttle;
use crate::error::refuse_zero;
use crate::policy::Rate;

/// How many items are pulled for a batch before their weights are known.
pub(super) const AT_ONCE: usize = 16;

impl<S: Segment> Pipeline<S> {
    /// Gathers items into batches of at most `limit`, by what each weighs; otherwise as [`batch`](Self::batch). For
    /// requests and writes that have a limit in bytes.
    ///
    /// Up to 16 items are pulled before their weights are known; what has no room waits for the next batch. An item that is
    /// heavier than `limit` is a batch of its own. One that weighs nothing has room in any batch that is
    /// open.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lines = Pipeline::from_iter(["aaa", "bb", "cccccccc", "d"]);
    /// let bytes = lines.batch_weighted(6, Duration::from_millis(50), |line| line.len() as u64);
    /// assert_eq!(bytes.collect::<Vec<_>>().await?, [vec!["aaa", "bb"], vec!["cccccccc"], vec!["d"]]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `limit` is zero. A panic of `weigh` meets the stage's policy, as a failure of its item.
    #[track_caller]
    pub fn batch_weighted<W>(
        mut self,
        limit: u64,
        linger: Duration,
        weigh: W,
    ) -> Pipeline<impl Segment<Item = Vec<S::Item>> + Fallible<Input = S::Item, Handled: Segment<Item = Vec<S::Item>>>>
    where
        W: FnMut(&S::Item) -> u64 + Send + 'static,
    {
        refuse_zero("pipeline", "the batch's limit", usize::from(limit > 0));
        let stage = self.plan.stage("batch_weighted");
        self.gathered(stage, Batches::new(limit, linger, AT_ONCE, weigh), |batch| batch.len() as u64, Worked)
    }

    /// Lets an item go on once nothing more has come for `quiet`, and drops those it takes the place of, counted as
    /// `dropped`. At the end of the input the last one goes on at once. For the last of a burst: keys, edits, notices.
    ///
    /// The source is never held back.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let typed = Pipeline::from_iter(["r", "re", "reg"]).debounce(Duration::from_millis(300));
    /// assert_eq!(typed.collect::<Vec<_>>().await?, ["reg"]);
    /// # Ok(()) }
    /// ```
    pub fn debounce(mut self, quiet: Duration) -> Pipeline<Outlet<S::Item, Relayed>> {
        let stage = self.plan.stage("debounce");
        self.gathered(stage, Debounced::new(quiet), |_| 1, |_| Relayed)
    }

    /// Makes one of the items that come while the next stage is busy: the first begins a value, the others are merged into
    /// it. While the next stage keeps up, each item goes on by itself. The source is never held back, and nothing is
    /// dropped but what `merge` leaves out.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let readings = Pipeline::from_iter(1..=100_u64).conflate(|n| (n, n), |range, n| range.1 = n);
    /// let ranges: Vec<(u64, u64)> = readings.collect().await?;
    /// assert_eq!((ranges[0].0, ranges.last().unwrap().1), (1, 100));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// A panic of a closure meets the stage's policy, as a failure of its item; [`OnError::Reset`](super::OnError::Reset)
    /// drops the value it was to be merged into as well.
    pub fn conflate<A, B, M>(mut self, begin: B, merge: M) -> Pipeline<Outlet<A, Worked<S::Item>>>
    where
        A: Send + 'static,
        B: FnMut(S::Item) -> A + Send + 'static,
        M: FnMut(&mut A, S::Item) + Send + 'static,
    {
        let stage = self.plan.stage("conflate");
        self.gathered(stage, Conflated::new(begin, merge), |_| 1, Worked)
    }

    /// Lets items pass at a rate, with the [burst](Rate::burst) it allows after a rest. No item is pulled before it may
    /// pass, so none is dropped or kept waiting in here.
    ///
    /// The rate is kept in the long run. A runtime's clock ticks in milliseconds: where more than one item is due in that
    /// time, those of two ticks pass at once.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, policy::Rate};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let begin = tokio::time::Instant::now();
    /// let requests = Pipeline::from_iter(1..=25).throttle(Rate::per_sec(10).burst(5));
    /// assert_eq!(requests.fold(0, |count, _| count + 1).await?, 25);
    /// assert_eq!(begin.elapsed().as_secs(), 2); // five at once, then one each tenth of a second
    /// # Ok(()) }
    /// ```
    pub fn throttle(mut self, rate: Rate) -> Pipeline<Outlet<S::Item, Relayed>> {
        let stage = self.plan.stage("throttle");
        let hub = Throttle::<S>::hub(stage.clone());
        let (segment, ours) = (self.segment, hub.clone());
        self.plan.starts.push(Box::new(move |engine| {
            engine.spawner.spawn_boxed(&stage.name(), Throttle::run(segment, ours, rate));
        }));
        self.plan.stages.push(hub.clone());
        Pipeline { segment: Outlet::new(&hub, Relayed), plan: self.plan }
    }
}
