//! Describing fan out: several branches of one pipeline.

use std::sync::Arc;

use super::builder::Pipeline;
use super::fused::{Map, TryMap};
use super::hub::Hub;
use super::outlet::{Outlet, Relayed};
use super::plan::Plan;
use super::routes::{ByIndex, ByRoom, Copies, Live, NoBranch, Route};
use super::segment::Segment;
use super::split::{Reach, Split};
use super::stage::Stage;
use super::trunk::Trunk;
use super::window::{Order, Window};
use crate::error::refuse_zero;

/// The branches of a fan out.
type Branches<T, const N: usize> = [Pipeline<Outlet<T, Relayed>>; N];

impl<S: Segment> Pipeline<S> {
    /// Gives every item to each of `N` branches, which hold up to `capacity` items each. Lossless: the source waits for the
    /// slowest.
    ///
    /// The branches go their own ways and come together again, in a [`merge`](Self::merge), a [`zip`](Self::zip), a
    /// [`chain`](Self::chain), or at their ends with [`Run::and`](super::Run::and): so that the whole has one handle. A
    /// branch that is dropped, before the start or by a stage that ends early, is no longer waited for (bind it to `_`: a
    /// `_name` keeps it); when all of them are gone, upstream is let go. The last branch gets the item itself, the others clones, so share large items in an `Arc`.
    /// Where no branch may hold up another use [`broadcast_lossy`](Self::broadcast_lossy).
    ///
    /// The stage has a task of its own, and a row in the statistics; so has each branch, as a buffer: `broadcast#1.0`,
    /// `broadcast#1.1` and so on, which [`named`](Self::named) renames.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [stored, counted] = Pipeline::from_iter(["a", "b", "c"]).broadcast(16);
    /// let store = stored.for_each(4, |line| async move { println!("stored {line}") });
    /// let count = counted.fold(0, |count, _| count + 1);
    /// let ((), count) = store.and(count).await?;
    /// assert_eq!(count, 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `capacity` or `N` is zero. A panic of `clone` ends the pipeline. A pipeline that is started without one of the
    /// branches panics there, see [`Run::spawn`](super::Run::spawn).
    ///
    /// # Errors
    /// A failure upstream reaches every branch.
    #[track_caller]
    pub fn broadcast<const N: usize>(self, capacity: usize) -> Branches<S::Item, N>
    where
        S::Item: Clone,
    {
        self.copied("broadcast", Reach { capacity, is_lossy: false })
    }

    /// As [`broadcast`](Self::broadcast), but the source never waits: a branch that is `capacity` items behind loses its
    /// oldest, counted in its own row as `dropped`. For viewers, metrics and caches beside what has to be complete.
    ///
    /// A branch that loses items is not in step with others: bring them together with [`merge`](Self::merge) or
    /// [`Run::and`](super::Run::and), not with [`zip`](Self::zip).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [all, some] = Pipeline::from_iter(0..1000).broadcast_lossy(8);
    /// let seen = all.fold(0, |count, _| count + 1).and(some.fold(None, |_, n| Some(n)));
    /// let mut running = seen.spawn();
    /// let (count, last) = (&mut running).await?;
    /// assert_eq!(last, Some(999)); // what is lost is the oldest
    /// let lagging = running.stats().stages[2].flow;
    /// assert_eq!(count + lagging.dropped, 1000);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Errors
    /// A failure upstream reaches every branch.
    #[track_caller]
    pub fn broadcast_lossy<const N: usize>(self, capacity: usize) -> Branches<S::Item, N>
    where
        S::Item: Clone,
    {
        self.copied("broadcast_lossy", Reach { capacity, is_lossy: true })
    }

    #[track_caller]
    fn copied<const N: usize>(mut self, kind: &str, reach: Reach) -> Branches<S::Item, N>
    where
        S::Item: Clone,
    {
        refuse_zero("pipeline", "the capacity of a branch", reach.capacity);
        let (stage, live) = (self.plan.fused(kind), Live::<N>::new());
        let route = Copies::new(live.clone());
        let segment = Map::new(self.segment, move |item: S::Item| live.copies(item), stage.clone());
        split(self.plan, kind, stage, segment, route, reach)
    }

