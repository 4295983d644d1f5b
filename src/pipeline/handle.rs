//! A running pipeline, as its owner sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::cpu::{Closures, CpuEngine};
use super::error::PipelineError;
use super::plan::{Part, Plan};
use super::stage::{StageStats, StageView};
use crate::error::{Cancelled, drop_quietly};
use crate::observe::{Observe, Registration, Registry, Row, RowId};
use crate::task::{Caught, ShutdownReport, TaskError, TaskGroup, TaskHandle};

/// How long an abort waits for closures that run on blocking threads.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// Owns a running pipeline: stops it, waits for it, looks inside. Awaiting the handle waits for the pipeline's end.
///
/// Dropping the handle aborts the pipeline, without waiting.
///
/// # Examples
/// ```
/// use regatta::pipeline::Pipeline;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::pipeline::PipelineError> {
/// let numbers = Pipeline::from_iter(1..).map_async(4, |n: u64| async move { n * n });
/// let running = numbers.fold(0, |sum, square| sum + square).spawn();
/// // Endless, until it is told to stop; then everything it took in is finished.
/// let sum = running.drain().await?;
/// # let _ = sum;
/// # Ok(()) }
/// ```
///
/// # Panics
/// When it is polled again after it has given its result.
///
/// # Cancel safety
/// Awaiting `&mut handle` may be given up and taken up again. Dropping the handle itself aborts the pipeline.
///
/// # Errors
/// [`PipelineError`]: the first failure, in the order of the results, of a stage whose policy is to stop; or that the
/// pipeline was aborted.
#[must_use = "dropping the handle aborts the pipeline"]
pub struct PipelineHandle<O> {
    live: Arc<Live>,
    conductor: TaskHandle<Result<O, PipelineError>>,
    /// The end, where `shutdown` has seen it before the owner.
    outcome: Option<Result<O, PipelineError>>,
    /// The conductor has been awaited to its end.
    has_ended: bool,
}

/// The numbers of a pipeline at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PipelineStats {
    /// The pipeline's name.
    pub name: Arc<str>,
    /// From the source to the end.
    pub stages: Vec<StageStats>,
}

/// A pipeline that has started, without its conductor.
pub(super) struct Live {
    /// One for each pipeline that was joined; the first is the one that names it.
    parts: Vec<Part>,
    /// The tasks of the stages.
    workers: Arc<TaskGroup>,
    /// One task, which drives the last segment and cleans up.
    conductor: TaskGroup,
    closures: Arc<Closures>,
    stages: Vec<Arc<dyn StageView>>,
    registered: OnceLock<(Registration, Vec<StageRow>)>,
}

struct StageRow {
    _subject: Arc<Watched>,
    _registration: Registration,
}

/// A stage as the registry sees it.
struct Watched(Arc<dyn StageView>);

impl Live {
    /// Starts every stage of a plan; the last segment is for the caller to drive.
    #[track_caller]
    pub(super) fn launch(plan: Plan) -> Arc<Self> {
        let plan = plan.complete();
        let registry = Registry::current();
        let id = registry.reserve();
        let name = plan.title().unwrap_or_else(|| format!("pipeline#{id}").into());
        plan.set_title(&name);
        plan.renumber();
        let abort = CancellationToken::new();
        let workers = Arc::new(TaskGroup::unobserved(name.clone(), abort.clone()));
        let closures = Arc::<Closures>::default();
        let live = Arc::new(Self {
            conductor: TaskGroup::unobserved(name.clone(), CancellationToken::new()),
            workers,
            parts: plan.parts(),
            closures: closures.clone(),
            stages: plan.stages,
            registered: OnceLock::new(),
        });
        let weak: Weak<Self> = Arc::downgrade(&live);
        let registration = registry.enroll(id, "pipeline", &name, None, weak);
        let rows = live.stages.iter().map(|stage| StageRow::new(&registry, registration.id(), stage)).collect();
        let _ = live.registered.set((registration, rows));
        let engine = CpuEngine { spawner: live.workers.spawner(), abort, closures };
        for start in plan.starts {
            start(&engine);
        }
        tracing::debug!(target: "regatta::pipeline", pipeline = %name, stages = live.stages.len(), "started");
        live
    }

    /// Aborts the workers. The conductor hears of it by their token, and ends when they are gone.
    pub(super) fn stop_now(&self) {
        self.workers.abort();
    }

    pub(super) fn stats(&self) -> PipelineStats {
        PipelineStats::of(self.name(), &self.stages)
    }

    /// Tells the sources to give nothing more.
    fn close(&self) {
        self.parts.iter().for_each(|part| part.stop.set());
    }

    fn name(&self) -> Arc<str> {
        self.parts[0].title.get()
    }

