//! Calling a method of an actor: what the handles that `#[regatta::actor]` makes are made of.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, IntoFuture, ready};
use std::pin::Pin;
use std::task::{self, Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::ask::{Ask, AskFuture, Make};
use super::error::{Args, AskError};
use super::reply::Reply;
use super::tell::TellFuture;
use super::tell_error::TellError;
use super::to::To;

/// A message that knows its name; what `#[regatta::actor]` makes is one.
pub trait Message: Send + 'static {
    /// What it is called in errors: the name of the method.
    fn name(&self) -> &'static str;

    /// The arguments of the method, as a tuple; or boxed, as they were.
    #[doc(hidden)]
    fn into_args(self) -> Box<dyn std::any::Any + Send>;
}

/// One call of a method of an actor, which has not been made yet. Awaiting it asks: the message is sent, and the answer
/// waited for. The other ways to make it: [`tell`](Self::tell), [`try_tell`](Self::try_tell),
/// [`reply_to`](Self::reply_to).
///
/// `T` is what the method returns; if that is a `Result`, `T` and `E` are its two sides, and the answer to the ask is a
/// `Result<T, AskError<E>>`. Where the message was not sent, its arguments [come back](AskError::take_args).
///
/// It is no future itself: `join_all` and `tokio::spawn` want `call.into_future()`, and where it is to outlive the handle
/// `call.owned().into_future()`.
///
/// # Examples
/// ```
/// use regatta::actor::AskError;
/// use std::time::Duration;
///
/// struct Account { cents: u64 }
///
/// #[regatta::actor]
/// impl Account {
///     pub fn deposit(&mut self, cents: u64) { self.cents += cents; }
///
///     pub fn withdraw(&mut self, cents: u64) -> Result<u64, String> {
///         self.cents = self.cents.checked_sub(cents).ok_or("not enough")?;
///         Ok(self.cents)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let account = Account { cents: 0 }.spawn();
/// account.deposit(500).tell().await.unwrap();
/// assert_eq!(account.withdraw(200).timeout(Duration::from_secs(1)).await.unwrap(), 300);
/// assert!(matches!(account.withdraw(400).await, Err(AskError::Handler(text)) if text == "not enough"));
///
/// account.actor().stop().await;
/// let error = account.withdraw(100).await.unwrap_err();
/// assert_eq!(error.take_args(), Some((100_u64,)));
/// # }
/// ```
#[must_use = "nothing is called unless it is awaited, or told"]
pub struct Call<'a, M: Message, T: Send + 'static, E: Send + 'static = Infallible> {
    inner: Inner<'a, M, T, E>,
    limit: Option<Duration>,
    /// The limit was said for this call.
    is_limited: bool,
    delay: Option<Duration>,
}

enum Inner<'a, M: Message, T: Send + 'static, E: Send + 'static> {
    Letter(Letter<'a, M, T, E>),
    Done(Result<T, AskError<E>>),
    Future(BoxFuture<'static, Result<T, AskError<E>>>),
}

struct Letter<'a, M: Message, T: Send + 'static, E: Send + 'static> {
    to: To<'a, M>,
    filled: Filled<M, T, E>,
}

/// A message that still needs its reply.
#[doc(hidden)]
pub(super) struct Filled<M, T: Send + 'static, E: Send + 'static> {
    msg: M,
    reply: fn(&mut M, Reply<T, E>),
}

impl<M: Message, T: Send + 'static, E: Send + 'static> Make<M, T, E> for Filled<M, T, E> {
    #[inline]
    fn make(mut self, reply: Reply<T, E>) -> M {
        (self.reply)(&mut self.msg, reply);
        self.msg
    }

    fn args(&self) -> Option<fn(M) -> Args> {
        Some(M::into_args)
    }
}

impl<'a, M: Message, T: Send + 'static, E: Send + 'static> Call<'a, M, T, E> {
    /// A call of an actor. `reply` puts the reply into the message.
    #[inline]
    #[doc(hidden)]
    pub fn new<A: Actor<Msg = M>>(actor: &'a ActorRef<A>, msg: M, reply: fn(&mut M, Reply<T, E>)) -> Self {
        let to = To::Lent(actor.shared());
        let limit = to.head.ask_timeout;
        Self {
            inner: Inner::Letter(Letter { to, filled: Filled { msg, reply } }),
            limit,
            is_limited: false,
            delay: None,
        }
    }

    /// A call that is answered already: for mocks.
    pub fn ready(value: T) -> Self {
        Self::of(Inner::Done(Ok(value)))
    }

    /// A call that fails when it is asked: for mocks; errors for it are made by [`testing`](crate::testing). What is told has
    /// no error of a mock's.
    pub fn failed(error: AskError<E>) -> Self {
        Self::of(Inner::Done(Err(error)))
    }

