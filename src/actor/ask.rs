//! Sending a message and waiting for its answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::actor::{Actor, UNNAMED};
use super::cycles::{self, EdgeId};
use super::error::{AskError, Why};
use super::reply::{Answer, Reply};
use super::run::name_of;
use super::shared::Shared;
use super::tell::Sending;

/// A question that has not been asked yet: made by [`ActorRef::ask`](super::ActorRef::ask), asked when awaited.
///
/// # Examples
/// ```
/// use regatta::actor::{self, AskError, Outcome, Reply};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let slow = actor::spawn(actor::from_fn(Vec::new(), |kept, reply: Reply<u32>| kept.push(reply)));
/// let error = slow.ask(|reply| reply).timeout(Duration::from_secs(1)).await.unwrap_err();
/// assert!(matches!(error, AskError::Elapsed { delivered: true, .. }));
/// assert_eq!(error.outcome(), Outcome::MaybeExecuted);
/// # }
/// ```
#[must_use = "nothing is asked unless it is awaited"]
pub struct Ask<'a, A: Actor, T, F> {
    to: &'a Arc<Shared<A::Msg>>,
    message: F,
    limit: Option<Duration>,
    answer: std::marker::PhantomData<fn() -> T>,
}

impl<'a, A: Actor, T: Send + 'static, F: FnOnce(Reply<T>) -> A::Msg> Ask<'a, A, T, F> {
    pub(super) fn new(to: &'a Arc<Shared<A::Msg>>, message: F) -> Self {
        Self { to, message, limit: to.head.ask_timeout, answer: std::marker::PhantomData }
    }

    /// Waits at most so long, for room and for the answer together, instead of the
    /// [actor's default](super::Builder::ask_timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Waits as long as it takes; the answer, or the end of the actor, comes in any case.
    pub fn no_timeout(mut self) -> Self {
        self.limit = None;
        self
    }
}

impl<'a, A: Actor, T: Send + 'static, F: FnOnce(Reply<T>) -> A::Msg> IntoFuture for Ask<'a, A, T, F> {
    type Output = Result<T, AskError>;
    type IntoFuture = AskFuture<'a, A, T, F>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        AskFuture { asking: Asking::new(self.to, self.message, self.limit), has_yielded: false, sleep: None }
    }
}

pin_project_lite::pin_project! {
    /// Asks, and waits for the answer; made by awaiting an [`Ask`].
    ///
    /// # Cancel safety
    /// Dropped before the message was sent, it was not asked. Dropped later, the message is handled all the same, and
    /// its [`Reply`] says that it [is abandoned](Reply::is_abandoned).
    ///
    /// # Errors
    /// See [`AskError`].
    ///
    /// # Panics
    /// When it has to wait, with a timeout, on a runtime without timers (`enable_time`).
    #[must_use = "nothing is asked unless it is awaited"]
    pub struct AskFuture<'a, A: Actor, T, F> {
        asking: Asking<'a, A, T, F>,
        // Whether the others of this thread have had their turn since the question.
        has_yielded: bool,
        // Made when there is something to wait for.
        #[pin]
        sleep: Option<Sleep>,
    }
}

/// All of an ask but its clock.
struct Asking<'a, A: Actor, T, F> {
    to: &'a Arc<Shared<A::Msg>>,
    make: Option<F>,
    limit: Option<Duration>,
    message: &'static str,
    sending: Option<Sending<A::Msg>>,
    answer: Option<oneshot::Receiver<Answer<T>>>,
    edge: EdgeId,
}

impl<'a, A: Actor, T: Send + 'static, F: FnOnce(Reply<T>) -> A::Msg> Asking<'a, A, T, F> {
    fn new(to: &'a Arc<Shared<A::Msg>>, make: F, limit: Option<Duration>) -> Self {
        let (message, edge) = (UNNAMED, EdgeId::NONE);
        Self { to, make: Some(make), limit, message, sending: None, answer: None, edge }
    }

    /// Makes the message, within the one who asks: its panic is the asker's.
    fn begin(&mut self, make: F) -> Result<(), AskError> {
        let (port, answer) = oneshot::channel();
        let edge = cycles::enter(&self.to.head);
        let msg = make(Reply::to_asker(port, edge.as_ref().map_or(EdgeId::NONE, |edge| *edge)));
        self.message = name_of::<A>(&msg);
        self.edge = edge.map_err(|path| AskError::Cycle { message: self.message, path })?;
        self.answer = Some(answer);
        self.sending = Some(Sending::new(msg));
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, AskError>> {
        if let Some(make) = self.make.take() {
            self.begin(make)?;
        }
        if let Some(sending) = &mut self.sending {
            match ready!(sending.poll(self.to, false, cx)) {
                Ok(()) => self.sending = None,
                Err(Why::Full | Why::Elapsed(_)) => {
                    return Poll::Ready(Err(AskError::full(&self.to.head, self.message)));
                }
                Err(Why::Closed) => return Poll::Ready(Err(AskError::closed(&self.to.head, self.message))),
            }
        }
        let Some(answer) = &mut self.answer else {
            unreachable!("a future is not polled after its end");
        };
        let answer = ready!(Pin::new(answer).poll(cx));
        self.leave();
        Poll::Ready(match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(fate)) => Err(AskError::of(fate, &self.to.head, self.message)),
            // The reply was forgotten, not dropped.
            Err(_) => Err(AskError::NoReply { actor: self.to.head.name.clone(), message: self.message }),
        })
    }
}

impl<A: Actor, T, F> Asking<'_, A, T, F> {
    fn leave(&mut self) {
        cycles::leave(std::mem::replace(&mut self.edge, EdgeId::NONE));
        if let Some(mut sending) = self.sending.take() {
            sending.leave(self.to);
        }
    }
}

impl<A: Actor, T, F> Drop for Asking<'_, A, T, F> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<A: Actor, T: Send + 'static, F: FnOnce(Reply<T>) -> A::Msg> Future for AskFuture<'_, A, T, F> {
    type Output = Result<T, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(answer) = this.asking.poll(cx) {
            return Poll::Ready(answer);
        }
        if !std::mem::replace(this.has_yielded, true) {
            // Mostly the actor is idle and answers at its next turn: a look after that costs less than a timer. To yield
            // is not to wake oneself: that would call another worker, which steals this task while the actor runs.
            let yielding = std::pin::pin!(tokio::task::yield_now());
            if yielding.poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        let Some(limit) = this.asking.limit else { return Poll::Pending };
        if this.sleep.is_none() {
            // Beyond what the clock can say there is no deadline.
            let Some(deadline) = Instant::now().checked_add(limit) else {
                this.asking.limit = None;
                return Poll::Pending;
            };
            this.sleep.set(Some(tokio::time::sleep_until(deadline)));
        }
        if let Some(sleep) = this.sleep.as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        let delivered = this.asking.sending.is_none();
        this.asking.leave();
        Poll::Ready(Err(AskError::elapsed(&this.asking.to.head, this.asking.message, limit, delivered)))
    }
}

impl<A: Actor, T, F> fmt::Debug for Ask<'_, A, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("to", &self.to.head.name).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<A: Actor, T, F> fmt::Debug for AskFuture<'_, A, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (to, is_sent) = (&self.asking.to.head.name, self.asking.answer.is_some() && self.asking.sending.is_none());
        f.debug_struct("AskFuture").field("to", to).field("is_sent", &is_sent).finish_non_exhaustive()
    }
}
