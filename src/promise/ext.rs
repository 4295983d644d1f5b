//! What can follow a future of a result.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cancel_on::CancelOnFuture;
use super::catch_panic::CatchPanicFuture;
use super::finally::FinallyFuture;
use super::future::PromiseFuture;
use super::recover::{AndTryFuture, RecoverFuture, RecoverIfFuture};
use super::then::{RecoverWithFuture, ThenErrFuture, ThenOkFuture};
use super::timeout_or::{Limit, TimeoutOrFuture};

/// What `futures::TryFutureExt` lacks, for every future of a [`Result`]: catching in part or with a future, `finally`,
/// a timeout with an error of one's own.
///
/// No name means something else there, so both can be in scope; [the module](super#the-classical-names) has a table of
/// both. Except for [`into_promise`](Self::into_promise) and [`spawn`](Self::spawn) everything is lazy: it runs while
/// it is awaited, in the task of who awaits.
///
/// # Examples
/// ```
/// use futures::TryFutureExt;
/// use regatta::promise::ResultFutureExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// async fn fetch(id: u32) -> Result<String, String> {
///     if id == 123 { Ok("ada".into()) } else { Err(format!("no user {id}")) }
/// }
/// let name = |id| fetch(id).map_ok(|name| name.to_uppercase()).recover(|_| "UNKNOWN".into());
/// assert_eq!(name(123).await, "ADA");
/// assert_eq!(name(7).await, "UNKNOWN");
/// # }
/// ```
///
/// # Cancel safety
/// Dropping an adapter drops the future in it; what has not run yet never does, except for [`finally`](Self::finally).
///
/// # Panics
/// A panic of the future or of a closure reaches whoever awaits, and closures behind it do not run, except for
/// [`finally`](Self::finally); [`catch_panic`](Self::catch_panic) makes a value of what is before it.
///
/// Awaiting an adapter again after its end panics.
pub trait ResultFutureExt<T, E>: Future<Output = Result<T, E>> + Sized {
    /// After a value: a future that cannot fail. (`and_then` of `futures` is for one that can, `map_ok` for a closure
    /// that is not async.)
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let sum = async { Ok::<_, ()>(1) }.then_ok(|n| async move { n + 1 });
    /// assert_eq!(sum.await, Ok(2));
    /// # }
    /// ```
    #[doc(alias = "then")]
    fn then_ok<C, S>(self, next: C) -> ThenOkFuture<Self, C, S>
    where
        C: FnOnce(T) -> S,
        S: Future,
    {
        ThenOkFuture::new(self, next)
    }

    /// After a value: a closure that can fail; its error is converted as `?` does it.
    ///
    /// ```
    /// use regatta::BoxError;
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let read = |text| async move { Ok::<_, BoxError>(text) };
    /// assert_eq!(read("12").and_try(str::parse::<u32>).await.unwrap(), 12);
    /// assert!(read("no number").and_try(str::parse::<u32>).await.is_err());
    /// # }
    /// ```
    #[doc(alias = "then")]
    fn and_try<C, U, X>(self, next: C) -> AndTryFuture<Self, C>
    where
        C: FnOnce(T) -> Result<U, X>,
        E: From<X>,
    {
        AndTryFuture::new(self, next)
    }

    /// After an error: a future that makes another error of it. (`map_err` of `futures` is for a closure that is not
    /// async.)
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failed = async { Err::<(), _>("no luck") };
    /// let failed = failed.then_err(|error| async move { format!("{error}, twice") });
    /// assert_eq!(failed.await, Err("no luck, twice".to_owned()));
    /// # }
    /// ```
    fn then_err<C, S>(self, next: C) -> ThenErrFuture<Self, C, S>
    where
        C: FnOnce(E) -> S,
        S: Future,
    {
        ThenErrFuture::new(self, next)
    }

    /// After an error: a value in its place. What comes out is the value itself, because nothing can have failed.
    ///
    /// The same as `unwrap_or_else` of `futures`, under the name that goes with the other two.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failed = async { "x".parse::<u32>() };
    /// assert_eq!(failed.recover(|_| 0).await, 0);
    /// # }
    /// ```
    #[doc(alias = "catch")]
    fn recover<C>(self, rescue: C) -> RecoverFuture<Self, C>
    where
        C: FnOnce(E) -> T,
    {
        RecoverFuture::new(self, rescue)
    }

    /// After an error: a future that gives a value in its place. One that can itself fail is for `or_else` of
    /// `futures`.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failed = async { Err::<u32, _>("no luck") };
    /// assert_eq!(failed.recover_with(|_| async { 7 }).await, 7);
    /// # }
    /// ```
    #[doc(alias = "catch")]
    fn recover_with<C, S>(self, rescue: C) -> RecoverWithFuture<Self, C, S>
    where
        C: FnOnce(E) -> S,
        S: Future<Output = T>,
    {
        RecoverWithFuture::new(self, rescue)
    }

    /// After some errors: a value in their place. The others pass.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failed = |code| async move { Err::<u32, u32>(code) }.recover_if(|code| *code == 404, |_| 0);
    /// assert_eq!(failed(404).await, Ok(0));
    /// assert_eq!(failed(500).await, Err(500));
    /// # }
    /// ```
    #[doc(alias = "catch")]
    fn recover_if<P, C>(self, is_rescued: P, rescue: C) -> RecoverIfFuture<Self, P, C>
    where
        P: FnOnce(&E) -> bool,
        C: FnOnce(E) -> T,
    {
        RecoverIfFuture::new(self, is_rescued, rescue)
    }

