//! Fan in, in the order of the items.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::{Fallible, Pipeline};
use super::error::PipelineError;
use super::head::{Head, Pair, Side};
use super::letters::{Letters, Policy};
use super::meter::Meter;
use super::on_error::OnError;
use super::segment::{Chain, Halt, Payload, Segment, fallible, letters_first};
use super::stage::Stage;

/// `merge_sorted`: the smaller of the next items of two upstreams.
pub(super) struct Sorted<A: Chain, B: Chain, F> {
    pair: Pair<A, B>,
    compare: F,
    /// Where an item came last: the one to be left out if it cannot be compared.
    newest: Side,
    meter: Meter,
    letters: Letters<A::Out>,
}

impl<A, B, F> Sorted<A, B, F>
where
    A: Chain,
    B: Chain<Out = A::Out>,
    F: FnMut(&A::Out, &A::Out) -> Ordering,
{
    pub(super) fn new(pair: Pair<A, B>, compare: F, stage: Arc<Stage>) -> Self {
        Self { pair, compare, newest: Side::Left, meter: Meter::new(stage), letters: Letters::new() }
    }
}

impl<A, B, F> Chain for Sorted<A, B, F>
where
    A: Chain,
    B: Chain<Out = A::Out>,
    F: FnMut(&A::Out, &A::Out) -> Ordering,
{
    type Out = A::Out;

    #[inline(always)]
    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(A::Out) -> ControlFlow<()>,
    {
        letters_first!(self, cx);
        let Self { pair, compare, newest, meter, .. } = self;
        pair.begin();
        let mut tally = meter.begin();
        for _ in 0..fuel {
            pair.asked = Side::Left;
            if pair.left.fill(cx, &mut tally, pair.right.held()) {
                *newest = Side::Left;
            }
            pair.asked = Side::Right;
            if pair.right.fill(cx, &mut tally, pair.left.held()) {
                *newest = Side::Right;
            }
            if let Some(failure) = pair.take_failure() {
                return Poll::Ready(Halt::Failed(failure));
            }
            let Pair { left, right, .. } = pair;
            let is_left = match (&left.item, &right.item) {
                // The left one first among equals.
                (Some(a), Some(b)) => tally.watch.run(|| compare(a, b)) != Ordering::Greater,
                (Some(_), None) if right.is_over() => true,
                (None, Some(_)) if left.is_over() => false,
                (None, None) if left.is_over() && right.is_over() => return Poll::Ready(Halt::End),
                _ if (left.is_settled() || left.is_over()) && (right.is_settled() || right.is_over()) => {
                    pair.poll_ahead(cx);
                    return Poll::Pending;
                }
                _ => continue,
            };
            let item = if is_left { left.item.take() } else { right.item.take() };
            tally.books.hold(pair.held());
            *pushed += 1;
            if item.is_some_and(|item| sink(item).is_break()) {
                return Poll::Ready(Halt::Full);
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.pair.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        let Self { pair, newest, meter, letters, .. } = self;
        if !meter.take_blame() {
            return pair.blame(payload);
        }
        let failed = match newest {
            Side::Left => pair.left.item.take(),
            Side::Right => pair.right.item.take(),
        };
        meter.begin().books.hold(pair.held());
        Ok(letters.panicked_on(failed, meter.stage(), payload))
    }

    fn source(&self) -> Arc<Stage> {
        self.pair.source()
    }
}

/// Items that still wait to be compared are discarded, and counted so.
impl<A: Chain, B: Chain, F> Drop for Sorted<A, B, F> {
    fn drop(&mut self) {
        self.meter.discard(self.pair.held());
        self.pair.forget();
    }
}

impl<A: Chain, B: Chain, F> Fallible for Sorted<A, B, F> {
    type Input = A::Out;
    fallible!();
}

impl<S: Segment> Pipeline<S> {
    /// Brings two pipelines that are sorted together into one that is. Stable: among equals those of this one come first.
    ///
    /// An item waits until the other side has given its next, or has ended. It ends when both have ended, or when one
    /// fails. Where the input is not sorted, the output is not either. They are one pipeline from here on, see
    /// [`merge`](Self::merge), and a fused one, as [`map`](Self::map).
    ///
    /// Of the branches of one [`partition`](Self::partition) one may be full while the other has nothing to compare with;
    /// then nobody can go on. The same is true of a branch of a [`broadcast`](Self::broadcast) that leaves items out, see
    /// [`zip`](Self::zip).
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let merged = Pipeline::from_iter([1, 4, 6]).merge_sorted(Pipeline::from_iter([2, 3, 7]));
    /// assert_eq!(merged.collect::<Vec<_>>().await?, [1, 2, 3, 4, 6, 7]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// A panic of the comparison meets the stage's policy, as a failure of the item that came last.
    pub fn merge_sorted<T>(
        self,
        other: Pipeline<T>,
    ) -> Pipeline<impl Segment<Item = S::Item> + Fallible<Input = S::Item, Handled: Segment<Item = S::Item>>>
    where
        T: Segment<Item = S::Item>,
        S::Item: Ord,
    {
        self.sorted("merge_sorted", other, Ord::cmp)
    }

    /// As [`merge_sorted`](Self::merge_sorted), by a comparison of one's own.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (near, far) = (Pipeline::from_iter([0.5, 2.0]), Pipeline::from_iter([1.5]));
    /// assert_eq!(near.merge_sorted_by(far, f64::total_cmp).collect::<Vec<_>>().await?, [0.5, 1.5, 2.0]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// A panic of the comparison meets the stage's policy, as a failure of the item that came last.
    pub fn merge_sorted_by<T, F>(
        self,
        other: Pipeline<T>,
        compare: F,
    ) -> Pipeline<impl Segment<Item = S::Item> + Fallible<Input = S::Item, Handled: Segment<Item = S::Item>>>
    where
        T: Segment<Item = S::Item>,
        F: FnMut(&S::Item, &S::Item) -> Ordering + Send + 'static,
    {
        self.sorted("merge_sorted_by", other, compare)
    }

    fn sorted<T, F>(mut self, kind: &str, other: Pipeline<T>, compare: F) -> Pipeline<Sorted<S, T, F>>
    where
        T: Segment<Item = S::Item>,
        F: FnMut(&S::Item, &S::Item) -> Ordering + Send + 'static,
    {
        let [ours, theirs] = [self.plan.ended_early.clone(), other.plan.ended_early.clone()];
        self.plan.join(other.plan);
        let stage = self.plan.fused(kind);
        let pair = Pair::new(Head::new(self.segment, ours), Head::new(other.segment, theirs));
        Pipeline { segment: Sorted::new(pair, compare, stage), plan: self.plan }
    }
}
