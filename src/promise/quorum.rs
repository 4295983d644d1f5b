//! Enough successes of several.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::aggregate::AggregateError;
use super::child::{Children, children};
use super::error::polled_after_end;

/// Waits for the first `needed` successes and gives them in the order in which they came; the futures that are not
/// needed any more are dropped.
///
/// For replicated reads and writes: `quorum(2, replicas)`. With `needed` 1 it is [`any`](super::any()). The futures run
/// side by side in the task of the caller, and only while this future is polled; to have them run by themselves,
/// [spawn](super::PromiseFuture::spawn) them.
///
/// # Examples
/// ```
/// use regatta::promise::quorum;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let answers = [Ok(1), Err("down"), Ok(3)];
/// let replicas = || answers.map(|answer| async move { answer });
/// assert_eq!(quorum(2, replicas()).await, Ok(vec![1, 3]));
///
/// let error = quorum(3, replicas()).await.unwrap_err(); // as soon as it is impossible
/// assert_eq!(error.into_errors(), ["down"]);
/// # }
/// ```
///
/// # Empty input
/// Fails at once, unless nothing is needed: `quorum(0, …)` succeeds at once, with nothing, and polls nothing.
///
/// # Cancel safety
/// Dropping the future drops all futures, and the successes so far.
///
/// # Errors
/// [`AggregateError`] as soon as too many have failed for `needed` to be reached; the others are dropped.
///
/// # Panics
/// A future that panics counts as one that failed, in [`AggregateError::panics`]. A panic of the iterator reaches the
/// caller of this function.
///
/// # Complexity
/// A future is polled when it was woken, not when another one was.
pub fn quorum<I, T, E>(needed: usize, futures: I) -> QuorumFuture<<I::Item as IntoFuture>::IntoFuture, T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    QuorumFuture::new("quorum", needed, futures)
}

/// Waits for enough successes; made by [`quorum`].
///
/// # Cancel safety
/// Dropping it drops all futures, and the successes so far.
///
/// # Panics
/// When it is polled after its end.
#[must_use = "nothing runs unless the future is awaited"]
pub struct QuorumFuture<F, T, E> {
    /// What asked.
    of: &'static str,
    running: Children<F>,
    values: Vec<T>,
    /// Gone with the end.
    failures: Option<AggregateError<E>>,
}

impl<F, T, E> QuorumFuture<F, T, E> {
    pub(super) fn new<I>(of: &'static str, needed: usize, futures: I) -> Self
    where
        I: IntoIterator<Item: IntoFuture<IntoFuture = F, Output = Result<T, E>>>,
        F: Future<Output = Result<T, E>>,
    {
        let running = children(of, futures);
        let failures = Some(AggregateError::new(of, needed, running.len()));
        Self { of, running, values: Vec::new(), failures }
    }

    /// Ends, if it is decided; drops the others first.
    fn decide(&mut self) -> Option<Result<Vec<T>, AggregateError<E>>> {
        let failures = self.failures.as_ref()?;
        if self.values.len() == failures.needed() {
            self.running.clear();
            self.failures = None;
            return Some(Ok(std::mem::take(&mut self.values)));
        }
        if failures.total() - failures.failed() >= failures.needed() {
            return None;
        }
        self.running.clear();
        let mut failures = self.failures.take()?;
        failures.sort();
        Some(Err(failures))
    }
}

// Nothing in here is pinned: the futures have their own allocations.
impl<F, T, E> Unpin for QuorumFuture<F, T, E> {}

impl<F, T, E> Future for QuorumFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, AggregateError<E>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            if let Some(decided) = this.decide() {
                return Poll::Ready(decided);
            }
            let ended = ready!(Pin::new(&mut this.running).poll_next(cx));
            let (Some((index, output)), Some(failures)) = (ended, this.failures.as_mut()) else {
                polled_after_end(this.of);
            };
            match output {
                Ok(Ok(value)) => this.values.push(value),
                Ok(Err(error)) => failures.add(index, Ok(error)),
                Err(panicked) => failures.add(index, Err(panicked)),
            }
        }
    }
}

impl<F, T, E> std::fmt::Debug for QuorumFuture<F, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuorumFuture").field("running", &self.running.len()).finish_non_exhaustive()
    }
}
