//! An asynchronous stage: workers that each take an item, await its future, and come back.

use std::future::{Future, poll_fn};
use std::sync::Arc;

use super::hub::Hub;
use super::intake::Intake;
use super::seat::Seat;
use super::segment::Segment;
use super::window::Outcome;
use crate::error::{BoxError, Panicked, catch, drop_quietly};
use crate::task::{Caught, Spawner};

/// What the workers of one stage share. Dropped with the last of them.
pub(super) struct AsyncStage<S: Segment, F, O> {
    hub: Arc<Hub<S::Item, O>>,
    intake: Intake<S>,
    work: F,
    spawner: Spawner,
    /// For panics and for the names of the tasks; fixed when the pipeline starts.
    place: Arc<str>,
    name: Arc<str>,
}

impl<S, F, Fut, O> AsyncStage<S, F, O>
where
    S: Segment,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, BoxError>> + Send + 'static,
    O: Send + 'static,
{
    /// Starts the stage with one worker; more are hired as there is work for them.
    pub(super) fn start(hub: Arc<Hub<S::Item, O>>, segment: S, work: F, spawner: Spawner) {
        let (place, name) = (hub.stage().place(), hub.stage().name());
        let seat = Seat::first(&hub);
        let stage = Arc::new(Self { hub, intake: Intake::new(segment), work, spawner, place, name });
        stage.hire(seat, 0);
    }

    /// Takes the stage along: whoever hires may be the last but the new one that holds it, and must not drop it.
    fn hire(self: Arc<Self>, seat: Seat<S::Item, O>, number: usize) {
        let (spawner, name) = (self.spawner.clone(), format!("{}[{number}]", self.name));
        // A group that is closed is being stopped, and drops the seat, which settles it.
        drop_quietly(spawner.spawn(name, self.work(seat)));
    }

    async fn work(self: Arc<Self>, mut seat: Seat<S::Item, O>) {
        let mut finished = Vec::with_capacity(1);
        while let Some(found) = poll_fn(|cx| self.intake.poll_next(cx, &mut seat, &mut finished)).await {
            if let Some(number) = found.hire {
                self.clone().hire(Seat::hired(&self.hub), number);
            }
            let outcome = self.run(found.item).await;
            finished.push((found.sequence, outcome));
        }
    }

    async fn run(&self, item: S::Item) -> Outcome<O> {
        let output = match catch(&self.place, || (self.work)(item)) {
            Ok(future) => {
                let future = Caught::new(self.place.clone(), future);
                // Futures that are always ready must not keep the executor. Here, between the closure and its future, so
                // that closures are called in the order in which items were taken.
                tokio::task::coop::consume_budget().await;
                future.await
            }
            Err(panicked) => Err(panicked),
        };
        outcome(&self.hub, output)
    }
}

/// What the stage's policy makes of a closure's end.
pub(super) fn outcome<I, O>(hub: &Hub<I, O>, output: Result<Result<O, BoxError>, Panicked>) -> Outcome<O> {
    let failure = match output {
        Ok(Ok(result)) => return Outcome::Done(result),
        Ok(Err(error)) => hub.stage().errored(error),
        Err(panicked) => hub.stage().panicked_with(panicked),
    };
    failure.map_or(Outcome::Skipped, |failure| Outcome::Failed(Box::new(failure)))
}
