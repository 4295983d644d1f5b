//! Fan in, as items come: several upstreams, asked in turn.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::Pipeline;
use super::early::Early;
use super::error::PipelineError;
use super::meter::Meter;
use super::plan::Plan;
use super::segment::{Chain, Halt, Payload, Segment};
use super::stage::Stage;

/// How many items one upstream may give before the next is asked.
const TURN: usize = 16;

/// `merge` and `merge_all`: the items of all upstreams.
pub(super) struct Merge<M> {
    branches: M,
    /// The one whose turn it is.
    next: usize,
    /// The one that was asked last, to be blamed for a panic.
    asked: usize,
    live: usize,
    meter: Meter,
}

/// The upstreams of a [`Merge`].
pub(super) trait Branches {
    type Out;

    fn count(&self) -> usize;

    /// `None` for one that has ended.
    fn poll_run<K>(
        &mut self,
        number: usize,
        cx: &mut Context<'_>,
        fuel: usize,
        pushed: &mut u64,
        sink: &mut K,
    ) -> Option<Poll<Halt>>
    where
        K: FnMut(Self::Out) -> ControlFlow<()>;

    fn poll_progress(&mut self, number: usize, cx: &mut Context<'_>);

    fn ended(&mut self, number: usize);

    fn blame(&mut self, number: usize, payload: Payload) -> Result<Option<PipelineError>, Payload>;

    fn source(&self, number: usize) -> Arc<Stage>;
}

impl<A: Chain, B: Chain<Out = A::Out>> Branches for (Early<A>, Early<B>) {
    type Out = A::Out;

    fn count(&self) -> usize {
        2
    }

    #[inline(always)]
    fn poll_run<K>(
        &mut self,
        number: usize,
        cx: &mut Context<'_>,
        fuel: usize,
        pushed: &mut u64,
        sink: &mut K,
    ) -> Option<Poll<Halt>>
    where
        K: FnMut(A::Out) -> ControlFlow<()>,
    {
        if number == 0 {
            self.0.segment.as_mut().map(|segment| segment.poll_run(cx, fuel, pushed, sink))
        } else {
            self.1.segment.as_mut().map(|segment| segment.poll_run(cx, fuel, pushed, sink))
        }
    }

    fn poll_progress(&mut self, number: usize, cx: &mut Context<'_>) {
        if number == 0 { self.0.poll_progress(cx) } else { self.1.poll_progress(cx) }
    }

    fn ended(&mut self, number: usize) {
        if number == 0 { self.0.ended() } else { self.1.ended() }
    }

    fn blame(&mut self, number: usize, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if number == 0 { self.0.blame(payload) } else { self.1.blame(payload) }
    }

    fn source(&self, number: usize) -> Arc<Stage> {
        if number == 0 { self.0.source() } else { self.1.source() }
    }
}

impl<S: Chain> Branches for Vec<Early<S>> {
    type Out = S::Out;

    fn count(&self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn poll_run<K>(
        &mut self,
        number: usize,
        cx: &mut Context<'_>,
        fuel: usize,
        pushed: &mut u64,
        sink: &mut K,
    ) -> Option<Poll<Halt>>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        self[number].segment.as_mut().map(|segment| segment.poll_run(cx, fuel, pushed, sink))
    }

    fn poll_progress(&mut self, number: usize, cx: &mut Context<'_>) {
        self[number].poll_progress(cx);
    }

    fn ended(&mut self, number: usize) {
        self[number].ended();
    }

    fn blame(&mut self, number: usize, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        self[number].blame(payload)
    }

