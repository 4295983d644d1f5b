//! An actor as a child of a supervisor, whose lives are its incarnations.
//!
//! Invariants:
//! 1. The logical actor belongs to its spec: it ends when the spec is forgotten, or when somebody has ended it.
//! 2. A life borrows the mailbox and gives it back, however it ends: what waits is handled by the next one.
//! 3. Who told the actor to end (a handle, itself, or nobody who refers to it) ends it for good: the life retires.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::actor::Actor;
use super::context::Context;
use super::head::{Books, KILL, LAST, PAUSE, STOP, Subject};
use super::here::{self, Fate};
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::restarts::{Factory, make};
use super::run::{end, serve, start};
use super::shared::Shared;
use crate::error::{BoxError, drop_quietly};
use crate::supervise::{ChildContext, ChildSpec};

/// What outlives the lives.
struct Logical<A: Actor> {
    shared: Arc<Shared<A::Msg>>,
    kept: Mutex<Kept<A>>,
}

struct Kept<A: Actor> {
    inbox: Option<Inbox<A::Msg>>,
    factory: Option<Factory<A>>,
    last: Option<StopReason>,
}

/// The mailbox and the factory, for one life.
struct Lent<A: Actor> {
    logical: Arc<Logical<A>>,
    inbox: Option<Inbox<A::Msg>>,
    factory: Option<Factory<A>>,
}

/// The spec of an actor.
pub(super) fn spec<A: Actor>(shared: Arc<Shared<A::Msg>>, inbox: Inbox<A::Msg>, factory: Factory<A>) -> ChildSpec {
    let name = shared.head.name.clone();
    let kept = Kept { inbox: Some(inbox), factory: Some(factory), last: None };
    let logical = Arc::new(Logical { shared, kept: Mutex::new(kept) });
    ChildSpec::starting(name, move |cx| {
        let shared = logical.shared.clone();
        let token = cx.token();
        let starting = begin(logical.clone(), cx);
        let starting = Placed::new(shared.clone(), token.clone(), starting);
        async move { Ok(Placed::new(shared, token, starting.await?)) }
    })
}

/// Starts a life; gives the rest of it.
async fn begin<A: Actor>(
    logical: Arc<Logical<A>>,
    place: ChildContext,
) -> Result<impl Future<Output = Result<(), BoxError>> + Send, BoxError> {
    let shared = logical.shared.clone();
    let Some(mut lent) = Logical::lend(&logical) else {
        // One life ends before another begins, so the actor has ended.
        place.retire();
        return Err(format!("{} has ended, and cannot be started again", shared.head.place()).into());
    };
    if place.incarnation() > 1 {
        Books::add(&shared.books.restarts, 1);
    }
    let before = logical.lock().last.clone();
    let Some(factory) = &mut lent.factory else { unreachable!("it is there while the life is") };
    let made = make(&shared, factory).await;
    let mut actor = match made {
        Ok(actor) => actor,
        Err(reason) => return Err(not_begun(lent, &place, reason)),
    };
    let mut cx = Context::new(shared.clone(), place.incarnation());
    if let Err(reason) = start(&shared, &mut actor, &mut cx, before.as_ref()).await {
        let reason = end(&shared, actor, cx, reason).await;
        return Err(not_begun(lent, &place, reason));
    }
    Ok(async move {
        let Some(inbox) = &mut lent.inbox else { unreachable!("it is there while the life is") };
        let reason = serve(&shared, inbox, &mut actor, &mut cx, None).await;
        let reason = end(&shared, actor, cx, reason).await;
        over(lent, &place, reason)
    })
}

/// As [`over`], for a life that has not begun.
fn not_begun<A: Actor>(lent: Lent<A>, place: &ChildContext, reason: StopReason) -> BoxError {
    match over(lent, place, reason) {
        Err(error) => error,
        Ok(()) => "it was told to end before it had started".into(),
    }
}

/// Takes note of how a life has ended, and says it to the supervisor; the mailbox is given back before that.
fn over<A: Actor>(lent: Lent<A>, place: &ChildContext, reason: StopReason) -> Result<(), BoxError> {
    let logical = lent.logical.clone();
    drop(lent);
    let is_meant = logical.shared.head.flags() & (STOP | KILL | LAST) != 0;
    if is_meant {
        place.retire();
        logical.conclude(&reason);
    }
    logical.lock().last = Some(reason.clone());
    match reason {
        StopReason::Panicked(panicked) => Err(Box::new(panicked)),
        reason if reason.is_failure() => Err(Box::from(reason.to_string())),
        _ => Ok(()),
    }
}

impl<A: Actor> Logical<A> {
    fn lock(&self) -> MutexGuard<'_, Kept<A>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lend(logical: &Arc<Self>) -> Option<Lent<A>> {
        let mut kept = logical.lock();
        let (inbox, factory) = (kept.inbox.take()?, kept.factory.take()?);
        drop(kept);
        logical.shared.head.lower(PAUSE);
        Some(Lent { logical: logical.clone(), inbox: Some(inbox), factory: Some(factory) })
    }

    /// The end of the logical actor.
    fn conclude(&self, reason: &StopReason) {
        let (inbox, factory) = {
            let mut kept = self.lock();
            (kept.inbox.take(), kept.factory.take())
        };
        let mut subject: Option<Arc<dyn Subject>> = Some(self.shared.clone());
        here::within(&mut subject, || {
            drop_quietly(factory);
            if let Some(mut inbox) = inbox {
                inbox.discard(reason);
                drop_quietly(inbox);
            }
        });
        self.shared.head.finish(reason);
    }
}

impl<A: Actor> Drop for Lent<A> {
    fn drop(&mut self) {
        let mut kept = self.logical.lock();
        (kept.inbox, kept.factory) = (self.inbox.take(), self.factory.take());
    }
}

impl<A: Actor> Drop for Logical<A> {
    fn drop(&mut self) {
        let reason = self.lock().last.take().unwrap_or(StopReason::Stopped);
        self.conclude(&reason);
    }
}

pin_project_lite::pin_project! {
    /// A part of a life: code of the actor, which its supervisor can ask to pause.
    struct Placed<F> {
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
    fn new(subject: Arc<dyn Subject>, token: CancellationToken, inner: F) -> Self {
        Self { inner: Some(inner), subject: Some(subject), asked: Some(token.cancelled_owned()) }
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
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
