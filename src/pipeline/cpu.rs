//! A CPU stage: workers that hand chunks of items to a [`CpuPool`](crate::pool::CpuPool) and await them.
//!
//! A hop to a blocking thread costs microseconds; a closure may cost less. So a job takes as many items as are ready and
//! as are worth a fraction of a millisecond, and one item where items are rare or dear.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::PipelineError;
use super::hub::Hub;
use super::intake::Intake;
use super::keys::{Mark, Ready};
use super::on_error::Failure;
use super::quiet::Quiet;
use super::rules::Rules;
use super::seat::Seat;
use super::segment::{Pace, Segment};
use super::window::Outcome;
use crate::error::{BoxError, Panicked, catch, drop_quietly};
use crate::pool::CpuPool;
use crate::task::Spawner;

/// How many items a job takes at the most.
pub(super) const CHUNK: usize = 64;

/// What the workers of one stage share. Dropped with the last of them.
pub(super) struct CpuStage<S: Segment, F, O> {
    hub: Arc<Hub<S::Item, O>>,
    intake: Intake<S>,
    work: Arc<F>,
    rules: Arc<Rules<S::Item>>,
    pool: CpuPool,
    engine: CpuEngine,
    place: Arc<str>,
    name: Arc<str>,
}

/// What a CPU stage needs of the pipeline it runs in.
#[derive(Clone)]
pub(super) struct CpuEngine {
    pub(super) spawner: Spawner,
    /// Cancelled when the results are of no more use.
    pub(super) abort: CancellationToken,
    pub(super) closures: Arc<Closures>,
}

/// Counts the jobs that are with the pool: once a thread has taken one, nobody can stop it.
#[derive(Debug, Default)]
pub(super) struct Closures {
    running: AtomicUsize,
    ended: Notify,
}

/// What a closure made of one item, and the item again where the policy asks for it.
type Answer<I, O> = (Mark, Result<Result<O, BoxError>, Panicked>, Quiet<I>);

/// What a job brings back.
struct Answered<I, O> {
    answers: VecDeque<Answer<I, O>>,
    took: Duration,
    // Dropped last, wherever that is: until then the job counts as running, since its results live.
    _guard: Guard,
}

/// Nobody takes what is left.
impl<I, O> Drop for Answered<I, O> {
    fn drop(&mut self) {
        while let Some((_, output, kept)) = self.answers.pop_front() {
            drop_quietly(output);
            drop(kept);
        }
    }
}

