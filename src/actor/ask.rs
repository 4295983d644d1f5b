//! Sending a message and waiting for its answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::actor::UNNAMED;
use super::cycles::{self, Edge, EdgeId};
use super::error::{Args, AskError};
use super::here;
use super::reply::{Answer, Reply};
use super::tell::Sending;
use super::tell_error::Why;
use super::to::To;

/// A question that has not been asked yet: made by [`ActorRef::ask`](super::ActorRef::ask), asked when awaited. For
/// `join_all` and the like, which want futures: [`into_future`](IntoFuture::into_future).
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
pub struct Ask<'a, M: Send + 'static, T, E, F> {
    to: To<'a, M>,
    name: fn(&M) -> &'static str,
    message: F,
    limit: Option<Duration>,
    answer: std::marker::PhantomData<fn() -> Result<T, E>>,
}

impl<'a, M, T, E, F> Ask<'a, M, T, E, F>
where
    M: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Make<M, T, E>,
{
    pub(super) fn new(to: To<'a, M>, name: fn(&M) -> &'static str, message: F) -> Self {
        let limit = to.head.ask_timeout;
        Self { to, name, message, limit, answer: std::marker::PhantomData }
    }

    /// Waits at most so long, for room and for the answer together, instead of the
    /// [actor's default](super::Builder::ask_timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn limit(self, limit: Option<Duration>) -> Self {
        Self { limit, ..self }
    }

    /// Waits as long as it takes; the answer, or the end of the actor, comes in any case.
    pub fn no_timeout(mut self) -> Self {
        self.limit = None;
        self
    }
}

impl<'a, M, T, E, F> IntoFuture for Ask<'a, M, T, E, F>
where
    M: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Make<M, T, E>,
{
    type Output = Result<T, AskError<E>>;
    type IntoFuture = AskFuture<'a, M, T, E, F>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        AskFuture { asking: Asking::new(self.to, self.name, self.message, self.limit), has_yielded: false, sleep: None }
    }
}

/// Makes the message, when there is a reply to put into it.
#[doc(hidden)]
pub trait Make<M, T: Send + 'static, E: Send + 'static> {
    fn make(self, reply: Reply<T, E>) -> M;

    /// Takes a message that was not sent apart again.
    fn args(&self) -> Option<fn(M) -> Args> {
        None
    }
}

