//! A stage that lets items pass at a rate, without a task: it draws none that may not pass yet.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use crate::pipeline::error::PipelineError;
use crate::pipeline::gather::Bucket;
use crate::pipeline::meter::Meter;
use crate::pipeline::segment::{Chain, Halt, Payload};
use crate::pipeline::stage::Stage;
use crate::policy::Rate;

pub(super) struct Throttled<S> {
    upstream: S,
    bucket: Bucket,
    sleep: Option<Pin<Box<Sleep>>>,
    meter: Meter,
}

impl<S: Chain> Throttled<S> {
    pub(super) fn new(upstream: S, rate: Rate, stage: Arc<Stage>) -> Self {
        let bucket = Bucket::new(rate.interval(), rate.burst_limit());
        Self { upstream, bucket, sleep: None, meter: Meter::new(stage) }
    }

    /// How many may pass, as soon as one may.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        loop {
            let allowed = self.bucket.allowed(Instant::now());
            let next = if allowed > 0 { None } else { self.bucket.next() };
            let Some(time) = next else { return Poll::Ready(allowed) };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(time)));
            if sleep.deadline() != time {
                sleep.as_mut().reset(time);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                self.upstream.poll_progress(cx);
                return Poll::Pending;
            }
        }
    }
}

impl<S: Chain> Chain for Throttled<S> {
    type Out = S::Out;

    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        let Poll::Ready(allowed) = self.poll_allowed(cx) else { return Poll::Pending };
        let Self { upstream, bucket, meter, .. } = self;
        let (now, mut passed) = (Instant::now(), 0);
        let passing = meter.pass(pushed);
        upstream.poll_run(cx, fuel.min(allowed), passing.pushed, &mut |item| {
            // One by one: a run that ends by unwinding has let them pass as well.
            bucket.pass(1, now);
            passed += 1;
            match sink(item) {
                ControlFlow::Continue(()) if passed < allowed => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        self.upstream.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.upstream.source()
    }
}
