//! Fan in, in pairs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::Pipeline;
use super::error::PipelineError;
use super::head::{Head, Pair, Side};
use super::meter::Meter;
use super::segment::{Chain, Halt, Payload, Segment};
use super::stage::Stage;

/// `zip`: one item of each upstream.
pub(super) struct Zip<A: Chain, B: Chain> {
    pair: Pair<A, B>,
    /// Items without a counterpart, at the end.
    wasted: u64,
    meter: Meter,
}

impl<A: Chain, B: Chain> Zip<A, B> {
    pub(super) fn new(pair: Pair<A, B>, stage: Arc<Stage>) -> Self {
        Self { pair, wasted: 0, meter: Meter::new(stage) }
    }

    /// One side has ended: what the other holds is wasted, and it is let go.
    fn end(&mut self) -> Halt {
        let Self { pair, wasted, meter } = self;
        *wasted += pair.held();
        meter.discard(*wasted);
        let failure = pair.take_failure();
        pair.forget();
        meter.release();
        if !pair.left.upstream.has_ended() {
            pair.left.upstream.let_go();
        }
        if !pair.right.upstream.has_ended() {
            pair.right.upstream.let_go();
        }
        failure.map_or(Halt::End, Halt::Failed)
    }
}

impl<A: Chain, B: Chain> Chain for Zip<A, B> {
    type Out = (A::Out, B::Out);

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut((A::Out, B::Out)) -> ControlFlow<()>,
    {
        let Self { pair, meter, .. } = self;
        pair.begin();
        let mut tally = meter.begin();
        for _ in 0..fuel {
            pair.asked = Side::Left;
            pair.left.fill(cx, &mut tally, pair.right.held());
            if pair.left.is_over() {
                break;
            }
            pair.asked = Side::Right;
            pair.right.fill(cx, &mut tally, pair.left.held());
            if pair.right.is_over() {
                break;
            }
            match (pair.left.item.take(), pair.right.item.take()) {
                (Some(a), Some(b)) => {
                    tally.books.hold(0);
                    *pushed += 1;
                    let is_full = sink((a, b)).is_break();
                    if pair.left.is_over() || pair.right.is_over() {
                        // At once, not when there is room again.
                        break;
                    }
                    if is_full {
                        return Poll::Ready(Halt::Full);
                    }
                }
                (a, b) => {
                    (pair.left.item, pair.right.item) = (a, b);
                    if pair.left.is_settled() && pair.right.is_settled() {
                        pair.poll_ahead(cx);
                        return Poll::Pending;
                    }
                }
            }
        }
        drop(tally);
        if pair.left.is_over() || pair.right.is_over() { Poll::Ready(self.end()) } else { Poll::Ready(Halt::Fuel) }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.pair.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        self.pair.blame(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.pair.source()
    }
}

/// An item that still waits for its counterpart is discarded, and counted so.
impl<A: Chain, B: Chain> Drop for Zip<A, B> {
    fn drop(&mut self) {
        self.meter.discard(self.wasted + self.pair.held());
        self.pair.forget();
    }
}

impl<S: Segment> Pipeline<S> {
    /// Pairs each item of this pipeline with one of another, in order.
    ///
    /// It ends when either ends, or fails; the other is let go at once, and an item that waits for its counterpart is
    /// counted as discarded. They are one pipeline from here on, see [`merge`](Self::merge), and a fused one, as
    /// [`map`](Self::map).
    ///
    /// **Both sides have to move in step.** Two branches of one [`broadcast`](Self::broadcast) do, as long as neither filters,
    /// skips, gathers or reorders. If one leaves items out, it needs more input while the other is full and waits for its
    /// counterparts; then nobody can go on, as soon as the difference is larger than what the stages of the other hold. Give
    /// such a branch an item for each, as with `map` to an `Option`. A [`partition`](Self::partition) gives branches of
    /// different lengths: bring these together with [`merge`](Self::merge).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [names, lengths] = Pipeline::from_iter(["ab", "c"]).broadcast(4);
    /// let pairs = names.zip(lengths.map_async(4, |name| async move { name.len() }));
    /// assert_eq!(pairs.collect::<Vec<_>>().await?, [("ab", 2), ("c", 1)]);
    /// # Ok(()) }
    /// ```
    pub fn zip<T: Segment>(mut self, other: Pipeline<T>) -> Pipeline<impl Segment<Item = (S::Item, T::Item)>> {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused("zip");
        let pair = Pair::new(Head::new(self.segment, ours), Head::new(other.segment, theirs));
        Pipeline { segment: Zip::new(pair, stage), plan: self.plan }
    }
}