    /// Runs a closure when the future has come to its end: with a value, with an error, with a panic, or because it was
    /// dropped, also before its first poll. Exactly once, after the future itself is dropped.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    /// use std::cell::Cell;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let open = Cell::new(2);
    /// let close = || open.set(open.get() - 1);
    /// assert_eq!(async { Err::<(), _>("no luck") }.finally(close).await, Err("no luck"));
    /// drop(std::future::pending::<Result<(), ()>>().finally(close));
    /// assert_eq!(open.get(), 0);
    /// # }
    /// ```
    ///
    /// # Panics
    /// A panic of the closure reaches whoever awaits or drops, and the result is lost. After a panic of the future it
    /// is only logged: the first one goes on.
    fn finally<C>(self, last: C) -> FinallyFuture<Self, C>
    where
        C: FnOnce(),
    {
        FinallyFuture::new(self, last)
    }

    /// Waits for at most `limit`, from the first poll on; then the future is dropped, and `late` gives the error.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let never = std::future::pending::<Result<u32, &str>>();
    /// assert_eq!(never.timeout_or(Duration::from_millis(1), || "too late").await, Err("too late"));
    /// # }
    /// ```
    ///
    /// # Panics
    /// On a runtime without timers, or outside of one, if there is something to wait for.
    #[doc(alias = "orTimeout")]
    fn timeout_or<C>(self, limit: Duration, late: C) -> TimeoutOrFuture<Self, C>
    where
        C: FnOnce() -> E,
    {
        TimeoutOrFuture::new(self, Limit::After(limit), late)
    }

    /// Waits until `deadline` at most, as [`timeout_or`](Self::timeout_or). One deadline can hold for several steps of
    /// a chain.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    /// use tokio::time::Instant;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let deadline = Instant::now();
    /// let never = std::future::pending::<Result<u32, &str>>();
    /// assert_eq!(never.deadline_or(deadline, || "too late").await, Err("too late"));
    /// assert_eq!(async { Ok::<_, &str>(7) }.deadline_or(deadline, || "too late").await, Ok(7)); // it need not wait
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`timeout_or`](Self::timeout_or).
    fn deadline_or<C>(self, deadline: Instant, late: C) -> TimeoutOrFuture<Self, C>
    where
        C: FnOnce() -> E,
    {
        TimeoutOrFuture::new(self, Limit::At(deadline), late)
    }

    /// Makes a value of a panic: [`PromiseError::Panicked`](super::PromiseError::Panicked) with its message and the
    /// line of this call. The future's own error is [`Rejected`](super::PromiseError::Rejected).
    ///
    /// What the future left half-done outside of itself is the caller's to mend, as after an error.
    ///
    /// ```
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let broken = async { if true { panic!("out of cheese") } else { Ok::<u32, ()>(1) } };
    /// let error = broken.catch_panic().await.unwrap_err();
    /// assert!(error.is_panicked());
    /// # }
    /// ```
    #[doc(alias = "catch_unwind")]
    #[track_caller]
    fn catch_panic(self) -> CatchPanicFuture<Self> {
        CatchPanicFuture::new(self, Location::caller())
    }

    /// Ends when the token is cancelled, with [`PromiseError::Cancelled`](super::PromiseError::Cancelled); the future
    /// is dropped before that. A result that is there counts, and a future whose token is cancelled beforehand does not
    /// begin.
    ///
    /// ```
    /// use regatta::CancellationToken;
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let token = CancellationToken::new();
    /// let work = std::future::pending::<Result<u32, ()>>().cancel_on(token.clone());
    /// token.cancel();
    /// assert!(work.await.unwrap_err().is_cancelled());
    /// # }
    /// ```
    #[doc(alias = "with_cancellation_token")]
    #[track_caller]
    fn cancel_on(self, token: CancellationToken) -> CancelOnFuture<Self> {
        CancelOnFuture::new(self, token, Location::caller())
    }

    /// Begins the chain now, in a task of its own, and gives the promise of its result, for which many can wait:
    /// [`PromiseFuture::spawn`].
    ///
    /// ```
    /// use futures::TryFutureExt;
    /// use regatta::promise::ResultFutureExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let length = async { Ok::<_, ()>("text") }.map_ok(str::len).into_promise();
    /// assert_eq!((length.clone().await, length.await), (Ok(4), Ok(4)));
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside a tokio runtime, at the line of the caller.
    #[doc(alias = "shared")]
    #[track_caller]
    fn into_promise(self) -> PromiseFuture<T, E>
    where
        Self: Send + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        PromiseFuture::spawn(self)
    }

    /// The same as [`into_promise`](Self::into_promise), by the name that says what happens.
    ///
    /// # Panics
    /// Outside a tokio runtime, at the line of the caller.
    #[track_caller]
    fn spawn(self) -> PromiseFuture<T, E>
    where
        Self: Send + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        self.into_promise()
    }
}

impl<F, T, E> ResultFutureExt<T, E> for F where F: Future<Output = Result<T, E>> {}