    /// A call that is answered by a future: for mocks, and for handles of another kind. Without
    /// [`timeout`](Self::timeout) it is waited for as long as it takes.
    pub fn from_future(future: impl Future<Output = Result<T, AskError<E>>> + Send + 'static) -> Self {
        Self::of(Inner::Future(future.boxed()))
    }

    fn of(inner: Inner<'a, M, T, E>) -> Self {
        Self { inner, limit: None, is_limited: false, delay: None }
    }

    /// Waits at most so long, instead of the [actor's default](super::Builder::ask_timeout): an ask for the answer, a
    /// [`tell`](Self::tell) for room.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { limit: Some(limit), is_limited: true, ..self }
    }

    /// Waits for the answer as long as it takes.
    pub fn no_timeout(self) -> Self {
        Self { limit: None, is_limited: false, ..self }
    }

    /// Makes the call so long after it is awaited; a time limit begins then. Not of [`try_tell`](Self::try_tell), which is
    /// made at once.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// The same call, without a borrow of the handle: to be sent elsewhere. Until it ends it keeps the actor alive.
    ///
    /// # Cancel safety
    /// As [`CallFuture`]'s.
    pub fn owned(self) -> Call<'static, M, T, E> {
        let inner = match self.inner {
            Inner::Letter(Letter { to, filled }) => Inner::Letter(Letter { to: to.kept(), filled }),
            Inner::Done(result) => Inner::Done(result),
            Inner::Future(future) => Inner::Future(future),
        };
        Call { inner, limit: self.limit, is_limited: self.is_limited, delay: self.delay }
    }

    /// Sends the message without asking for an answer, with room waited for. What the method returns is dropped; an
    /// error is logged. Of a mock it is no error, whatever the mock answers.
    #[inline]
    pub fn tell(self) -> CallTell<'a, M> {
        match self {
            // It is made for nobody.
            Self { inner: Inner::Letter(Letter { to, filled }), delay: None, is_limited: false, .. } => {
                CallTell { telling: Telling::Now(TellFuture::new(to, filled.msg)) }
            }
            call => call.send(Reply::nobody()),
        }
    }

    /// As [`tell`](Self::tell), if there is room now. A call that a future answers is not made at all.
    ///
    /// # Errors
    /// [`TellError`] with the message.
    #[inline]
    pub fn try_tell(self) -> Result<(), TellError<M>> {
        match self.inner {
            Inner::Letter(Letter { to, filled }) => to.try_tell(filled.msg),
            Inner::Done(_) | Inner::Future(_) => Ok(()),
        }
    }

    /// Sends the message with somebody else's reply: the answer goes there. A [`Recipient`](super::Recipient) gets it as
    /// a message.
    pub fn reply_to(self, reply: impl Into<Reply<T, E>>) -> CallTell<'a, M> {
        self.send(reply.into())
    }

    #[inline]
    fn send(self, mut reply: Reply<T, E>) -> CallTell<'a, M> {
        // Whoever hands a reply on is out of the matter.
        reply.detach();
        let (first, limit) = (self.delay.map(delayed), self.limit.filter(|_| self.is_limited));
        let instead = match self.inner {
            Inner::Letter(Letter { to, filled }) => {
                let is_nobodys = reply.is_nobodys();
                let mut telling = TellFuture::new(to, filled.make(reply));
                if !is_nobodys {
                    telling = telling.never_dropped();
                }
                let telling = match (first, limit) {
                    (None, None) => Telling::Now(telling),
                    (first, limit) => Telling::Later(tell_in_time(first, telling, limit).boxed()),
                };
                return CallTell { telling };
            }
            Inner::Done(result) => ready(result).boxed(),
            Inner::Future(future) => future,
        };
        let instead = async move {
            if let Some(first) = first {
                first.await;
            }
            settle(reply, instead.await);
            Ok(())
        };
        CallTell { telling: Telling::Later(instead.boxed()) }
    }
}

async fn tell_in_time<M: Message>(
    first: Option<BoxFuture<'static, ()>>,
    telling: TellFuture<'_, M>,
    limit: Option<Duration>,
) -> Result<(), TellError<M>> {
    if let Some(first) = first {
        first.await;
    }
    match limit {
        None => telling.await,
        Some(limit) => telling.within(limit).await,
    }
}

/// Passes the answer of a mock on; where there is none, the reply is dropped, which says so.
fn settle<T: Send + 'static, E: Send + 'static>(reply: Reply<T, E>, result: Result<T, AskError<E>>) {
    let unsent = match result {
        Ok(value) => reply.settle(Ok(value)),
        Err(AskError::Handler(error)) => reply.settle(Err(error)),
        Err(_) => return,
    };
    drop(unsent);
}

impl<'a, M: Message, T: Send + 'static, E: Send + 'static> IntoFuture for Call<'a, M, T, E> {
    type Output = Result<T, AskError<E>>;
    type IntoFuture = CallFuture<'a, M, T, E>;

