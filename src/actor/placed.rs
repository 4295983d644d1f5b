//! Code of an actor that runs in a task of its supervisor's.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::head::{PAUSE, Subject};
use super::here::{self, Fate};
use super::reason::StopReason;

pin_project_lite::pin_project! {
    /// A part of a life: code of the actor, which its supervisor can ask to pause.
    pub(super) struct Placed<F> {
        #[pin]
        inner: Option<F>,
        // Lent to the thread during a poll.
        subject: Option<Arc<dyn Subject>>,
        #[pin]
        asked: Option<WaitForCancellationFutureOwned>,
    }

    impl<F> PinnedDrop for Placed<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_none() {
                return;
            }
            // Aborted, by its supervisor or with the runtime.
            let dropped = here::within(this.subject, || {
                catch_unwind(AssertUnwindSafe(|| {
                    here::with_fate(Fate::Killed(StopReason::Killed), || this.inner.set(None));
                }))
            });
            if let Err(payload) = dropped
                && !std::thread::panicking()
            {
                resume_unwind(payload);
            }
        }
    }
}

impl<F> Placed<F> {
    pub(super) fn new(subject: Arc<dyn Subject>, token: CancellationToken, inner: F) -> Self {
        Self { inner: Some(inner), subject: Some(subject), asked: Some(token.cancelled_owned()) }
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        here::note_task(cx.waker());
        let mut this = self.project();
        if let Some(asked) = this.asked.as_mut().as_pin_mut()
            && asked.poll(cx).is_ready()
        {
            this.asked.set(None);
            if let Some(subject) = this.subject {
                subject.head().raise(PAUSE);
            }
        }
        let polled = here::within(this.subject, || {
            let Some(inner) = this.inner.as_mut().as_pin_mut() else {
                unreachable!("a future is not polled after its end");
            };
            let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(cx)));
            if !matches!(polled, Ok(Poll::Pending)) {
                this.inner.set(None);
            }
            polled
        });
        match polled {
            Ok(polled) => polled,
            // One that no guard has caught, such as tokio's on a runtime without timers: the supervisor gets it.
            Err(payload) => resume_unwind(payload),
        }
    }
}
