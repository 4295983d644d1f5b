//! The first success of several.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::aggregate::AggregateError;
use super::quorum::QuorumFuture;

/// Waits for the first success; the futures that have lost are dropped.
///
/// For the same answer from several places, of which some may fail. [`race`](super::race()) also takes a failure for an
/// answer. The futures run side by side in the task of the caller, and only while this future is polled.
///
/// # Examples
/// ```
/// use regatta::promise::any;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mirrors = [Err("down"), Ok("fast"), Ok("slow")];
/// assert_eq!(any(mirrors.map(|answer| async move { answer })).await, Ok("fast"));
///
/// let nobody: [std::future::Ready<Result<u32, &str>>; 0] = [];
/// assert_eq!(any(nobody).await.unwrap_err().total(), 0);
/// # }
/// ```
///
/// # Empty input
/// Fails at once, with no errors.
///
/// # Cancel safety
/// Dropping the future drops all futures.
///
/// # Errors
/// [`AggregateError`] with every error, when all have failed.
///
/// # Panics
/// A future that panics counts as one that failed, in [`AggregateError::panics`]. A panic of the iterator reaches the
/// caller of this function.
#[doc(alias = "select_ok")]
pub fn any<I, T, E>(futures: I) -> AnyFuture<<I::Item as IntoFuture>::IntoFuture, T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    AnyFuture { quorum: QuorumFuture::new("any", 1, futures) }
}

/// Waits for the first success; made by [`any`].
///
/// # Cancel safety
/// Dropping it drops all futures.
///
/// # Panics
/// When it is polled after its end.
#[derive(Debug)]
#[must_use = "nothing runs unless the future is awaited"]
pub struct AnyFuture<F, T, E> {
    quorum: QuorumFuture<F, T, E>,
}

impl<F, T, E> Future for AnyFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, AggregateError<E>>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let values = ready!(Pin::new(&mut self.quorum).poll(cx));
        Poll::Ready(values.map(|mut values| match values.pop() {
            Some(value) => value,
            None => unreachable!("a quorum of one has one value"),
        }))
    }
}
