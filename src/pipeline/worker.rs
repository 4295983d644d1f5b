//! An asynchronous stage: workers that each take an item, await its future, and come back.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use super::hub::Hub;
use super::intake::Intake;
use super::keys::{Ready, Sort};
use super::on_error::Failure;
use super::quiet::Quiet;
use super::rules::Rules;
use super::seat::Seat;
use super::segment::Segment;
use super::window::Outcome;
use crate::error::{BoxError, Elapsed, catch, drop_quietly};
use crate::task::{Caught, Spawner};

/// What the workers of one stage share. Dropped with the last of them.
pub(super) struct AsyncStage<S: Segment, H, F, O> {
    hub: Arc<Hub<S::Item, O>>,
    intake: Intake<S, H>,
    work: F,
    rules: Rules<S::Item>,
    spawner: Spawner,
    /// For panics and for the names of the tasks; fixed when the pipeline starts.
    place: Arc<str>,
    name: Arc<str>,
}

impl<S, H, F, Fut, O> AsyncStage<S, H, F, O>
where
    S: Segment,
    H: Sort<S::Item> + Send + 'static,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, BoxError>> + Send + 'static,
    O: Send + 'static,
{
    /// Starts the stage with one worker; more are hired as there is work for them.
    pub(super) fn start(
        hub: Arc<Hub<S::Item, O>>,
        intake: Intake<S, H>,
        work: F,
        rules: Rules<S::Item>,
        spawner: Spawner,
    ) {
        let (place, name) = (hub.stage().place(), hub.stage().name());
        let seat = Seat::first(&hub);
        let stage = Arc::new(Self { hub, intake, work, rules, spawner, place, name });
        stage.hire(seat, 0);
    }

    /// Takes the stage along: whoever hires may be the last but the new one that holds it, and must not drop it.
    fn hire(self: Arc<Self>, seat: Seat<S::Item, O>, number: usize) {
        let (spawner, name) = (self.spawner.clone(), format!("{}[{number}]", self.name));
        // A group that is closed is being stopped, and drops the seat, which settles it.
        spawner.spawn_boxed(&name, self.work(seat));
    }

    async fn work(self: Arc<Self>, mut seat: Seat<S::Item, O>) {
        let mut finished = Vec::with_capacity(1);
        while let Some(found) = poll_fn(|cx| self.intake.poll_next(cx, &mut seat, &mut finished)).await {
            if let Some(number) = found.hire {
                self.clone().hire(Seat::hired(&self.hub), number);
            }
            let mark = found.ready.mark;
            let outcome = self.run(found.ready).await;
            finished.push((mark, outcome));
        }
    }

    async fn run(&self, ready: Ready<S::Item>) -> Outcome<O> {
        let (rules, stage) = (&self.rules, self.hub.stage());
        let Ready { mut item, refusal, .. } = ready;
        if let Some(failure) = refusal.failure(&self.place, self.hub.cap()) {
            let kept = catch(&self.place, || rules.on_error.keep(&item)).unwrap_or(None);
            drop_quietly(item);
            return rules.settle(stage, failure, kept, 0).await;
        }
        if rules.retry.is_some() {
            stage.attempted();
        }
        let (mut attempts, mut delays) = (1, None);
        loop {
            let (mut kept, output) = self.attempt(item).await;
            let failure = match output {
                Ok(result) => return Outcome::Done(result),
                Err(failure) => failure,
            };
            let Some(delay) = rules.delay(stage, &failure, &mut delays) else {
                return rules.settle(stage, failure, kept.take(), attempts).await;
            };
            // A runtime may have no timers.
            match catch(&self.place, || tokio::time::sleep(delay)) {
                Ok(sleep) => {
                    drop_quietly(failure);
                    sleep.await;
                }
                Err(panicked) => {
                    return rules.settle(stage, Failure::Panicked(panicked), kept.take(), attempts).await;
                }
            }
            let Some(again) = kept.take() else { unreachable!("what may be tried again is kept") };
            (item, attempts) = (again, attempts + 1);
        }
    }

    /// Works on an item once; gives it back as well, where the rules ask for it.
    async fn attempt(&self, item: S::Item) -> (Quiet<S::Item>, Result<O, Failure>) {
        let mut kept = Quiet::new(None);
        let called = catch(&self.place, || {
            kept.set(self.rules.keep(&item));
            (self.work)(item)
        });
        let output = match called {
            Ok(future) => {
                // Futures that are always ready must not keep the executor. Here, between the closure and its future, so
                // that closures are called in the order in which items were taken.
                tokio::task::coop::consume_budget().await;
                match self.rules.timeout {
                    None => Caught::new(self.place.clone(), future).await,
                    Some(limit) => Caught::new(self.place.clone(), within(self.place.clone(), limit, future)).await,
                }
            }
            Err(panicked) => Err(panicked),
        };
        let output = match output {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(Failure::Error(error)),
            Err(panicked) => Err(Failure::Panicked(panicked)),
        };
        (kept, output)
    }
}

/// Bounds one attempt.
async fn within<O>(
    place: Arc<str>,
    limit: Duration,
    future: impl Future<Output = Result<O, BoxError>>,
) -> Result<O, BoxError> {
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| Err(Elapsed::new(place, limit).into()))
}
