//! Fan in, in the order of the items.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::builder::{Fallible, Pipeline};
use super::error::PipelineError;
use super::head::{Head, Side};
use super::letters::{Letters, Policy};
use super::meter::Meter;
use super::on_error::OnError;
use super::segment::{Chain, Halt, Payload, Segment, fallible, letters_first};
use super::stage::Stage;

/// `merge_sorted`: the smaller of the next items of two upstreams.
pub(super) struct Sorted<A: Chain, B: Chain, F> {
    left: Head<A>,
    right: Head<B>,
    compare: F,
    /// Where an item came last: the one to be left out if it cannot be compared.
    newest: Side,
    /// The one that was asked last, to be blamed for a panic.
    asked: Side,
    meter: Meter,
    letters: Letters<A::Out>,
}

impl<A, B, F> Sorted<A, B, F>
where
    A: Chain,
    B: Chain<Out = A::Out>,
    F: FnMut(&A::Out, &A::Out) -> Ordering,
{
    pub(super) fn new(left: Head<A>, right: Head<B>, compare: F, stage: Arc<Stage>) -> Self {
        let (newest, asked) = (Side::Left, Side::Left);
        Self { left, right, compare, newest, asked, meter: Meter::new(stage), letters: Letters::new() }
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
        let Self { left, right, compare, newest, asked, meter, .. } = self;
        left.begin();
        right.begin();
        let mut tally = meter.begin();
        for _ in 0..fuel {
            *asked = Side::Left;
            if left.fill(cx, &mut tally, right.held()) {
                *newest = Side::Left;
            }
            *asked = Side::Right;
            if right.fill(cx, &mut tally, left.held()) {
                *newest = Side::Right;
            }
            if let Some(failure) = left.take_failure().or_else(|| right.take_failure()) {
                return Poll::Ready(Halt::Failed(failure));
            }
            let is_left = match (&left.item, &right.item) {
                // The left one first among equals.
                (Some(a), Some(b)) => tally.watch.run(|| compare(a, b)) != Ordering::Greater,
                (Some(_), None) if right.is_over() => true,
                (None, Some(_)) if left.is_over() => false,
                (None, None) if left.is_over() && right.is_over() => return Poll::Ready(Halt::End),
                _ => {
                    let is_stuck = (left.is_settled() || left.is_over()) && (right.is_settled() || right.is_over());
                    if is_stuck {
                        if left.item.is_some() {
                            *asked = Side::Left;
                            left.upstream.poll_progress(cx);
                        }
                        if right.item.is_some() {
                            *asked = Side::Right;
                            right.upstream.poll_progress(cx);
                        }
                        return Poll::Pending;
                    }
                    continue;
                }
            };
            let item = if is_left { left.item.take() } else { right.item.take() };
            tally.books.hold(left.held() + right.held());
            *pushed += 1;
            if item.is_some_and(|item| sink(item).is_break()) {
                return Poll::Ready(Halt::Full);
            }
        }
        Poll::Ready(Halt::Fuel)
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.asked = Side::Left;
        self.left.upstream.poll_progress(cx);
        self.asked = Side::Right;
        self.right.upstream.poll_progress(cx);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        if self.meter.take_blame() {
            let failed = match self.newest {
                Side::Left => self.left.item.take(),
                Side::Right => self.right.item.take(),
            };
            self.meter.begin().books.hold(self.left.held() + self.right.held());
            return Ok(self.letters.panicked_on(failed, self.meter.stage(), payload));
        }
        match self.asked {
            Side::Left => self.left.upstream.blame(payload),
            Side::Right => self.right.upstream.blame(payload),
        }
    }

    fn source(&self) -> Arc<Stage> {
        match self.asked {
            Side::Left => self.left.upstream.source(),
            Side::Right => self.right.upstream.source(),
        }
    }
}

/// Items that still wait to be compared are discarded, and counted so.
impl<A: Chain, B: Chain, F> Drop for Sorted<A, B, F> {
    fn drop(&mut self) {
        self.meter.discard(self.left.held() + self.right.held());
        self.left.forget();
        self.right.forget();
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
        let (left, right) = (Head::new(self.segment, ours), Head::new(other.segment, theirs));
        Pipeline { segment: Sorted::new(left, right, compare, stage), plan: self.plan }
    }
}
