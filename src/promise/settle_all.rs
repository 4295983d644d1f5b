//! All of several, however they end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::child::{Children, children};
use super::error::{PromiseError, polled_after_end};

/// Waits for all futures and gives what became of each, in the order of the input.
///
/// No failure keeps another from being waited for. To give up at the first error, use `futures::future::try_join_all`;
/// to limit how many run at once, [`join_all_limit`](super::join_all_limit()). The futures run side by side in the task
/// of the caller, and only while this future is polled.
///
/// # Examples
/// ```
/// use regatta::promise::{PromiseError, settle_all};
/// use futures::FutureExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let all = settle_all([
///     async { Ok(1) }.boxed(),
///     async { Err("no") }.boxed(),
///     async { panic!("out of cheese") }.boxed(),
/// ]);
/// let all = all.await;
/// assert_eq!(all[..2], [Ok(1), Err(PromiseError::Rejected("no"))]);
/// assert_eq!(all[2].as_ref().unwrap_err().to_string(), "future 2 of `settle_all` panicked: out of cheese");
/// # }
/// ```
///
/// # Empty input
/// Gives an empty list at once.
///
/// # Cancel safety
/// Dropping the future drops all futures, and the results so far.
///
/// # Errors
/// None of its own: [`PromiseError::Rejected`] has a future's own error, [`PromiseError::Panicked`] its panic. Of
/// [promises](super::PromiseFuture) it makes two layers, which [`flatten`](PromiseError::flatten) makes one of.
///
/// # Panics
/// A panic of the iterator reaches the caller of this function; those of futures are values.
#[doc(alias = "allSettled")]
#[doc(alias = "gather")]
pub fn settle_all<I, T, E>(futures: I) -> SettleAllFuture<<I::Item as IntoFuture>::IntoFuture, T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    let running = children("settle_all", futures);
    let settled = (0..running.len()).map(|_| None).collect();
    SettleAllFuture { running, settled: Some(settled) }
}

/// Waits for all of several futures; made by [`settle_all`].
///
/// # Cancel safety
/// Dropping it drops all futures, and the results so far.
///
/// # Panics
/// When it is polled after its end.
#[must_use = "nothing runs unless the future is awaited"]
pub struct SettleAllFuture<F, T, E> {
    running: Children<F>,
    /// In the order of the input; gone with the end.
    settled: Option<Vec<Settled<T, E>>>,
}

/// What became of a future, when it has ended.
type Settled<T, E> = Option<Result<T, PromiseError<E>>>;

// Nothing in here is pinned: the futures have their own allocations.
impl<F, T, E> Unpin for SettleAllFuture<F, T, E> {}

impl<F, T, E> Future for SettleAllFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Vec<Result<T, PromiseError<E>>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(settled) = &mut this.settled else { polled_after_end("settle_all") };
        while let Some((index, output)) = ready!(Pin::new(&mut this.running).poll_next(cx)) {
            settled[index] = Some(match output {
                Ok(result) => result.map_err(PromiseError::Rejected),
                Err(panicked) => Err(PromiseError::Panicked(panicked)),
            });
        }
        // Each has given something by now.
        Poll::Ready(this.settled.take().into_iter().flatten().flatten().collect())
    }
}

impl<F, T, E> std::fmt::Debug for SettleAllFuture<F, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SettleAllFuture").field("running", &self.running.len()).finish_non_exhaustive()
    }
}
