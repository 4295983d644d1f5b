//! One piece of user code within an actor: it cannot unwind, can be cut off by a kill, and leaves no asker asleep.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::head::Head;
use super::here::{self, Fate};
use super::reason::StopReason;
use crate::error::Panicked;

/// Why a piece of code did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Panicked(Panicked),
    Killed,
}

pin_project_lite::pin_project! {
    /// Runs a future of user code.
    pub(super) struct Guarded<'a, F> {
        #[pin]
        future: Option<F>,
        head: &'a Head,
        // What the actor is doing, for the panic.
        doing: &'static str,
    }
}

impl<'a, F: Future> Guarded<'a, F> {
    pub(super) fn new(head: &'a Head, doing: &'static str, future: F) -> Self {
        Self { future: Some(future), head, doing }
    }
}

impl<F: Future> Guarded<'_, F> {
    #[cold]
    fn panicked(self: Pin<&mut Self>, payload: Box<dyn std::any::Any + Send>) -> Halt {
        let mut this = self.project();
        let panicked = panicked(this.head, this.doing, payload);
        let fate = Fate::Panicked(panicked.clone());
        // What the panic has not dropped yet.
        let rest = AssertUnwindSafe(|| here::with_fate(fate.clone(), || this.future.set(None)));
        if let Err(payload) = catch_unwind(rest) {
            crate::error::drop_quietly(payload);
        }
        here::settle_orphans(&fate);
        Halt::Panicked(panicked)
    }

    #[cold]
    fn killed(self: Pin<&mut Self>) -> Halt {
        let mut this = self.project();
        let fate = Fate::Killed(StopReason::Killed);
        let cut = AssertUnwindSafe(|| here::with_fate(fate, || this.future.set(None)));
        match catch_unwind(cut) {
            Ok(()) => Halt::Killed,
            Err(payload) => {
                // It was to end in any case.
                crate::error::drop_quietly(payload);
                Halt::Killed
            }
        }
    }
}

impl<F: Future> Future for Guarded<'_, F> {
    type Output = Result<F::Output, Halt>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let head = *this.head;
        if head.is_killed() {
            return Poll::Ready(Err(self.killed()));
        }
        let Some(future) = this.future.as_pin_mut() else {
            unreachable!("a future is not polled after its end");
        };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(output)) => {
                // What it captured goes now.
                let mut rest = self.as_mut().project().future;
                match catch_unwind(AssertUnwindSafe(|| rest.set(None))) {
                    Ok(()) => Poll::Ready(Ok(output)),
                    Err(payload) => Poll::Ready(Err(self.panicked(payload))),
                }
            }
            Ok(Poll::Pending) => {
                head.register(cx.waker());
                // Once more: a kill before the registration has woken nobody.
                if head.is_killed() { Poll::Ready(Err(self.killed())) } else { Poll::Pending }
            }
            Err(payload) => Poll::Ready(Err(self.panicked(payload))),
        }
    }
}

/// Polls a future so that replies which it drops mean this.
pub(super) async fn with_fate<F: Future>(fate: &Fate, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| here::with_fate(fate.clone(), || future.as_mut().poll(cx))).await
}

/// Runs a short piece of user code that is not async.
pub(super) fn guarded<R>(head: &Head, doing: &'static str, run: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let panicked = panicked(head, doing, payload);
        here::settle_orphans(&Fate::Panicked(panicked.clone()));
        panicked
    })
}

fn panicked(head: &Head, doing: &'static str, payload: Box<dyn std::any::Any + Send>) -> Panicked {
    Panicked::from_payload(format!("actor `{}`, {doing},", head.name), payload)
}