    #[inline]
    fn into_future(self) -> CallFuture<'a, M, T, E> {
        let (limit, first) = (self.limit, self.delay.map(delayed));
        let inner = match self.inner {
            Inner::Letter(Letter { to, filled }) => {
                let ask = Ask::new(to, M::name, filled).limit(limit).into_future();
                Making::Letter { ask, first }
            }
            Inner::Done(result) if first.is_none() => Making::Done { result: Some(result) },
            Inner::Done(result) => Making::Future { future: ready(result).boxed(), first, limit, sleep: None },
            Inner::Future(future) => Making::Future { future, first, limit, sleep: None },
        };
        CallFuture { inner }
    }
}

pin_project_lite::pin_project! {
    /// Makes a call, and waits for the answer.
    ///
    /// # Cancel safety
    /// As [`AskFuture`]'s.
    ///
    /// # Errors
    /// [`AskError`]
    ///
    /// # Panics
    /// When it has to wait, with a timeout, on a runtime without timers (`enable_time`), or outside a tokio runtime.
    #[must_use = "nothing is called unless it is awaited"]
    pub struct CallFuture<'a, M, T, E>
    where
        M: Message,
        T: Send,
        T: 'static,
        E: Send,
        E: 'static,
    {
        #[pin]
        inner: Making<'a, M, T, E>,
    }
}

pin_project_lite::pin_project! {
    #[project = Project]
    enum Making<'a, M, T, E>
    where
        M: Message,
        T: Send,
        T: 'static,
        E: Send,
        E: 'static,
    {
        Letter {
            #[pin]
            ask: AskFuture<'a, M, T, E, Filled<M, T, E>>,
            first: Option<BoxFuture<'static, ()>>,
        },
        Done { result: Option<Result<T, AskError<E>>> },
        Future {
            future: BoxFuture<'static, Result<T, AskError<E>>>,
            first: Option<BoxFuture<'static, ()>>,
            limit: Option<Duration>,
            // Made when there is something to wait for.
            sleep: Option<BoxFuture<'static, ()>>,
        },
    }
}

impl<M: Message, T: Send + 'static, E: Send + 'static> Future for CallFuture<'_, M, T, E> {
    type Output = Result<T, AskError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            Project::Letter { ask, first } => {
                task::ready!(poll_first(first, cx));
                ask.poll(cx)
            }
            Project::Done { result } => match result.take() {
                Some(result) => Poll::Ready(result),
                None => unreachable!("a future is not polled after its end"),
            },
            Project::Future { future, first, limit, sleep } => {
                task::ready!(poll_first(first, cx));
                if let Poll::Ready(answer) = future.as_mut().poll(cx) {
                    return Poll::Ready(answer);
                }
                let Some(limit) = *limit else { return Poll::Pending };
                task::ready!(sleep.get_or_insert_with(|| delayed(limit)).as_mut().poll(cx));
                Poll::Ready(Err(AskError::mock_elapsed(limit)))
            }
        }
    }
}

/// Waits before a call is made; made when the call is polled, as timers need a runtime.
fn delayed(length: Duration) -> BoxFuture<'static, ()> {
    async move { tokio::time::sleep(length).await }.boxed()
}

/// What comes first, if something does.
#[inline]
fn poll_first(first: &mut Option<BoxFuture<'static, ()>>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(future) = first {
        task::ready!(future.as_mut().poll(cx));
        *first = None;
    }
    Poll::Ready(())
}

/// Makes a call without asking for its answer; made by [`Call::tell`].
///
/// # Cancel safety
/// Dropped while it waits, it takes the message along.
///
/// # Errors
/// [`TellError`] with the message.
#[must_use = "nothing is sent unless the future is awaited"]
pub struct CallTell<'a, M: Message> {
    telling: Telling<'a, M>,
}

enum Telling<'a, M: Message> {
    Now(TellFuture<'a, M>),
    /// After a delay, or by a mock.
    Later(BoxFuture<'a, Result<(), TellError<M>>>),
}

impl<M: Message> Future for CallTell<'_, M> {
    type Output = Result<(), TellError<M>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().telling {
            Telling::Now(telling) => Pin::new(telling).poll(cx),
            Telling::Later(telling) => telling.as_mut().poll(cx),
        }
    }
}

impl<M: Message, T: Send + 'static, E: Send + 'static> fmt::Debug for Call<'_, M, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Letter(letter) => f
                .debug_struct("Call")
                .field("to", &letter.to.head.name)
                .field("method", &letter.filled.msg.name())
                .finish_non_exhaustive(),
            Inner::Done(_) | Inner::Future(_) => f.write_str("Call"),
        }
    }
}

impl<M: Message, T: Send + 'static, E: Send + 'static> fmt::Debug for CallFuture<'_, M, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}

impl<M: Message> fmt::Debug for CallTell<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.telling {
            Telling::Now(telling) => f.debug_tuple("CallTell").field(telling).finish(),
            Telling::Later(_) => f.write_str("CallTell"),
        }
    }
}
