//! A closure after a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::steps::After;

pin_project_lite::pin_project! {
    /// A future, then a closure that can fail; made by [`and_try`](super::ResultFutureExt::and_try).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct AndTryFuture<F, C> {
        #[pin]
        after: After<F, C>,
    }
}

pin_project_lite::pin_project! {
    /// A future, then a value in place of its error; made by [`recover`](super::ResultFutureExt::recover).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct RecoverFuture<F, C> {
        #[pin]
        after: After<F, C>,
    }
}

pin_project_lite::pin_project! {
    /// A future, then a value in place of some of its errors; made by
    /// [`recover_if`](super::ResultFutureExt::recover_if).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct RecoverIfFuture<F, P, C> {
        #[pin]
        after: After<F, (P, C)>,
    }
}

impl<F, C> AndTryFuture<F, C> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self { after: After::new(future, next) }
    }
}

impl<F, C> RecoverFuture<F, C> {
    pub(super) fn new(future: F, rescue: C) -> Self {
        Self { after: After::new(future, rescue) }
    }
}

impl<F, P, C> RecoverIfFuture<F, P, C> {
    pub(super) fn new(future: F, is_rescued: P, rescue: C) -> Self {
        Self { after: After::new(future, (is_rescued, rescue)) }
    }
}

impl<F, C, T, U, E, X> Future for AndTryFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(T) -> Result<U, X>,
    E: From<X>,
{
    type Output = Result<U, E>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, next) = ready!(self.project().after.poll("and_try", cx));
        Poll::Ready(result.and_then(|value| next(value).map_err(E::from)))
    }
}

impl<F, C, T, E> Future for RecoverFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(E) -> T,
{
    type Output = T;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, rescue) = ready!(self.project().after.poll("recover", cx));
        Poll::Ready(result.unwrap_or_else(rescue))
    }
}

impl<F, P, C, T, E> Future for RecoverIfFuture<F, P, C>
where
    F: Future<Output = Result<T, E>>,
    P: FnOnce(&E) -> bool,
    C: FnOnce(E) -> T,
{
    type Output = Result<T, E>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, (is_rescued, rescue)) = ready!(self.project().after.poll("recover_if", cx));
        Poll::Ready(match result {
            Err(error) if is_rescued(&error) => Ok(rescue(error)),
            result => result,
        })
    }
}

impl<F, C> fmt::Debug for AndTryFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AndTryFuture").finish_non_exhaustive()
    }
}

impl<F, C> fmt::Debug for RecoverFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverFuture").finish_non_exhaustive()
    }
}

impl<F, P, C> fmt::Debug for RecoverIfFuture<F, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverIfFuture").finish_non_exhaustive()
    }
}