    fn place(&self) -> Arc<str> {
        format!("pipeline `{}`", self.name()).into()
    }

    /// Tells whether a stage has ended before those upstream of it.
    fn has_ended_early(parts: &[Part]) -> bool {
        // Acquire: pairs with the Release of the stage.
        parts.iter().any(|part| part.ended_early.load(Ordering::Acquire))
    }
}

impl PipelineStats {
    pub(super) fn of(name: Arc<str>, stages: &[Arc<dyn StageView>]) -> Self {
        Self { name, stages: stages.iter().map(|stage| stage.stats()).collect() }
    }

    /// What has ended one of its stages, if a failure did. It is here at once, and given to whoever waits for the end when
    /// that comes: after what was before it.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.stages.iter().find_map(|stage| stage.failure.as_deref())
    }
}

impl StageRow {
    fn new(registry: &Registry, parent: RowId, stage: &Arc<dyn StageView>) -> Self {
        let subject = Arc::new(Watched(stage.clone()));
        let weak: Weak<Watched> = Arc::downgrade(&subject);
        let registration = registry.enroll(registry.reserve(), "stage", &stage.stats().name, Some(parent), weak);
        Self { _subject: subject, _registration: registration }
    }
}

impl Observe for Live {
    fn fill(&self, row: &mut Row) {
        // A stream has no conductor; but whatever ends a pipeline closes the group of its workers.
        let has_ended = self.workers.is_closed() && self.conductor.is_empty();
        row.set_state(match (has_ended, self.parts[0].stop.is_set()) {
            (true, _) => "ended",
            (false, true) => "draining",
            (false, false) => "running",
        });
        for stage in &self.stages {
            row.flow += stage.stats().flow;
        }
    }
}

impl Observe for Watched {
    fn fill(&self, row: &mut Row) {
        let StageStats {
            flow, queued, window, busy, workers, limit, waiting, retried, times, has_ended, failure, ..
        } = self.0.stats();
        row.set_state(if has_ended { "ended" } else { "running" });
        (row.flow, row.times, row.note) = (flow, times, failure);
        if let Some(window) = window {
            row.gauge("busy", busy, None);
            row.gauge("workers", workers, Some(limit));
            row.gauge("queued", queued, Some(window));
        }
        if waiting > 0 {
            row.gauge("waiting", waiting, None);
        }
        if retried > 0 {
            row.count("retried", retried);
        }
    }
}

