//! Code that an actor has given to a task of its own: a pipe, or a task beside it.
//!
//! Replies may have gone along. Whoever waits for them is told when the code is cut off, or panics.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use super::extras::Part;
use super::here::{self, Fate};
use super::reason::StopReason;
use crate::error::{Panicked, drop_quietly};

pin_project_lite::pin_project! {
    pub(super) struct Errand<F> {
        #[pin]
        inner: Option<F>,
        // What panics call it.
        place: Arc<str>,
        // How the incarnation has ended, by then.
        end: Arc<OnceLock<StopReason>>,
        // After everything else.
        part: Option<Part>,
    }

    impl<F> PinnedDrop for Errand<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.inner.is_none() {
                return;
            }
            let reason = this.end.get().cloned().unwrap_or(StopReason::Killed);
            cut(this.inner, Fate::Killed(reason));
        }
    }
}

impl<F> Errand<F> {
    pub(super) fn new(inner: F, place: Arc<str>, end: Arc<OnceLock<StopReason>>, part: Option<Part>) -> Self {
        Self { inner: Some(inner), place, end, part }
    }
}

impl<F: Future> Future for Errand<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        here::given_away(|| {
            let Some(inner) = this.inner.as_mut().as_pin_mut() else {
                unreachable!("a future is not polled after its end");
            };
            let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(cx)));
            match polled {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(output)) => {
                    cut(this.inner, Fate::NoReply);
                    Poll::Ready(Ok(output))
                }
                Err(payload) => {
                    let panicked = Panicked::from_payload(this.place.clone(), payload);
                    let fate = Fate::Panicked(panicked.clone());
                    cut(this.inner, fate.clone());
                    here::settle_orphans(&fate);
                    Poll::Ready(Err(panicked))
                }
            }
        })
    }
}

/// Drops what is left of it.
fn cut<F>(mut rest: Pin<&mut Option<F>>, fate: Fate) {
    let drop_rest = AssertUnwindSafe(|| here::with_fate(fate, || rest.set(None)));
    if let Err(payload) = catch_unwind(drop_rest) {
        drop_quietly(payload);
    }
}
