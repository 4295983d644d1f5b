//! The side that waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::callback::Callback;
use super::cell::{Cell, Outcome};
use super::error::PromiseError;
use super::wait_ref::WaitRefFuture;
use super::writer::promise;
use crate::task::Ticket;

/// Waits for the value of a promise. Clones wait for the same value, each on its own.
///
/// The value is pushed: whoever settles the promise wakes everybody. No clone does anything for another, so one that is
/// dropped, or is never polled, or panics, keeps nobody from the value.
///
/// What is dropped waits no more: a clone that is made, polled and dropped within one poll of a task will not wake that
/// task. Keep it.
///
/// Awaiting gives a clone of the value or the error; it may be done any number of times, also on `&mut future`. For
/// values that are not `Clone`, or dear to clone, there is [`wait_ref`](Self::wait_ref), or an `Arc`.
///
/// # Cancel safety
/// A future that is dropped while it waits has taken nothing from anybody. The last one that is dropped, with no
/// [callback](Self::on_settled) left, [abandons](super::Promise::abandoned) the promise: a task that was
/// [spawned](Self::spawn) for it is aborted.
///
/// # Errors
/// - [`PromiseError::Rejected`] with the error of the writer, or of the work.
/// - [`PromiseError::Broken`] when the writer was dropped.
/// - [`PromiseError::Panicked`] when the work panicked.
/// - [`PromiseError::Cancelled`] when the work was stopped.
///
/// # Panics
/// When cloning the value does; whoever awaits gets the panic, and the promise stays as it was.
///
/// # Complexity
/// A clone is two counters, a poll that waits is one short lock, a poll that finds the value takes none.
#[doc(alias = "shared_future")]
#[must_use = "dropping the last future abandons the promise"]
pub struct PromiseFuture<T, E> {
    pub(super) cell: Arc<Cell<T, E>>,
    ticket: Option<Ticket>,
}

impl<T, E> PromiseFuture<T, E> {
    /// The first awaiter of a new cell.
    pub(super) fn new(cell: Arc<Cell<T, E>>) -> Self {
        Self { cell, ticket: None }
    }

    /// A promise that has its value already.
    pub fn ready(value: T) -> Self {
        let (writer, future) = promise();
        writer.resolve(value);
        future
    }

    /// A promise that has been rejected already.
    pub fn rejected(error: E) -> Self {
        let (writer, future) = promise();
        writer.reject(error);
        future
    }

    /// Tells whether there is a value or an error.
    #[doc(alias = "done")]
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.cell.outcome().is_some()
    }

    /// The value or the error, if it is there. Never waits.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    ///
    /// let (writer, future) = promise::<String, ()>();
    /// assert_eq!(future.try_get(), None);
    /// writer.resolve(String::from("here"));
    /// assert_eq!(future.try_get(), Some(Ok(&String::from("here"))));
    /// ```
    ///
    /// # Errors
    /// As awaiting [the future](Self).
    #[doc(alias = "peek")]
    #[must_use]
    pub fn try_get(&self) -> Option<Result<&T, &PromiseError<E>>> {
        self.cell.outcome().map(Outcome::as_ref)
    }

    /// Waits for the value without cloning it.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::PromiseFuture;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// struct Config { port: u16 } // not Clone
    /// let config = PromiseFuture::spawn(async { Ok::<_, std::io::Error>(Config { port: 80 }) });
    /// let port = config.wait_ref().await.map(|config| config.port);
    /// assert_eq!(port.unwrap(), 80);
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// As awaiting [the future](Self), by reference.
    pub fn wait_ref(&self) -> WaitRefFuture<'_, T, E> {
        WaitRefFuture::new(&self.cell)
    }

    /// Runs a closure when the promise is settled, on the thread that settles it; if it is settled already, now and
    /// here.
    ///
    /// For code that is not async. It runs exactly once, after those who wait were woken, without any lock: it may look
    /// at the promise, add callbacks and settle other promises. It should be short, since it keeps who settles waiting;
    /// to do more, await the promise in a task. Callbacks run in the order in which they were given, but one that finds
    /// the promise settled does not wait for those before it.
    ///
    /// As long as it has not run, the closure counts as somebody who waits: the promise is not
    /// [abandoned](super::Promise::abandoned).
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    /// use std::sync::mpsc;
    ///
    /// let (writer, future) = promise::<u32, ()>();
    /// let (tx, results) = mpsc::channel();
    /// let also_tx = tx.clone();
    /// future.on_settled(move |result| tx.send(result.copied().unwrap_or(0)).unwrap());
    /// writer.resolve(7);
    /// future.on_settled(move |result| also_tx.send(result.copied().unwrap_or(0) + 1).unwrap());
    /// assert_eq!(results.iter().collect::<Vec<_>>(), [7, 8]);
    /// ```
    ///
    /// # Panics
    /// Never. A panic of the closure is caught and logged; whoever settles, who waits and the other callbacks do not
    /// notice.
    #[doc(alias = "add_done_callback")]
    pub fn on_settled(&self, run: impl FnOnce(Result<&T, &PromiseError<E>>) + Send + 'static) {
        self.cell.on_outcome(Callback::new(run));
    }
}

impl<T: Clone, E: Clone> Future for PromiseFuture<T, E> {
    type Output = Result<T, PromiseError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        Poll::Ready(ready!(this.cell.poll_outcome(&mut this.ticket, cx)).clone())
    }
}

impl<T, E> Clone for PromiseFuture<T, E> {
    #[inline]
    fn clone(&self) -> Self {
        self.cell.join();
        Self::new(self.cell.clone())
    }
}

impl<T, E> Drop for PromiseFuture<T, E> {
    #[inline]
    fn drop(&mut self) {
        self.cell.forget_outcome(&mut self.ticket);
        self.cell.leave();
    }
}

impl<T, E> fmt::Debug for PromiseFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromiseFuture").field("is_settled", &self.is_settled()).finish_non_exhaustive()
    }
}
