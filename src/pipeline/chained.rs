//! Fan in, one after the other.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::Pipeline;
use super::early::Early;
use super::error::PipelineError;
use super::meter::Meter;
use super::segment::{Chain, Halt, Payload, Segment};
use super::stage::Stage;

/// `chain`: the items of one upstream, then those of another.
pub(super) struct Chained<A, B> {
    first: Early<A>,
    second: Early<B>,
    meter: Meter,
}

impl<A, B> Chained<A, B> {
    pub(super) fn new(first: Early<A>, second: Early<B>, stage: Arc<Stage>) -> Self {
        Self { first, second, meter: Meter::new(stage) }
    }
}

impl<A: Chain, B: Chain<Out = A::Out>> Chain for Chained<A, B> {
    type Out = A::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(A::Out) -> ControlFlow<()>,
    {
        let Self { first, second, meter } = self;
        let passing = meter.pass(pushed);
        if let Some(segment) = &mut first.segment {
            let polled = segment.poll_run(cx, fuel, passing.pushed, sink);
            if !matches!(polled, Poll::Ready(Halt::End)) {
                return polled;
            }
            first.ended();
            // Back to the driver: a last item may have come along with the end, and filled its room.
            return Poll::Ready(Halt::Fuel);
        }
        match &mut second.segment {
            Some(segment) => segment.poll_run(cx, fuel, passing.pushed, sink),
            None => Poll::Ready(Halt::End),
        }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        // The second has not begun before the first has ended.
        if self.first.has_ended() { self.second.poll_progress(cx) } else { self.first.poll_progress(cx) }
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.first.has_ended() { self.second.blame(payload) } else { self.first.blame(payload) }
    }

    fn source(&self) -> Arc<Stage> {
        if self.first.has_ended() { self.second.source() } else { self.first.source() }
    }
}

impl<S: Segment> Pipeline<S> {
    /// Takes all items of this pipeline, and then those of another: a header before the lines, the archive before what is
    /// live.
    ///
    /// It ends when both have ended, or when one fails. What is fused in the second is not asked before the first has
    /// ended; stages with tasks of their own start at once and fill their windows. They are one pipeline from here on, see
    /// [`merge`](Self::merge), and a fused one, as [`map`](Self::map).
    ///
    /// Two branches of one [`partition`](Self::partition) or [`broadcast`](Self::broadcast) cannot be chained if the second
    /// gets more than it has room for before the first has ended: neither could go on.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lines = Pipeline::from_iter(["id;name"]).chain(Pipeline::from_iter(["1;Ada", "2;Grace"]));
    /// assert_eq!(lines.collect::<Vec<_>>().await?, ["id;name", "1;Ada", "2;Grace"]);
    /// # Ok(()) }
    /// ```
    pub fn chain<T>(mut self, other: Pipeline<T>) -> Pipeline<impl Segment<Item = S::Item>>
    where
        T: Segment<Item = S::Item>,
    {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("chain");
        let (first, second) = (Early::new(self.segment, ours), Early::new(other.segment, theirs));
        Pipeline { segment: Chained::new(first, second, stage), plan: self.plan }
    }
}
