//! Running a segment to its end inside one task.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::error::PipelineError;
use super::meter::{Loan, Meter};
use super::on_error::Failure;
use super::segment::{Chain, Halt, Pace, Payload, poll_guarded, poll_yield};
use super::stage::Stage;
use crate::error::{Panicked, drop_quietly};

/// Runs a segment whose items matter to nobody any more, to its end.
pub(super) async fn drive<S: Chain>(segment: &mut S) -> Result<(), PipelineError> {
    drive_at(segment, Pace::new(4096)).await
}

/// The same at a pace of the caller's.
pub(super) async fn drive_at<S: Chain>(segment: &mut S, mut pace: Pace) -> Result<(), PipelineError> {
    poll_fn(|cx| poll_drive(segment, &mut pace, cx)).await
}

fn poll_drive<S: Chain>(segment: &mut S, pace: &mut Pace, cx: &mut Context<'_>) -> Poll<Result<(), PipelineError>> {
    let mut spent = Duration::ZERO;
    loop {
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
        let begun = pace.now();
        let halt = match poll_guarded(segment, cx, pace.size(), &mut |_| ControlFlow::Continue(())) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(halt) => halt,
        };
        match halt {
            Halt::End => return Poll::Ready(Ok(())),
            Halt::Failed(failure) => return Poll::Ready(Err(failure)),
            Halt::Fuel | Halt::Full => spent += pace.measured(pace.size(), begun),
        }
        coop.made_progress();
        if spent > Pace::SLICE {
            return poll_yield(cx);
        }
    }
}

/// `fold`: the last stage of a pipeline that ends in one value.
pub(super) struct Fold<S, F, A> {
    upstream: S,
    fold: F,
    /// Absent only while the closure has it, and for good if the closure panicked.
    value: Option<A>,
    meter: Meter,
}

impl<S, F, A> Fold<S, F, A>
where
    S: Chain,
    F: FnMut(A, S::Out) -> A,
{
    pub(super) fn new(upstream: S, value: A, fold: F, stage: Arc<Stage>) -> Self {
        Self { upstream, fold, value: Some(value), meter: Meter::new(stage) }
    }

    pub(super) async fn run(self) -> Result<A, PipelineError> {
        self.run_at(Pace::new(4096)).await
    }

    pub(super) async fn run_at(mut self, pace: Pace) -> Result<A, PipelineError> {
        let driven = drive_at(&mut self, pace).await;
        let Self { upstream, fold, value, .. } = self;
        // A destructor that panics takes no result along.
        drop_quietly(upstream);
        drop_quietly(fold);
        if let Err(failure) = driven {
            drop_quietly(value);
            return Err(failure);
        }
        match value {
            Some(value) => Ok(value),
            None => unreachable!("the value is gone only after a panic, and a panic is a failure"),
        }
    }
}

impl<S, F, A> Chain for Fold<S, F, A>
where
    S: Chain,
    F: FnMut(A, S::Out) -> A,
{
    type Out = ();

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, _: &mut u64, _: &mut K) -> Poll<Halt>
    where
        K: FnMut(()) -> ControlFlow<()>,
    {
        let Self { upstream, fold, value, meter } = self;
        let mut tally = meter.begin();
        let mut loan = Loan::take(value);
        upstream.poll_run(cx, fuel, &mut tally.came, &mut |item| {
            loan.value = loan.value.take().map(|so_far| tally.watch.run(|| fold(so_far, item)));
            ControlFlow::Continue(())
        })
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.meter.take_blame() {
            let panicked = Panicked::from_payload(self.meter.stage().place(), payload);
            return Ok(Some(self.meter.stage().stopped_by(Failure::Panicked(panicked))));
        }
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}
