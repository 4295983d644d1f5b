//! Scattering and gathering, as their users see it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio_util::sync::CancellationToken;

use super::error::{Missing, ScatterError};
use super::scattering::{Content, Harvest, Outcome, Scattering, Shared};
use crate::error::{Closed, refuse_zero};
use crate::pool::{CpuPool, JobError, Quiet, Workers};
use crate::task::TaskGroup;

const NAME: &str = "scatter_gather";

/// Cuts data into chunks, works on all of them in parallel, and gathers the results in their order.
///
/// Chunks differ by one element at the most. There are as many as asked for, or one for each element if these are fewer; of
/// no data there are none, and `gather` gets an empty list. `gather` runs on a worker, too.
///
/// # Which one?
/// [`reduce`](fn@crate::parallel::reduce) where elements are folded into one value: it cuts the data by itself, and copies none.
/// [`CpuPool::map`] for a result of each element. This one is for workers that want a chunk as a whole.
///
/// # Cancel safety
/// Dropping the future drops the chunks that have not begun. Those that have are worked on to the end of `worker`, and their
/// results are dropped.
///
/// # Errors
/// [`JobError::Panicked`] with the number of the chunk when `worker` panics, or when `gather` does;
/// [`JobError::Closed`] when the pool is, or becomes, closed; [`JobError::Full`] when jobs of others push the work out of the
/// queue. To go on without what is late or has panicked, give a [`timeout`](ScatterGather::timeout) or a
/// [`quorum`](ScatterGather::quorum).
///
/// # Panics
/// When there are to be zero chunks. When it is awaited outside a tokio runtime, unless a pool is given.
///
/// # Complexity
/// Elements are moved once, into their chunk.
///
/// # Examples
/// ```
/// use regatta::parallel::scatter_gather;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let longest = |names: Vec<&'static str>| names.into_iter().max_by_key(|name| name.len());
/// let names = vec!["Ada", "Grace", "Barbara", "Frances"];
/// let found = scatter_gather(names, 2, longest, |best| best.into_iter().flatten().max_by_key(|name| name.len()));
/// assert_eq!(found.await?, Some("Frances"));
///
/// let failed = scatter_gather(vec![4, 0, 2], 3, |chunk| 8 / chunk[0], |quotients| quotients);
/// let error = failed.await.unwrap_err().to_string();
/// assert!(error.starts_with("chunk 1 of `scatter_gather` on pool"), "{error}");
/// # Ok(()) }
/// ```
#[doc(alias("scatter", "gather", "fan-out", "fork-join"))]
#[track_caller]
pub fn scatter_gather<T, R, G, F, H>(items: Vec<T>, chunks: usize, worker: F, gather: H) -> ScatterGather<T, F, H>
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    F: Fn(Vec<T>) -> R + Send + Sync + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    refuse_zero("scatter_gather", "the number of chunks", chunks);
    ScatterGather { items: Quiet(items), chunks, worker, gather, workers: None }
}

/// What [`scatter_gather`] is about to do; await it.
#[must_use = "nothing is done unless it is awaited"]
pub struct ScatterGather<T, F, H> {
    items: Quiet<T>,
    chunks: usize,
    worker: F,
    gather: H,
    workers: Option<Workers>,
}

/// The same, content with a part of the results; await it.
///
/// It is made by [`ScatterGather::timeout`] or [`ScatterGather::quorum`], and gives [`Gathered`].
///
/// # Cancel safety
/// As [`scatter_gather`].
///
/// # Errors
/// [`ScatterError::Quorum`] when so many chunks panicked that the quorum cannot be reached; [`ScatterError::Elapsed`] when the
/// time is over and it has not been; [`ScatterError::Job`] when the pool does not do the work, or `gather` panics.
#[must_use = "nothing is done unless it is awaited"]
pub struct ScatterGatherPartly<T, F, H> {
    all: ScatterGather<T, F, H>,
    limit: Option<Duration>,
    quorum: Option<usize>,
}

/// What was gathered of a part of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gathered<G> {
    /// What `gather` made of the results that were there, in the order of their chunks.
    pub value: G,
    /// The chunks, by number, that have no result, and why.
    pub missing: Vec<(usize, Missing)>,
}

impl<T, F, H> ScatterGather<T, F, H> {
    /// Works on this pool, instead of the [default one](CpuPool::current) of the runtime.
    pub fn on<S>(mut self, pool: &CpuPool<S>) -> Self {
        self.workers = Some(pool.into());
        self
    }

