//! The right to answer one ask.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::cycles::{self, EdgeId};
use super::here::{self, Fate};
use super::recipient::Recipient;
use super::tell_error::TellError;

/// Answers one ask: part of the message, to be sent now, later, or by somebody else.
///
/// An asker is never left asleep: a reply that is dropped tells it why, as an [`AskError`](super::AskError).
///
/// An actor that tells *itself* a message with a reply that it has got should know that whoever asked is then told
/// `NotExecuted` if it is stopped before it comes to that.
///
/// Made by [`ask`](ActorRef::ask), or from a [`Recipient`]: then the answer arrives there as an ordinary message.
///
/// # Examples
/// ```
/// use regatta::actor::{self, AskError, Reply};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let forgetful = actor::spawn(actor::from_fn((), |_, _reply: Reply<u32>| {}));
/// assert!(matches!(forgetful.ask(|reply| reply).await, Err(AskError::NoReply { .. })));
///
/// // Deferred: the replies are kept until there are two of them.
/// let pairs = actor::spawn(actor::from_fn(Vec::new(), |waiting, reply: Reply<usize>| {
///     waiting.push(reply);
///     if waiting.len() == 2 {
///         for reply in waiting.drain(..) {
///             let _ = reply.send(2);
///         }
///     }
/// }));
/// let (one, other) = tokio::join!(pairs.ask(|reply| reply), pairs.ask(|reply| reply));
/// assert_eq!((one.unwrap(), other.unwrap()), (2, 2));
/// # }
/// ```
#[must_use = "dropping the reply tells the asker that there is none"]
pub struct Reply<T: Send + 'static, E: Send + 'static = Infallible> {
    port: Port<T, E>,
}

/// What goes to the asker.
pub(super) type Answer<T, E> = Result<Result<T, E>, Fate>;

/// Where the answer goes. What is rare is boxed: mailboxes have room for a great many replies.
enum Port<T, E> {
    Asker(oneshot::Sender<Answer<T, E>>),
    /// An actor that waits for another one.
    Waiting(Box<(oneshot::Sender<Answer<T, E>>, EdgeId)>),
    Recipient(Box<Recipient<T>>),
    /// One that wants to know of errors.
    Fallible(Box<Recipient<Result<T, E>>>),
    Gone,
}

impl<T, E> Port<T, E> {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Gone)
    }
}

impl<T: Send + 'static, E: Send + 'static> Reply<T, E> {
    pub(super) fn to_asker(port: oneshot::Sender<Answer<T, E>>, edge: EdgeId) -> Self {
        let port = match edge == EdgeId::NONE {
            true => Port::Asker(port),
            false => Port::Waiting(Box::new((port, edge))),
        };
        Self { port }
    }

    /// Nobody waits for the answer: for a message that is told.
    #[inline]
    pub fn nobody() -> Self {
        Self { port: Port::Gone }
    }

    /// The answer, or the error in its place, arrives as a message. Where there are no errors: [`From`].
    pub fn to_results(recipient: Recipient<Result<T, E>>) -> Self {
        Self { port: Port::Fallible(Box::new(recipient)) }
    }

    pub(super) fn is_nobodys(&self) -> bool {
        matches!(self.port, Port::Gone)
    }

    /// Answers.
    ///
    /// # Errors
    /// The value, when the asker is gone, for example because its time was over; of a [`Recipient`], when its mailbox
    /// has no room or it has ended.
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        self.settle(Ok(value)).map_err(|unsent| match unsent {
            Ok(value) => value,
            Err(_) => unreachable!("what was to be sent comes back"),
        })
    }

    /// Answers with an error: the asker gets [`AskError::Handler`](super::AskError::Handler).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn fail(self, error: E) -> Result<(), E> {
        self.settle(Err(error)).map_err(|unsent| match unsent {
            Err(error) => error,
            Ok(_) => unreachable!("what was to be sent comes back"),
        })
    }

    /// Answers, one way or the other.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn settle(mut self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        // Before the answer: the asker may go on at once, and waits for nobody then.
        self.detach();
        match (self.port.take(), result) {
            (Port::Asker(port), result) => match port.send(Ok(result)) {
                Err(Ok(result)) => Err(result),
                _ => Ok(()),
            },
            (Port::Recipient(recipient), Ok(value)) => {
                recipient.try_tell(value).map_err(|unsent| Ok(unsent.into_inner()))
            }
            (Port::Fallible(recipient), result) => recipient.try_tell(result).map_err(TellError::into_inner),
            (Port::Recipient(_) | Port::Waiting(_) | Port::Gone, result) => Err(result),
        }
    }

    /// Tells whether nobody waits for the answer any more: expensive work for it may be skipped.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        match &self.port {
            Port::Asker(port) => port.is_closed(),
            Port::Waiting(waiting) => waiting.0.is_closed(),
            Port::Recipient(recipient) => recipient.is_stopped(),
            Port::Fallible(recipient) => recipient.is_stopped(),
            Port::Gone => true,
        }
    }

    /// Waits until nobody waits for the answer any more.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn abandoned(&mut self) {
        match &mut self.port {
            Port::Asker(port) => port.closed().await,
            Port::Waiting(waiting) => waiting.0.closed().await,
            Port::Recipient(recipient) => drop(recipient.wait_stopped().await),
            Port::Fallible(recipient) => drop(recipient.wait_stopped().await),
            Port::Gone => {}
        }
    }

    /// Lets another actor answer: it is told a message that holds this reply, with room waited for.
    ///
    /// The actor that forwards is out of the matter: who asked it does not wait for it any more, as far as
    /// [cycles](super::AskError::Cycle) go.
    ///
    /// # Cancel safety
    /// Dropped while it waits for room, it drops the reply.
    ///
    /// # Errors
    /// [`TellError`] with the message and in it the reply, when the other one has ended or is full and does not wait.
    pub fn forward_to<B: Actor>(
        mut self,
        other: &ActorRef<B>,
        message: impl FnOnce(Self) -> B::Msg,
    ) -> impl Future<Output = Result<(), TellError<B::Msg>>> + Send {
        self.detach();
        other.tell(message(self)).never_dropped()
    }

    /// Says that the answer does not depend on the actor that was asked: another task has the reply, or will have it.
    /// From now on the wait is no part of any [cycle](super::AskError::Cycle).
    #[inline]
    pub fn detach(&mut self) {
        if let Port::Waiting(_) = self.port {
            self.leave_circle();
        }
    }

    /// Tells the asker that there will be no answer, and why.
    #[cold]
    fn orphan(&mut self) {
        self.detach();
        if let Port::Asker(port) = self.port.take() {
            // Nobody may be there any more, and then there is nobody to tell.
            here::orphan(move |fate| drop(port.send(Err(fate))));
        }
    }

    #[cold]
    fn leave_circle(&mut self) {
        match self.port.take() {
            Port::Waiting(waiting) => {
                let (port, edge) = *waiting;
                cycles::leave(edge);
                self.port = Port::Asker(port);
            }
            port => self.port = port,
        }
    }
}

/// The answer arrives as a message.
impl<T: Send + 'static> From<Recipient<T>> for Reply<T> {
    fn from(recipient: Recipient<T>) -> Self {
        Self { port: Port::Recipient(Box::new(recipient)) }
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for Reply<T, E> {
    #[inline]
    fn drop(&mut self) {
        if let Port::Asker(_) | Port::Waiting(_) = self.port {
            self.orphan();
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> fmt::Debug for Reply<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("is_abandoned", &self.is_abandoned()).finish_non_exhaustive()
    }
}