    /// Gives each item to one of `N` branches, by the number that `choose` gives it, from zero. For items that go different
    /// ways: by type, by tenant, good ones and bad ones.
    ///
    /// Each branch holds up to `capacity` items. **One that is full holds up the source**, as nobody knows for whom the next
    /// item is. Bring the branches together with [`merge`](Self::merge) or [`Run::and`](super::Run::and): a
    /// [`zip`](Self::zip) would wait for one branch while the other is full. The items of a branch that was dropped are
    /// dropped too, and counted as discarded. Otherwise as [`broadcast`](Self::broadcast).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [even, odd] = Pipeline::from_iter(1..=5_usize).partition(4, |n| n % 2);
    /// let both = even.collect::<Vec<_>>().and(odd.collect::<Vec<_>>());
    /// assert_eq!(both.await?, (vec![2, 4], vec![1, 3, 5]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `capacity` or `N` is zero. A panic of `choose` ends the pipeline.
    ///
    /// # Errors
    /// A number that no branch has ends the pipeline, as [`PipelineError::Failed`](super::PipelineError::Failed). A failure
    /// upstream reaches every branch.
    #[track_caller]
    pub fn partition<const N: usize, F>(mut self, capacity: usize, mut choose: F) -> Branches<S::Item, N>
    where
        F: FnMut(&S::Item) -> usize + Send + 'static,
    {
        refuse_zero("pipeline", "the capacity of a branch", capacity);
        let stage = self.plan.fused("partition");
        let address = move |item: S::Item| match choose(&item) {
            index if index < N => Ok((index, item)),
            index => Err(NoBranch { index, branches: N }),
        };
        let segment = TryMap::new(self.segment, address, stage.clone());
        split(self.plan, "partition", stage, segment, ByIndex::new(), Reach { capacity, is_lossy: false })
    }

    /// Gives each item to the one of `N` branches that has most room, the first of them where several have. For equal
    /// branches of which each does one thing at a time; where one closure does it for all, [`map_async`](Self::map_async)
    /// is simpler.
    ///
    /// Each branch holds up to `capacity` items. The source waits only while all are full, so a branch that stands still
    /// keeps what it has and gets no more. Otherwise as [`broadcast`](Self::broadcast).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Each line has a connection of its own.
    /// let lines: [_; 3] = Pipeline::from_iter(0..100).balance(1);
    /// let sent = lines.into_iter().enumerate().map(|(line, items)| items.map(move |n| (line, n)));
    /// assert_eq!(Pipeline::merge_all(sent).collect::<Vec<_>>().await?.len(), 100);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `capacity` or `N` is zero.
    ///
    /// # Errors
    /// A failure upstream reaches every branch.
    #[track_caller]
    pub fn balance<const N: usize>(mut self, capacity: usize) -> Branches<S::Item, N> {
        refuse_zero("pipeline", "the capacity of a branch", capacity);
        let stage = self.plan.fused("balance");
        let segment = Map::new(self.segment, |item: S::Item| item, stage.clone());
        split(self.plan, "balance", stage, segment, ByRoom::new(), Reach { capacity, is_lossy: false })
    }
}

/// Ends a plan in a trunk, and begins one for each branch.
#[track_caller]
fn split<C, R, const N: usize>(
    mut plan: Plan,
    kind: &str,
    stage: Arc<Stage>,
    segment: C,
    route: R,
    reach: Reach,
) -> Branches<R::Item, N>
where
    C: Segment,
    R: Route<Parcel = C::Item>,
{
    refuse_zero("pipeline", "the number of branches", N);
    let hubs: [_; N] = std::array::from_fn(|number| {
        let hub = Hub::new(plan.branch(kind, number), reach.shape(), Window::new(Order::Completion));
        plan.stages.push(hub.clone());
        hub
    });
    let trunk = Trunk::new(stage.clone());
    let branches = hubs.each_ref().map(|hub| Pipeline {
        segment: Outlet::new(hub, Relayed),
        plan: plan.fork(hub.stage().clone(), trunk.token()),
    });
    plan.starts.push(Box::new(move |engine| {
        engine.spawner.spawn_boxed(&stage.name(), Split::run(segment, hubs.to_vec(), route, reach));
    }));
    trunk.plant(plan);
    branches
}