impl<S, F, O> CpuStage<S, F, O>
where
    S: Segment,
    F: Fn(S::Item) -> Result<O, BoxError> + Send + Sync + 'static,
    O: Send + 'static,
{
    /// Starts the stage with one worker; more are hired as there is work for them.
    pub(super) fn start(
        hub: Arc<Hub<S::Item, O>>,
        intake: Intake<S>,
        work: F,
        rules: Rules<S::Item>,
        pool: CpuPool,
        engine: CpuEngine,
    ) {
        let (place, name) = (hub.stage().place(), hub.stage().name());
        let (seat, work, rules) = (Seat::first(&hub), Arc::new(work), Arc::new(rules));
        let stage = Arc::new(Self { hub, intake, work, rules, pool, engine, place, name });
        stage.hire(seat, 0);
    }

    /// Takes the stage along: whoever hires may be the last but the new one that holds it, and must not drop it.
    fn hire(self: Arc<Self>, seat: Seat<S::Item, O>, number: usize) {
        let (spawner, name) = (self.engine.spawner.clone(), format!("{}[{number}]", self.name));
        // A group that is closed is being stopped, and drops the seat, which settles it.
        spawner.spawn_boxed(&name, self.work(seat));
    }

    async fn work(self: Arc<Self>, mut seat: Seat<S::Item, O>) {
        let (mut finished, mut pace) = (Vec::new(), Pace::new(CHUNK));
        let at_once = self.pool.stats().limit;
        while let Some(found) = poll_fn(|cx| self.intake.poll_next(cx, &mut seat, &mut finished)).await {
            if let Some(number) = found.hire {
                self.clone().hire(Seat::hired(&self.hub), number);
            }
            let mut chunk = vec![found.ready];
            seat.take_ready(pace.size(), at_once, &mut chunk);
            finished = self.run(chunk, &mut pace).await;
        }
    }

    async fn run(&self, chunk: Vec<Ready<S::Item>>, pace: &mut Pace) -> Vec<(Mark, Outcome<O>)> {
        let marks: Vec<Mark> = chunk.iter().map(|ready| ready.mark).collect();
        let (work, rules) = (self.work.clone(), self.rules.clone());
        let (place, abort) = (self.place.clone(), self.engine.abort.clone());
        let guard = Guard::new(self.engine.closures.clone());
        let job = Job { work, rules, chunk, place, abort, guard };
        let submitted = self.pool.submit(move || job.run()).await;
        let answered = match submitted {
            Ok(handle) => handle.await.map_err(BoxError::from),
            Err(refused) => {
                // The closure is dropped here, and its chunk with it.
                Err(BoxError::from(refused.to_string()))
            }
        };
        match answered {
            Ok(mut answered) => {
                pace.took(answered.answers.len(), answered.took);
                let mut finished = Vec::with_capacity(answered.answers.len());
                while let Some((mark, output, mut kept)) = answered.answers.pop_front() {
                    let outcome = match output {
                        Ok(Ok(result)) => Outcome::Done(result),
                        Ok(Err(error)) => self.failed(Failure::Error(error), kept.take()).await,
                        Err(panicked) => self.failed(Failure::Panicked(panicked), kept.take()).await,
                    };
                    finished.push((mark, outcome));
                }
                finished
            }
            // The pool has stopped, or its policy has pushed the job out: that is no item's fault, so no policy is asked.
            Err(error) => self.lost(&marks, error),
        }
    }

    async fn failed(&self, failure: Failure, kept: Option<S::Item>) -> Outcome<O> {
        self.rules.settle(self.hub.stage(), failure, kept, 1).await
    }

    fn lost(&self, marks: &[Mark], error: BoxError) -> Vec<(Mark, Outcome<O>)> {
        let failure = PipelineError::Failed { place: self.place.clone(), error };
        let mut failure = Some(self.hub.stage().noted(failure));
        let end = |mark: &Mark| {
            (*mark, failure.take().map_or(Outcome::Skipped, |failure| Outcome::Failed(Box::new(failure))))
        };
        marks.iter().map(end).collect()
    }
}

/// One chunk on its way to a blocking thread.
struct Job<F, I> {
    work: Arc<F>,
    rules: Arc<Rules<I>>,
    chunk: Vec<Ready<I>>,
    place: Arc<str>,
    abort: CancellationToken,
    // Dropped last: when it says that the job is over, what the job captured is gone.
    guard: Guard,
}

impl<F, I, O> Job<F, I>
where
    F: Fn(I) -> Result<O, BoxError>,
{
    fn run(self) -> Answered<I, O> {
        let Self { work, rules, chunk, place, abort, guard } = self;
        let (begun, answers) = (Instant::now(), VecDeque::with_capacity(chunk.len()));
        let mut answered = Answered { answers, took: Duration::ZERO, _guard: guard };
        let mut chunk = chunk.into_iter();
        while !abort.is_cancelled() {
            let Some(Ready { mark, item, .. }) = chunk.next() else { break };
            let mut kept = Quiet::new(None);
            let output = catch(&place, || {
                kept.set(rules.keep(&item));
                work(item)
            });
            answered.answers.push_back((mark, output, kept));
        }
        chunk.for_each(drop_quietly);
        // It may be the last that holds the closure, or the queue of the dead letters.
        drop_quietly(work);
        drop_quietly(rules);
        answered.took = begun.elapsed();
        answered
    }
}

/// Counts from before the job is handed over: between being taken by a thread and its first instruction it can be seen
/// by nobody, and is too late to be cancelled. One that is cancelled in time is dropped at once, and this with it.
struct Guard {
    closures: Arc<Closures>,
}

impl Guard {
    fn new(closures: Arc<Closures>) -> Self {
        closures.running.fetch_add(1, Ordering::Relaxed);
        Self { closures }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `running`. Who sees zero sees everything the closures did, and dropped.
        if self.closures.running.fetch_sub(1, Ordering::Release) == 1 {
            self.closures.ended.notify_waiters();
        }
    }
}

impl Closures {
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Waits until no closure runs, but not longer than `grace`. Where none does, no clock is needed.
    pub(super) async fn ended_within(&self, grace: Duration) {
        if self.running() > 0 {
            let _ = tokio::time::timeout(grace, self.ended()).await;
        }
    }

    async fn ended(&self) {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            ended.await;
        }
    }
}
