//! A second future after the first.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::steps::Steps;

pin_project_lite::pin_project! {
    /// A future, then another after its value; made by [`then_ok`](super::ResultFutureExt::then_ok).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct ThenOkFuture<F, C, S> {
        #[pin]
        steps: Steps<F, C, S>,
    }
}

pin_project_lite::pin_project! {
    /// A future, then another after its error; made by [`then_err`](super::ResultFutureExt::then_err).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct ThenErrFuture<F, C, S> {
        #[pin]
        steps: Steps<F, C, S>,
    }
}

pin_project_lite::pin_project! {
    /// A future, then another for a value in place of its error; made by
    /// [`recover_with`](super::ResultFutureExt::recover_with).
    ///
    /// # Panics
    /// When it is polled after its end.
    #[must_use = "nothing runs unless the future is awaited"]
    pub struct RecoverWithFuture<F, C, S> {
        #[pin]
        steps: Steps<F, C, S>,
    }
}

impl<F, C, S> ThenOkFuture<F, C, S> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self { steps: Steps::new(future, next) }
    }
}

impl<F, C, S> ThenErrFuture<F, C, S> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self { steps: Steps::new(future, next) }
    }
}

impl<F, C, S> RecoverWithFuture<F, C, S> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self { steps: Steps::new(future, next) }
    }
}

impl<F, C, S, T, E> Future for ThenOkFuture<F, C, S>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(T) -> S,
    S: Future,
{
    type Output = Result<S::Output, E>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().steps.poll("then_ok", cx, |result, next| result.map(next).map_err(Err), Ok)
    }
}

impl<F, C, S, T, E> Future for ThenErrFuture<F, C, S>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(E) -> S,
    S: Future,
{
    type Output = Result<T, S::Output>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let lead = |result: F::Output, next: C| match result {
            Ok(value) => Err(Ok(value)),
            Err(error) => Ok(next(error)),
        };
        self.project().steps.poll("then_err", cx, lead, Err)
    }
}

impl<F, C, S, T, E> Future for RecoverWithFuture<F, C, S>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(E) -> S,
    S: Future<Output = T>,
{
    type Output = T;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let lead = |result: F::Output, next: C| match result {
            Ok(value) => Err(value),
            Err(error) => Ok(next(error)),
        };
        self.project().steps.poll("recover_with", cx, lead, |value| value)
    }
}

impl<F, C, S> fmt::Debug for ThenOkFuture<F, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenOkFuture").finish_non_exhaustive()
    }
}

impl<F, C, S> fmt::Debug for ThenErrFuture<F, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenErrFuture").finish_non_exhaustive()
    }
}

impl<F, C, S> fmt::Debug for RecoverWithFuture<F, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverWithFuture").finish_non_exhaustive()
    }
}
