//! The first of several, whatever it is.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::child::{Children, children};
use super::error::polled_after_end;

/// Waits for the first future that ends, in whatever way; the others are dropped. Gives nothing if there is none.
///
/// For work that is worth one answer, good or bad, such as a request beside a timeout. [`any`](super::any()) waits for
/// a success. The futures run side by side in the task of the caller, and only while this future is polled.
///
/// # Examples
/// ```
/// use regatta::promise::{PromiseFuture, promise, race};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (_writer, never) = promise::<&str, ()>();
/// let ready = PromiseFuture::rejected(());
/// assert!(race([never, ready]).await.unwrap().is_err());
///
/// let nobody: [std::future::Ready<u32>; 0] = [];
/// assert_eq!(race(nobody).await, None);
/// # }
/// ```
///
/// # Empty input
/// Gives `None` at once, where JavaScript's `Promise.race` would never end.
///
/// # Cancel safety
/// Dropping the future drops all futures.
///
/// # Panics
/// When the first that ends panics: its message arrives here, after the others are dropped. Give it
/// [promises](super::PromiseFuture), or futures with [`catch_panic`](super::ResultFutureExt::catch_panic), for a value
/// instead. A panic of the iterator reaches the caller of this function.
///
/// # Fairness
/// Of those that are ready in the same poll the one that was woken first wins; in the first poll, the first of the
/// input.
#[doc(alias = "select_all")]
pub fn race<I>(futures: I) -> RaceFuture<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    RaceFuture { running: Some(children("race", futures)) }
}

/// Waits for the first that ends; made by [`race`].
///
/// # Cancel safety
/// Dropping it drops all futures.
///
/// # Panics
/// When it is polled after its end.
#[must_use = "nothing runs unless the future is awaited"]
pub struct RaceFuture<F> {
    /// Gone with the end.
    running: Option<Children<F>>,
}

impl<F: Future> Future for RaceFuture<F> {
    type Output = Option<F::Output>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.running else { polled_after_end("race") };
        let first = ready!(Pin::new(running).poll_next(cx));
        self.running = None;
        Poll::Ready(first.map(|(_, output)| match output {
            Ok(output) => output,
            Err(panicked) => resume_unwind(Box::new(panicked.message.to_string())),
        }))
    }
}

impl<F> std::fmt::Debug for RaceFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RaceFuture")
            .field("running", &self.running.as_ref().map_or(0, Children::len))
            .finish_non_exhaustive()
    }
}
