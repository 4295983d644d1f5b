//! Ends that run side by side, as one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures::future::try_maybe_done;
use tokio::task::coop::has_budget_remaining;

use super::error::PipelineError;
use super::plan::Plan;
use super::terminal::Run;
use crate::error::drop_quietly;

impl<O: Send + 'static, K> Run<O, K> {
    /// Runs two pipelines as one that gives both results: for the branches of a fan out, such as
    /// [`broadcast`](super::Pipeline::broadcast), and for pipelines that succeed or fail together.
    ///
    /// Their fused ends share a task; the one that has used up what a task may do at a time is polled last in the next. [`named`](Self::named) names the last stage of the other one.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [sums, counts] = Pipeline::from_iter([2.0, 4.0]).broadcast(4);
    /// let (sum, count) = sums.fold(0.0, |sum, n| sum + n).and(counts.fold(0, |count, _| count + 1)).await?;
    /// assert_eq!(sum / f64::from(count), 3.0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first failure of the two. The other is aborted, and what it holds is counted as discarded.
    pub fn and<P: Send + 'static, L>(mut self, other: Run<P, L>) -> Run<(O, P)> {
        self.plan.join(other.plan);
        let (first, second) = (self.finale, other.finale);
        Run::new(
            self.plan,
            async move {
                let (mut first, mut second) = (pin!(try_maybe_done(first)), pin!(try_maybe_done(second)));
                let mut is_second_first = false;
                let ended = poll_fn(|cx| {
                    // Whoever finds nothing left has not had its turn.
                    let (has_turn, was_second_first) = (has_budget_remaining(), is_second_first);
                    let mut pass_on = || is_second_first ^= has_turn && !has_budget_remaining();
                    let polled = if was_second_first {
                        let second = second.as_mut().poll(cx);
                        pass_on();
                        [first.as_mut().poll(cx), second]
                    } else {
                        let first = first.as_mut().poll(cx);
                        pass_on();
                        [first, second.as_mut().poll(cx)]
                    };
                    all_done(polled)
                })
                .await;
                if let Err(failure) = ended {
                    // What the other one has made of it is of no use, and must not take the failure's place.
                    drop_quietly(first.as_mut().take_output());
                    drop_quietly(second.as_mut().take_output());
                    return Err(failure);
                }
                match (first.take_output(), second.take_output()) {
                    (Some(first), Some(second)) => Ok((first, second)),
                    _ => unreachable!("both are done, and none has failed"),
                }
            },
            (),
        )
    }

    /// As [`and`](Self::and), for any number of runs of one kind: their results, in the same order. None at all ends at
    /// once.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{Pipeline, Run};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let shards: [_; 3] = Pipeline::from_iter(0..9_usize).partition(4, |n| n % 3);
    /// let sums = shards.map(|shard| shard.fold(0, |sum, n| sum + n));
    /// assert_eq!(Run::all(sums).await?, [9, 12, 15]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first failure. The others are aborted, and what they hold is counted as discarded.
    pub fn all(runs: impl IntoIterator<Item = Self>) -> Run<Vec<O>> {
        let (mut plan, mut ends) = (None::<Plan>, Vec::new());
        for Self { plan: next, finale, .. } in runs {
            match &mut plan {
                Some(plan) => plan.join(next),
                None => plan = Some(next),
            }
            ends.push(Box::pin(try_maybe_done(finale)));
        }
        Run::new(
            plan.unwrap_or_else(Plan::new),
            async move {
                let (count, mut next) = (ends.len(), 0);
                let ended = poll_fn(|cx| {
                    let (begin, has_turn) = (next, has_budget_remaining());
                    all_done((0..count).map(|offset| {
                        let number = (begin + offset) % count;
                        let polled = ends[number].as_mut().poll(cx);
                        if offset == 0 && has_turn && !has_budget_remaining() {
                            next = (number + 1) % count;
                        }
                        polled
                    }))
                })
                .await;
                if let Err(failure) = ended {
                    ends.iter_mut().for_each(|end| drop_quietly(end.as_mut().take_output()));
                    return Err(failure);
                }
                Ok(ends.iter_mut().filter_map(|end| end.as_mut().take_output()).collect())
            },
            (),
        )
    }
}

/// Ready when all are, or with the first failure.
fn all_done(polled: impl IntoIterator<Item = Poll<Result<(), PipelineError>>>) -> Poll<Result<(), PipelineError>> {
    let mut is_done = true;
    for one in polled {
        match one {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
            Poll::Pending => is_done = false,
        }
    }
    if is_done { Poll::Ready(Ok(())) } else { Poll::Pending }
}
