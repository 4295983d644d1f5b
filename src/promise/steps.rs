//! A future, a closure, and perhaps a second future: what most adapters are made of.
//!
//! The first future is dropped before the closure runs, so that what it held is free again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::polled_after_end;

pin_project_lite::pin_project! {
    /// A future and what comes after it.
    pub(super) struct After<F, C> {
        #[pin]
        future: Option<F>,
        next: Option<C>,
    }
}

pin_project_lite::pin_project! {
    /// A future, and the one that its output may lead to.
    #[project = StepsProjection]
    pub(super) enum Steps<F, C, S> {
        First { #[pin] first: After<F, C> },
        Second { #[pin] second: S },
        Done,
    }
}

impl<F, C> After<F, C> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self { future: Some(future), next: Some(next) }
    }
}

impl<F: Future, C> After<F, C> {
    /// The output, and what is to be done with it, for the adapter with this name.
    #[track_caller]
    pub(super) fn poll(self: Pin<&mut Self>, of: &str, cx: &mut Context<'_>) -> Poll<(F::Output, C)> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { polled_after_end(of) };
        let output = ready!(future.poll(cx));
        this.future.set(None);
        match this.next.take() {
            Some(next) => Poll::Ready((output, next)),
            None => polled_after_end(of),
        }
    }
}

impl<F, C, S> Steps<F, C, S> {
    pub(super) fn new(future: F, next: C) -> Self {
        Self::First { first: After::new(future, next) }
    }
}

impl<F: Future, C, S: Future> Steps<F, C, S> {
    /// `lead` says where the first output leads: to a second future, or to the end. `end` makes the end of the second
    /// output. `of` is the name of the adapter.
    #[track_caller]
    pub(super) fn poll<R>(
        mut self: Pin<&mut Self>,
        of: &str,
        cx: &mut Context<'_>,
        lead: impl FnOnce(F::Output, C) -> Result<S, R>,
        end: impl FnOnce(S::Output) -> R,
    ) -> Poll<R> {
        if let StepsProjection::First { first } = self.as_mut().project() {
            let (output, next) = ready!(first.poll(of, cx));
            self.set(Self::Done);
            match lead(output, next) {
                Ok(second) => self.set(Self::Second { second }),
                Err(end) => return Poll::Ready(end),
            }
        }
        let StepsProjection::Second { second } = self.as_mut().project() else { polled_after_end(of) };
        let output = ready!(second.poll(cx));
        self.set(Self::Done);
        Poll::Ready(end(output))
    }
}
