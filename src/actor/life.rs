//! The whole life of an actor, over all its incarnations: the future of its task.
//!
//! Invariant: however the task ends — by itself, dropped with its runtime, or by a mistake of ours — the end is written
//! after everything of the actor is gone, and everybody who waits is told.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::head::Subject;
use super::here::{self, Fate};
use super::reason::StopReason;
use crate::error::{Panicked, drop_quietly, log_quietly};

pin_project_lite::pin_project! {
    pub(super) struct Life<F> {
        #[pin]
        inner: Option<F>,
        // Lent to the thread during a poll.
        subject: Option<Arc<dyn Subject>>,
    }

    impl<F> PinnedDrop for Life<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_none() {
                return;
            }
            here::within(this.subject, || {
                let rest = AssertUnwindSafe(|| {
                    here::with_fate(Fate::Killed(StopReason::RuntimeGone), || this.inner.set(None));
                });
                if let Err(payload) = catch_unwind(rest) {
                    drop_quietly(payload);
                }
            });
            if let Some(subject) = this.subject {
                finish(&**subject, &StopReason::RuntimeGone);
            }
        }
    }
}

impl<F> Life<F> {
    pub(super) fn new(subject: Arc<dyn Subject>, inner: F) -> Self {
        Self { inner: Some(inner), subject: Some(subject) }
    }
}

impl<F: Future<Output = StopReason>> Future for Life<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        here::note_task(cx.waker());
        let polled = here::within(this.subject, || {
            let Some(inner) = this.inner.as_mut().as_pin_mut() else {
                unreachable!("a future is not polled after its end");
            };
            let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(cx))).map_err(unguarded);
            match &polled {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(_)) => this.inner.set(None),
                Err(panicked) => {
                    let fate = Fate::Panicked(panicked.clone());
                    let rest = AssertUnwindSafe(|| here::with_fate(fate.clone(), || this.inner.set(None)));
                    if let Err(payload) = catch_unwind(rest) {
                        drop_quietly(payload);
                    }
                    here::settle_orphans(&fate);
                }
            }
            polled
        });
        let Some(subject) = this.subject else {
            unreachable!("the subject is lent for the time of a poll");
        };
        let reason = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reason)) => reason,
            Err(panicked) => StopReason::Panicked(panicked),
        };
        finish(&**subject, &reason);
        Poll::Ready(())
    }
}

/// A panic that no guard has caught, such as tokio's on a runtime without timers.
fn unguarded(payload: Box<dyn Any + Send>) -> Panicked {
    let place = here::actor().map_or_else(|| "an actor".to_owned(), |actor| actor.head().place());
    Panicked::from_payload(place, payload)
}

fn finish(subject: &dyn Subject, reason: &StopReason) {
    let head = subject.head();
    head.finish(subject, reason);
    let actor = &*head.name;
    log_quietly(|| match reason.is_failure() {
        true => tracing::warn!(target: "regatta::actor", actor, %reason, "ended"),
        false => tracing::debug!(target: "regatta::actor", actor, %reason, "ended"),
    });
}