    fn source(&self, number: usize) -> Arc<Stage> {
        self[number].source()
    }
}

impl<M: Branches> Merge<M> {
    pub(super) fn new(branches: M, stage: Arc<Stage>) -> Self {
        Self { next: 0, asked: 0, live: branches.count(), branches, meter: Meter::new(stage) }
    }
}

impl<M: Branches> Chain for Merge<M> {
    type Out = M::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(M::Out) -> ControlFlow<()>,
    {
        let Self { branches, next, asked, live, meter } = self;
        let passing = meter.pass(pushed);
        let (count, mut left, mut in_vain) = (branches.count(), fuel, 0);
        // Pending is for when all of them were asked, one after the other, and none could go on.
        while left > 0 && *live > 0 && in_vain < count {
            // The turn passes on before the run: also a closure that panics each time has only every other.
            *asked = *next;
            *next = (*next + 1) % count;
            let turn = left.min(TURN);
            match branches.poll_run(*asked, cx, turn, passing.pushed, sink) {
                None | Some(Poll::Pending) => in_vain += 1,
                Some(Poll::Ready(Halt::Fuel)) => {
                    left -= turn;
                    in_vain = 0;
                }
                Some(Poll::Ready(Halt::End)) => {
                    branches.ended(*asked);
                    *live -= 1;
                    // Back to the driver: a last item may have come along with the end, and filled its room.
                    return Poll::Ready(if *live == 0 { Halt::End } else { Halt::Fuel });
                }
                Some(Poll::Ready(halt)) => return Poll::Ready(halt),
            }
        }
        match (*live, left) {
            (0, _) => Poll::Ready(Halt::End),
            (_, 0) => Poll::Ready(Halt::Fuel),
            _ => Poll::Pending,
        }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        for number in 0..self.branches.count() {
            self.asked = number;
            self.branches.poll_progress(number, cx);
        }
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.live == 0 { Err(payload) } else { self.branches.blame(self.asked, payload) }
    }

    fn source(&self) -> Arc<Stage> {
        if self.branches.count() == 0 { self.meter.stage().clone() } else { self.branches.source(self.asked) }
    }
}

impl<S: Segment> Pipeline<S> {
    /// Takes items from this pipeline and from another, as they come: for inputs of the same type that are equals.
    ///
    /// Fair: the two take turns of up to 16 items, and the one that has nothing does not hold up the other. It ends when
    /// both have ended, or when one fails. Both are one pipeline from here on: one handle closes both sources, and
    /// [`titled`](super::Run::titled) names both. For the items of one before those of the other use
    /// [`chain`](Self::chain), for sorted ones [`merge_sorted`](Self::merge_sorted), for more than two
    /// [`merge_all`](Self::merge_all). Fused, as [`map`](Self::map): the synchronous stages of both run in one task, so put
    /// a [`buffer`](Self::buffer) behind what is to run beside the other.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (orders, refunds) = (Pipeline::from_iter([5, 7]), Pipeline::from_iter([-2]));
    /// assert_eq!(orders.merge(refunds).fold(0, |sum, n| sum + n).await?, 10);
    /// # Ok(()) }
    /// ```
    pub fn merge<T>(mut self, other: Pipeline<T>) -> Pipeline<impl Segment<Item = S::Item>>
    where
        T: Segment<Item = S::Item>,
    {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("merge");
        let branches = (Early::new(self.segment, ours), Early::new(other.segment, theirs));
        Pipeline { segment: Merge::new(branches, stage), plan: self.plan }
    }

    /// As [`merge`](Self::merge), for any number of pipelines of one type; none at all is a pipeline without items.
    ///
    /// Each of them is asked whenever one of them has moved: this is for dozens, not for thousands.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tenants = (1..=3).map(|tenant| Pipeline::from_iter(vec![tenant; 10]).map_async(2, |n| async move { n }));
    /// assert_eq!(Pipeline::merge_all(tenants).fold(0, |sum, n| sum + n).await?, 60);
    /// # Ok(()) }
    /// ```
    pub fn merge_all(pipelines: impl IntoIterator<Item = Self>) -> Pipeline<impl Segment<Item = S::Item>> {
        let (mut plan, mut branches) = (None::<Plan>, Vec::new());
        for pipeline in pipelines {
            branches.push(Early::new(pipeline.segment, pipeline.plan.ended_early.clone()));
            match &mut plan {
                Some(plan) => plan.join(pipeline.plan),
                None => plan = Some(pipeline.plan),
            }
        }
        let mut plan = plan.unwrap_or_else(Plan::new);
        let stage = plan.fused("merge_all");
        Pipeline { segment: Merge::new(branches, stage), plan }
    }
}
