//! Promises that a future settles.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::error::{PromiseError, polled_after_end};
use super::future::PromiseFuture;
use super::writer::{Promise, promise};
use crate::error::{Cancelled, drop_quietly};
use crate::task::{Caught, TaskGroup, runtime};

pin_project_lite::pin_project! {
    /// Runs a future and settles a promise with what it gives; made by [`Promise::settle_from`].
    ///
    /// # Cancel safety
    /// Dropped before its end it drops the future and settles the promise as [cancelled](PromiseError::Cancelled).
    ///
    /// # Panics
    /// When it is polled after its end. A panic of the future itself settles the promise as
    /// [panicked](PromiseError::Panicked), and goes no further.
    #[must_use = "the promise stays unsettled until the future is awaited, and is cancelled when it is dropped"]
    pub struct SettleFuture<F, T, E> {
        #[pin]
        future: Caught<F>,
        promise: Option<Promise<T, E>>,
        place: Arc<str>,
    }

    impl<F, T, E> PinnedDrop for SettleFuture<F, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(promise) = this.promise.take() {
                promise.settle_outcome(Err(match this.future.end() {
                    Ok(()) => PromiseError::Cancelled(Cancelled::new(this.place.clone())),
                    Err(panicked) => PromiseError::Panicked(panicked),
                }));
            }
        }
    }
}

impl<F, T, E> Future for SettleFuture<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = ();

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.future.has_ended() {
            polled_after_end("settle_from");
        }
        let result = ready!(this.future.poll(cx));
        if let Some(promise) = this.promise.take() {
            promise.settle_outcome(match result {
                Ok(result) => result.map_err(PromiseError::Rejected),
                Err(panicked) => Err(PromiseError::Panicked(panicked)),
            });
        }
        Poll::Ready(())
    }
}

impl<T, E> Promise<T, E> {
    /// A future that settles the promise with the result of `future`, for a task that somebody else owns, such as one
    /// of a [`TaskGroup`]. Whatever happens to that task, the promise is settled: with the result, as panicked, or as
    /// cancelled.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    /// use regatta::task::TaskGroup;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let group = TaskGroup::new("server");
    /// let (writer, answer) = promise::<u32, ()>();
    /// group.spawn("answer", writer.settle_from(std::future::pending()))?;
    /// group.abort();
    /// assert!(answer.await.unwrap_err().is_cancelled());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// None of its own: an error of `future` is that of the promise.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the promise.
    #[track_caller]
    pub fn settle_from<F>(self, future: F) -> SettleFuture<F, T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let place: Arc<str> = format!("promise at {}", Location::caller()).into();
        SettleFuture { future: Caught::new(place.clone(), future), promise: Some(self), place }
    }

    /// Runs a future in a task of its own and settles the promise with its result: [`PromiseFuture::spawn`] for a
    /// promise that is there already.
    ///
    /// # Panics
    /// Outside a tokio runtime, at the line of the caller; the promise is then broken.
    #[doc(alias = "completeWith")]
    #[track_caller]
    pub fn settle_with<F>(self, future: F)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        self.settle_in_task("Promise::settle_with", future);
    }

    /// Does so for whoever called `what`.
    #[track_caller]
    fn settle_in_task<F>(self, what: &str, future: F)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        if Handle::try_current().is_err() {
            // Before the panic: a second one would end the process.
            drop_quietly(future);
            return drop(runtime(what));
        }
        let cell = self.cell.clone();
        let work = TaskGroup::unobserved("promise", CancellationToken::new());
        // The group is open, so it takes the task; if it did not, the promise would be cancelled.
        drop(work.spawn("work", self.settle_from(future)));
        cell.keep(work);
    }
}

impl<T, E> PromiseFuture<T, E>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Runs a future in a task of its own, from now on, and gives the promise of its result. A chain of futures is
    /// lazy; this makes it eager, and many can wait for it.
    ///
    /// Those who wait own the task: when the last of them is gone it is aborted. To let it run to its end nevertheless,
    /// keep one, or leave a [callback](Self::on_settled); to have it end with others, spawn [`Promise::settle_from`] in
    /// their [`TaskGroup`]. Work that holds a future of its own promise waits for itself, and is never abandoned.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::PromiseFuture;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let answer = PromiseFuture::spawn(async { Ok::<_, ()>(6 * 7) });
    /// let other = answer.clone();
    /// assert_eq!((answer.await, other.await), (Ok(42), Ok(42)));
    ///
    /// let broken = PromiseFuture::<u32, ()>::spawn(async { panic!("out of cheese") });
    /// assert!(broken.await.unwrap_err().is_panicked());
    /// # }
    /// ```
    ///
    /// # Errors
    /// None of its own; those of the future, and how the work can end without one, are what [awaiting](Self) gives.
    ///
    /// # Cancel safety
    /// The task may be dropped at any of its awaits, once nobody waits any more.
    ///
    /// # Panics
    /// Outside a tokio runtime, at the line of the caller. A panic of the future itself is a value:
    /// [`PromiseError::Panicked`], with the place where it was spawned.
    #[doc(alias = "supplyAsync")]
    #[track_caller]
    pub fn spawn<F>(future: F) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (writer, awaiter) = promise();
        writer.settle_in_task("PromiseFuture::spawn", future);
        awaiter
    }
}

impl<F, T, E> fmt::Debug for SettleFuture<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleFuture").field("place", &self.place).finish_non_exhaustive()
    }
}