impl<O: Send + 'static> PipelineHandle<O> {
    pub(super) fn start(live: Arc<Live>, finale: BoxFuture<'static, Result<O, PipelineError>>) -> Self {
        let (workers, closures, place) = (live.workers.clone(), live.closures.clone(), live.place());
        let parts = live.parts.clone();
        // Even if the last segment takes a panic along that nobody foresaw, the workers have to go.
        let finale = Caught::new(place.clone(), finale);
        let conduct = async move {
            let result = match workers.token().run_until_cancelled(finale).await {
                // Whoever had aborted it before it ended is told so, although its workers were faster.
                Some(Ok(Ok(unwanted))) if workers.token().is_cancelled() => {
                    drop_quietly(unwanted);
                    Err(PipelineError::Cancelled(Cancelled::new(place)))
                }
                Some(Ok(result)) => result,
                Some(Err(panicked)) => Err(PipelineError::Panicked(panicked)),
                None => Err(PipelineError::Cancelled(Cancelled::new(place))),
            };
            // Whatever the end was, nothing outlives it: no worker, and none of the values and closures they hold. After
            // a good end the workers are on their way out, and nobody has to be aborted; unless a stage has ended early:
            // then nobody wants what those before it work on.
            let is_leaving = result.is_ok() && !Live::has_ended_early(&parts);
            let _ = if is_leaving { workers.join().await } else { gone(&workers).await };
            closures.ended_within(ABORT_GRACE).await;
            result
        };
        // Boxed, so that a task is compiled for each type of result and not for each pipeline.
        let conduct: BoxFuture<'static, _> = Box::pin(conduct);
        let conductor = match live.conductor.spawn("conductor", conduct) {
            Ok(conductor) => conductor,
            Err(_) => unreachable!("the group was created just now, so it is open"),
        };
        Self { live, conductor, outcome: None, has_ended: false }
    }

    /// The pipeline's name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        self.live.name()
    }

    /// What each stage has done and what it holds.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        self.live.stats()
    }

    /// Tells whether the pipeline has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.has_ended || self.conductor.is_finished()
    }

    /// Stops the source: the pipeline takes nothing more in and finishes what it has. At once, any number of times.
    pub fn close(&self) {
        self.live.close();
    }

    /// [Closes](Self::close) and waits for the end: everything that was taken in is finished, partial batches leave.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the pipeline, since it owns it. To be able to give up waiting use
    /// [`close`](Self::close) and await `&mut handle`.
    ///
    /// # Errors
    /// As awaiting the handle.
    pub async fn drain(self) -> Result<O, PipelineError> {
        self.close();
        self.await
    }

    /// [Closes](Self::close), waits for the end until `deadline` from now, aborts what is left, and reports how the
    /// pipeline's tasks ended; what became of its items is in [`stats`](Self::stats). Await the handle afterwards for
    /// the result.
    ///
    /// When it returns, no task of the pipeline runs and nothing that its closures captured is alive, except for code
    /// that did not return within some seconds of the abort, be it a closure on the CPU pool, an iterator or the poll of
    /// a future: it is reported as still running.
    ///
    /// # Panics
    /// When there is something to wait for and the runtime has no timers.
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the pipeline closed and aborts nothing; it may be called again.
    pub async fn shutdown(&mut self, deadline: Duration) -> ShutdownReport {
        let begun = Instant::now();
        self.close();
        if !self.has_ended {
            match within(deadline, std::future::poll_fn(|cx| self.poll_ended(cx))).await {
                Some(outcome) => self.outcome = Some(outcome),
                None => self.live.stop_now(),
            }
        }
        self.report(begun).await
    }

    /// Stops now, without waiting: every task of the pipeline is dropped at its next await.
    ///
    /// Items inside are dropped and counted as discarded. A closure in the middle of its work on the CPU pool finishes
    /// the item it is at, and no other. Awaiting the handle gives [`PipelineError::Cancelled`].
    pub fn abort(&self) {
        self.live.stop_now();
    }

    /// [Aborts](Self::abort) and waits until every task is gone, with everything it captured; for some seconds, where code
    /// does not return, which is then reported as still running.
    ///
    /// # Panics
    /// When there is something to wait for and the runtime has no timers.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again; the pipeline is aborted either way.
    pub async fn aborted(&mut self) -> ShutdownReport {
        let begun = Instant::now();
        self.live.stop_now();
        self.report(begun).await
    }

    async fn report(&mut self, begun: Instant) -> ShutdownReport {
        // Ended or aborted, the conductor is on its way out; it waits for the workers and for closures, a second each.
        if !self.has_ended {
            self.outcome = within(ABORT_GRACE * 3, std::future::poll_fn(|cx| self.poll_ended(cx))).await;
        }
        let mut report = gone(&self.live.workers).await;
        if !self.has_ended {
            report.still_running.push(format!("the last stage of pipeline `{}`", self.name()).into());
        }
        for _ in 0..self.live.closures.running() {
            report.still_running.push(format!("a CPU closure of pipeline `{}`", self.name()).into());
        }
        report.elapsed = begun.elapsed();
        report
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Result<O, PipelineError>> {
        let ended = ready!(Pin::new(&mut self.conductor).poll(cx));
        self.has_ended = true;
        Poll::Ready(match ended {
            Ok(result) => result,
            Err(TaskError::Panicked(panicked)) => Err(PipelineError::Panicked(panicked)),
            // Only the end of the runtime stops a conductor.
            Err(_) => Err(PipelineError::Cancelled(Cancelled::new(self.live.place()))),
        })
    }
}

/// Aborts tasks and waits until they are gone, for a second where code does not return.
async fn gone(tasks: &TaskGroup) -> ShutdownReport {
    let mut aborted = std::pin::pin!(tasks.aborted());
    // Those that are at an await take some turns, and no timer, which a runtime may lack.
    for _ in 0..16 {
        if let Poll::Ready(report) = std::future::poll_fn(|cx| Poll::Ready(aborted.as_mut().poll(cx))).await {
            return report;
        }
        tokio::task::yield_now().await;
    }
    tasks.shutdown(Duration::ZERO).await
}

/// Awaits a future for a bounded time. One that is ready at once needs no timer, which a runtime may lack.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => timeout(limit, future).await.ok(),
    }
}

impl<O: Send + 'static> Future for PipelineHandle<O> {
    type Output = Result<O, PipelineError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None if self.has_ended => panic!("{} was awaited again after it had given its result", self.live.place()),
            None => self.poll_ended(cx),
        }
    }
}

// The result is moved out whole, never pinned.
impl<O> Unpin for PipelineHandle<O> {}

impl<O> Drop for PipelineHandle<O> {
    fn drop(&mut self) {
        self.live.stop_now();
    }
}

impl<O> fmt::Debug for PipelineHandle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineHandle")
            .field("name", &self.live.name())
            .field("is_finished", &self.conductor.is_finished())
            .finish_non_exhaustive()
    }
}
