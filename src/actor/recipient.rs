//! A handle for one type of message, whoever gets it.

use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use super::head::Subject;
use super::shared::{NoRoom, Shared};
use super::stopped::StoppedFuture;
use super::tell_error::{TellError, Why};
use crate::policy::Overflow;

/// Sends messages of one type to an actor that is known by nothing else; made by
/// [`ActorRef::recipient`](super::ActorRef::recipient).
///
/// It is a strong handle, as an [`ActorRef`](super::ActorRef) is. An actor that has it may answer whom it does not
/// know: as a part of a message, or made into a [`Reply`](super::Reply).
///
/// # Examples
/// ```
/// use regatta::actor::{self, Recipient, Reply};
///
/// enum Msg { Answer(u32), Done(Reply<u32>) }
/// impl From<u32> for Msg {
///     fn from(answer: u32) -> Self { Self::Answer(answer) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let doubler = actor::spawn(actor::from_fn((), |_, (n, reply): (u32, Reply<u32>)| {
///     let _ = reply.send(2 * n);
/// }));
/// let sums = actor::spawn(actor::from_fn(0, |sum, msg| match msg {
///     Msg::Answer(answer) => *sum += answer,
///     Msg::Done(reply) => drop(reply.send(*sum)),
/// }));
///
/// // The answer arrives as a message.
/// let answers: Recipient<u32> = sums.recipient();
/// doubler.tell((21, answers.into())).await.unwrap();
/// doubler.drain().await;
/// assert_eq!(sums.ask(Msg::Done).await.unwrap(), 42);
/// # }
/// ```
pub struct Recipient<T> {
    target: Arc<dyn Target<T>>,
}

/// As [`Recipient`], without keeping the actor alive.
pub struct WeakRecipient<T> {
    target: Arc<dyn Target<T>>,
}

/// A value on its way, that comes back when it was not sent.
type Telling<T> = Pin<Box<dyn Future<Output = Result<(), (T, Why)>> + Send>>;

/// A mailbox that takes this type among others. The message is made when there is room for it, so that the value can be
/// handed back.
trait Target<T>: Subject {
    fn try_tell_as(&self, value: T) -> Result<(), (T, Why)>;
    fn tell_as(self: Arc<Self>, value: T) -> Telling<T>;
    fn into_subject(self: Arc<Self>) -> Arc<dyn Subject>;
}

impl<T: Send + 'static, M: From<T> + Send + 'static> Target<T> for Shared<M> {
    fn try_tell_as(&self, value: T) -> Result<(), (T, Why)> {
        match self.try_reserve() {
            Ok(permit) => permit.send(value.into()),
            Err(NoRoom::Full) if self.head.overflow == Overflow::DropNewest => self.drop_newest(value.into()),
            Err(NoRoom::Full) => return Err((value, Why::Full)),
            Err(NoRoom::Closed) => return Err((value, Why::Closed)),
        }
        Ok(())
    }

    fn tell_as(self: Arc<Self>, value: T) -> Telling<T> {
        Box::pin(async move {
            match self.try_tell_as(value) {
                Err((value, Why::Full)) if self.head.overflow == Overflow::Wait => match self.wait_for_room().await {
                    Ok(permit) => {
                        permit.send(value.into());
                        Ok(())
                    }
                    Err(()) => Err((value, Why::Closed)),
                },
                result => result,
            }
        })
    }

    fn into_subject(self: Arc<Self>) -> Arc<dyn Subject> {
        self
    }
}

impl<T: Send + 'static> Recipient<T> {
    /// Takes over one handle that is counted already.
    pub(super) fn counted<M: From<T> + Send + 'static>(target: Arc<Shared<M>>) -> Self {
        Self { target }
    }

    /// Sends a value, waiting for room.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it takes the value along.
    ///
    /// # Errors
    /// [`TellError`] with the value, when the actor accepts nothing more, or is full and does not wait.
    pub async fn tell(&self, value: T) -> Result<(), TellError<T>> {
        let sent = self.target.clone().tell_as(value).await;
        sent.map_err(|(value, why)| TellError::new(value, self.target.clone().into_subject(), why))
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    /// [`TellError`] with the value.
    pub fn try_tell(&self, value: T) -> Result<(), TellError<T>> {
        let sent = self.target.try_tell_as(value);
        sent.map_err(|(value, why)| TellError::new(value, self.target.clone().into_subject(), why))
    }

    /// Waits until the actor has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[must_use = "nothing is waited for unless the future is awaited"]
    pub fn wait_stopped(&self) -> StoppedFuture {
        StoppedFuture::new(self.target.clone().into_subject())
    }

    /// Tells whether the actor has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.target.head().end().is_some()
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.target.head().name
    }

    /// As [`ActorRef::id`](super::ActorRef::id).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.target.head().id
    }

    /// A recipient that does not keep the actor alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakRecipient<T> {
        WeakRecipient { target: self.target.clone() }
    }
}

impl<T: Send + 'static> WeakRecipient<T> {
    /// A strong one; `None` when there is no handle of the actor any more, or it has ended.
    #[must_use]
    pub fn upgrade(&self) -> Option<Recipient<T>> {
        let head = self.target.head();
        (head.end().is_none() && head.try_join()).then(|| Recipient { target: self.target.clone() })
    }

    /// As [`ActorRef::id`](super::ActorRef::id).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.target.head().id
    }
}

impl<T> Clone for Recipient<T> {
    fn clone(&self) -> Self {
        self.target.head().join();
        Self { target: self.target.clone() }
    }
}

impl<T> Drop for Recipient<T> {
    fn drop(&mut self) {
        self.target.head().leave();
    }
}

impl<T> Clone for WeakRecipient<T> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone() }
    }
}

impl<T> PartialEq for Recipient<T> {
    fn eq(&self, other: &Self) -> bool {
        self.target.head().id == other.target.head().id
    }
}

impl<T> Eq for Recipient<T> {}

impl<T> Hash for Recipient<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.head().id.hash(state);
    }
}

impl<T> fmt::Debug for Recipient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.target.head();
        f.debug_struct("Recipient").field("name", &head.name).field("id", &head.id).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WeakRecipient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.target.head();
        f.debug_struct("WeakRecipient").field("name", &head.name).field("id", &head.id).finish_non_exhaustive()
    }
}