    /// Gathers what is there after this time, counted from when it is awaited, and names what is missing.
    ///
    /// A chunk that panics is missing, too, and no error; nor is it one when nothing is there, and `gather` gets an empty list:
    /// add a [`quorum`](ScatterGatherPartly::quorum) of 1, or more, where that means nothing. Chunks that are late run to the end of the worker function, as
    /// nothing can stop them, and their results are dropped. `gather` then runs on a blocking thread besides the pool, whose
    /// workers may be busy with what is late.
    ///
    /// # Panics
    /// When it is awaited on a runtime without timers (`enable_time`).
    ///
    /// # Examples
    /// ```
    /// use regatta::parallel::{Missing, scatter_gather};
    /// use std::sync::{Mutex, mpsc};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (release, stuck) = mpsc::channel::<()>();
    /// let stuck = Mutex::new(stuck);
    /// let pool = regatta::pool::CpuPool::new(2);
    /// let slow_second = move |chunk: Vec<u32>| {
    ///     if chunk[0] == 2 {
    ///         let _ = stuck.lock().map(|stuck| stuck.recv());
    ///     }
    ///     chunk[0]
    /// };
    /// let gathered = scatter_gather(vec![1, 2, 3], 3, slow_second, |parts| parts).on(&pool);
    /// let gathered = gathered.timeout(Duration::from_millis(200)).await?;
    /// assert_eq!(gathered.value, [1, 3]);
    /// assert_eq!(gathered.missing, [(1, Missing::Late)]);
    /// drop(release); // the second chunk ends, and nobody wants its result
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, limit: Duration) -> ScatterGatherPartly<T, F, H> {
        ScatterGatherPartly { all: self, limit: Some(limit), quorum: None }
    }

    /// Gathers as soon as so many chunks have a result; of all of them, if there are fewer.
    ///
    /// Chunks that panic are missing, and the others have to do. What has not begun by then never does.
    ///
    /// # Panics
    /// When it is zero.
    ///
    /// # Examples
    /// ```
    /// use regatta::parallel::scatter_gather;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let inverses = scatter_gather(vec![4, 0, 2], 3, |chunk| 8 / chunk[0], |quotients| quotients.len());
    /// let gathered = inverses.quorum(2).await?;
    /// assert_eq!(gathered.value, 2);
    /// assert_eq!(gathered.missing[0].0, 1);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn quorum(self, results: usize) -> ScatterGatherPartly<T, F, H> {
        refuse_zero("scatter_gather", "the quorum", results);
        ScatterGatherPartly { all: self, limit: None, quorum: Some(results) }
    }
}

impl<T, F, H> ScatterGatherPartly<T, F, H> {
    /// As [`ScatterGather::timeout`]. With a quorum, fewer results than that are an error.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// As [`ScatterGather::quorum`].
    ///
    /// # Panics
    /// When it is zero.
    #[track_caller]
    pub fn quorum(mut self, results: usize) -> Self {
        refuse_zero("scatter_gather", "the quorum", results);
        self.quorum = Some(results);
        self
    }
}

impl<T, R, G, F, H> IntoFuture for ScatterGather<T, F, H>
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    F: Fn(Vec<T>) -> R + Send + Sync + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    type Output = Result<G, JobError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        // All of them, as many as there may be.
        let gathered = run(ScatterGatherPartly { all: self, limit: None, quorum: Some(usize::MAX) });
        let gathered = async move {
            match gathered.await {
                Ok(gathered) => Ok(gathered.value),
                Err(ScatterError::Job(error)) => Err(error),
                Err(ScatterError::Quorum { first, .. }) => Err(JobError::Panicked(first)),
                Err(ScatterError::Elapsed { .. }) => unreachable!("there is no time limit"),
            }
        };
        gathered.boxed()
    }
}

impl<T, R, G, F, H> IntoFuture for ScatterGatherPartly<T, F, H>
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    F: Fn(Vec<T>) -> R + Send + Sync + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    type Output = Result<Gathered<G>, ScatterError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        run(self).boxed()
    }
}

fn run<T, R, G, F, H>(
    partly: ScatterGatherPartly<T, F, H>,
) -> impl Future<Output = Result<Gathered<G>, ScatterError>> + Send
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    F: Fn(Vec<T>) -> R + Send + Sync + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    let ScatterGatherPartly { all: ScatterGather { items, chunks, worker, gather, workers }, limit, quorum } = partly;
    let workers = workers.unwrap_or_else(|| Workers::current(NAME));
    let content = Content { enough: quorum.unwrap_or(usize::MAX), needed: quorum.unwrap_or(0) };
    let place = workers.place(NAME);
    let scattering = Arc::new(Scattering::new(items, chunks, content, worker, gather, place));
    async move {
        let team = workers.work_on(NAME, Shared(scattering.clone()));
        let outcome = match limit {
            None => team.await,
            Some(limit) => {
                let mut team = pin!(team);
                match tokio::time::timeout(limit, &mut team).await {
                    Ok(outcome) => outcome,
                    Err(_) => match late(&scattering, limit)? {
                        Some(harvest) => Ok(gather_aside(harvest, scattering.place().clone()).await),
                        // It is being gathered.
                        None => team.await,
                    },
                }
            }
        };
        let (value, missing) = outcome.map_err(ScatterError::Job)??;
        Ok(Gathered { value, missing })
    }
}

/// What is there when the time is over; nothing when somebody has taken it already.
fn late<T, R, F, H>(
    scattering: &Scattering<T, R, F, H>,
    limit: Duration,
) -> Result<Option<Harvest<T, R, H>>, ScatterError> {
    let (needed, reached) = scattering.reached();
    match reached < needed {
        true => Err(ScatterError::elapsed(scattering.place().clone(), limit, needed, reached)),
        false => Ok(scattering.harvest()),
    }
}

/// Gathers on a thread besides the pool's.
async fn gather_aside<T, R, G, H>(harvest: Harvest<T, R, H>, place: Arc<str>) -> Outcome<G>
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    let group = TaskGroup::unobserved(NAME, CancellationToken::new());
    let closed =
        || ScatterError::Job(JobError::Closed(Closed::new(place.clone()).because("its runtime was shut down")));
    let gathering = place.clone();
    match group.spawn_blocking("gather", move || harvest.gather(&gathering)) {
        Ok(handle) => handle.await.unwrap_or_else(|_| Err(closed())),
        Err(_) => Err(closed()),
    }
}

impl<T, F, H> fmt::Debug for ScatterGather<T, F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, chunks, .. } = self;
        f.debug_struct("ScatterGather").field("items", &items.0.len()).field("chunks", chunks).finish_non_exhaustive()
    }
}

impl<T, F, H> fmt::Debug for ScatterGatherPartly<T, F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { all, limit, quorum } = self;
        f.debug_struct("ScatterGatherPartly").field("all", all).field("limit", limit).field("quorum", quorum).finish()
    }
}