impl<M, T: Send + 'static, E: Send + 'static, F: FnOnce(Reply<T, E>) -> M> Make<M, T, E> for F {
    #[inline]
    fn make(self, reply: Reply<T, E>) -> M {
        self(reply)
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
    /// When it has to wait, with a timeout, on a runtime without timers (`enable_time`), or outside a tokio runtime.
    #[must_use = "nothing is asked unless it is awaited"]
    pub struct AskFuture<'a, M, T, E, F>
    where
        M: Send,
        M: 'static,
    {
        asking: Asking<'a, M, T, E, F>,
        // Whether the others of this thread have had their turn since the question.
        has_yielded: bool,
        // Made when there is something to wait for.
        #[pin]
        sleep: Option<Sleep>,
    }
}

/// All of an ask but its clock.
struct Asking<'a, M: Send + 'static, T, E, F> {
    to: To<'a, M>,
    name: fn(&M) -> &'static str,
    make: Option<F>,
    args: Option<fn(M) -> Args>,
    limit: Option<Duration>,
    message: &'static str,
    sending: Option<Sending<M>>,
    answer: Option<oneshot::Receiver<Answer<T, E>>>,
    edge: Option<Edge>,
}

impl<'a, M, T, E, F> Asking<'a, M, T, E, F>
where
    M: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Make<M, T, E>,
{
    fn new(to: To<'a, M>, name: fn(&M) -> &'static str, make: F, limit: Option<Duration>) -> Self {
        let (message, edge) = (UNNAMED, None);
        let args = make.args();
        Self { to, name, make: Some(make), args, limit, message, sending: None, answer: None, edge }
    }

    /// Makes the message, within the one who asks: its panic is the asker's.
    fn begin(&mut self, make: F) -> Result<(), AskError<E>> {
        let (port, answer) = oneshot::channel();
        let edge = cycles::enter(&self.to.head);
        let msg = make.make(Reply::to_asker(port, edge.as_ref().map_or(EdgeId::NONE, |edge| edge.id)));
        self.message = (self.name)(&msg);
        self.edge = match edge {
            Ok(edge) => Some(edge),
            Err(path) => return Err(AskError::cycle(self.message, path, self.args.map(|args| args(msg)))),
        };
        self.answer = Some(answer);
        self.sending = Some(Sending::new(msg));
        Ok(())
    }

    /// What was not sent.
    fn unsent(&mut self) -> Option<Args> {
        let msg = self.sending.as_mut().and_then(Sending::take)?;
        self.args.map(|args| args(msg))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, AskError<E>>> {
        if let Some(make) = self.make.take() {
            self.begin(make)?;
        } else if self.edge.is_some_and(Edge::has_moved) {
            self.leave_edge();
        }
        if let Some(sending) = &mut self.sending {
            match ready!(sending.poll(&self.to, false, cx)) {
                Ok(()) => self.sending = None,
                Err(Why::Full | Why::Own | Why::Elapsed(_)) => {
                    let args = self.unsent();
                    return Poll::Ready(Err(AskError::full(&self.to.head, self.message, args)));
                }
                Err(Why::Closed) => {
                    let args = self.unsent();
                    return Poll::Ready(Err(AskError::closed(&self.to.head, self.message, args)));
                }
            }
        }
        let Some(answer) = &mut self.answer else {
            unreachable!("a future is not polled after its end");
        };
        let answer = ready!(Pin::new(answer).poll(cx));
        self.leave();
        Poll::Ready(match answer {
            Ok(Ok(result)) => result.map_err(AskError::Handler),
            Ok(Err(fate)) => Err(AskError::of(fate, &self.to.head, self.message)),
            // The reply was forgotten, not dropped.
            Err(_) => Err(AskError::NoReply { actor: self.to.head.name.clone(), message: self.message }),
        })
    }
}

impl<M: Send + 'static, T, E, F> Asking<'_, M, T, E, F> {
    fn leave_edge(&mut self) {
        if let Some(edge) = self.edge.take() {
            cycles::leave(edge.id);
        }
    }

    fn leave(&mut self) {
        self.leave_edge();
        if let Some(mut sending) = self.sending.take() {
            sending.leave(&self.to);
        }
    }
}

impl<M: Send + 'static, T, E, F> Drop for Asking<'_, M, T, E, F> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<M, T, E, F> Future for AskFuture<'_, M, T, E, F>
where
    M: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Make<M, T, E>,
{
    type Output = Result<T, AskError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(answer) = this.asking.poll(cx) {
            return Poll::Ready(answer);
        }
        if !std::mem::replace(this.has_yielded, true) && here::is_of_a_task(cx.waker()) {
            // Mostly the actor is idle and answers at its next turn: a look after that costs less than a timer. To yield
            // is not to wake oneself: that would call another worker, which steals this task while the actor runs. Only a
            // task of tokio's is sure to be polled again then; what another executor runs gets its timer at once.
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
        let args = this.asking.unsent();
        this.asking.leave();
        Poll::Ready(Err(AskError::elapsed(&this.asking.to.head, this.asking.message, limit, delivered, args)))
    }
}

impl<M: Send + 'static, T, E, F> fmt::Debug for Ask<'_, M, T, E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("to", &self.to.head.name).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<M: Send + 'static, T, E, F> fmt::Debug for AskFuture<'_, M, T, E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (to, is_sent) = (&self.asking.to.head.name, self.asking.answer.is_some() && self.asking.sending.is_none());
        f.debug_struct("AskFuture").field("to", to).field("is_sent", &is_sent).finish_non_exhaustive()
    }
}
