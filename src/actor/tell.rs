//! Sending a message, with room waited for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::here;
use super::room::{Room, Ticket};
use super::shared::{NoRoom, Shared};
use super::tell_error::{TellError, Why};
use super::to::To;
use crate::policy::Overflow;

/// One message on its way into a mailbox.
pub(super) struct Sending<M: Send + 'static> {
    msg: Option<M>,
    /// A place in the line, once the mailbox was full.
    ticket: Option<Ticket<M>>,
}

impl<M: Send + 'static> Sending<M> {
    pub(super) fn new(msg: M) -> Self {
        Self { msg: Some(msg), ticket: None }
    }

    pub(super) fn take(&mut self) -> Option<M> {
        self.msg.take()
    }

    /// Sends as soon as there is room. `may_drop`: a policy that drops the newest is followed.
    #[inline]
    pub(super) fn poll(&mut self, to: &Shared<M>, may_drop: bool, cx: &mut Context<'_>) -> Poll<Result<(), Why>> {
        if self.ticket.is_none() {
            match to.try_reserve() {
                Ok(permit) => {
                    if let Some(msg) = self.msg.take() {
                        permit.send(msg);
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(NoRoom::Closed) => return Poll::Ready(Err(Why::Closed)),
                Err(NoRoom::Full) => {}
            }
        }
        self.poll_room(to, may_drop, cx)
    }

    #[cold]
    fn poll_room(&mut self, to: &Shared<M>, may_drop: bool, cx: &mut Context<'_>) -> Poll<Result<(), Why>> {
        match to.head.overflow {
            // Nobody would ever make room.
            Overflow::Wait if here::is(&to.head) => return Poll::Ready(Err(Why::Own)),
            Overflow::Wait => {}
            Overflow::DropNewest if may_drop => {
                self.msg.take().into_iter().for_each(|msg| to.drop_newest(msg));
                return Poll::Ready(Ok(()));
            }
            _ => return Poll::Ready(Err(Why::Full)),
        }
        let ticket = self.ticket.get_or_insert_with(|| to.room.enter(&to.tx));
        let permit = ready!(Room::poll(ticket, cx));
        let sent = match (permit, self.msg.take()) {
            (Ok(permit), Some(msg)) if !to.head.is_refusing() => {
                permit.send(msg);
                Ok(())
            }
            // Told to stop while it waited: the room is given back, the message handed back.
            (permit, msg) => {
                drop(permit);
                self.msg = msg;
                Err(Why::Closed)
            }
        };
        self.leave(to);
        Poll::Ready(sent)
    }

    /// Nearly nobody stands in line.
    #[inline]
    pub(super) fn leave(&mut self, to: &Shared<M>) {
        if let Some(ticket) = self.ticket.take() {
            to.room.leave(&ticket);
        }
    }
}

/// Sends a message as soon as there is room; made by [`ActorRef::tell`](super::ActorRef::tell).
///
/// # Cancel safety
/// Dropped while it waits, it takes its message along, unless [`into_inner`](Self::into_inner) has given it back. Its
/// place in the line is lost.
///
/// # Errors
/// [`TellError`] with the message, when the actor accepts nothing more, or when it is full and its policy is
/// [`Overflow::Reject`].
#[must_use = "nothing is sent unless the future is awaited"]
pub struct TellFuture<'a, M: Send + 'static> {
    to: To<'a, M>,
    sending: Sending<M>,
    may_drop: bool,
}

impl<'a, M: Send + 'static> TellFuture<'a, M> {
    #[inline]
    pub(super) fn new(to: To<'a, M>, msg: M) -> Self {
        Self { to, sending: Sending::new(msg), may_drop: true }
    }

    /// Gives the message back, unless it was sent.
    #[must_use]
    pub fn into_inner(mut self) -> Option<M> {
        self.sending.take()
    }

    /// Waits for room for at most so long; without a timer where there is room.
    pub(super) async fn within(mut self, limit: Duration) -> Result<(), TellError<M>> {
        if let Some(result) = futures::FutureExt::now_or_never(&mut self) {
            return result;
        }
        match tokio::time::timeout(limit, &mut self).await {
            Ok(result) => result,
            Err(_) => self.fail(Why::Elapsed(limit)).map_or(Ok(()), Err),
        }
    }

    /// A policy to drop it is not followed: it comes back instead.
    pub(super) fn never_dropped(mut self) -> Self {
        self.may_drop = false;
        self
    }

    pub(super) fn fail(&mut self, why: Why) -> Option<TellError<M>> {
        self.sending.take().map(|msg| TellError::new(msg, self.to.clone(), why))
    }
}

impl<M: Send + 'static> Unpin for TellFuture<'_, M> {}

impl<M: Send + 'static> Future for TellFuture<'_, M> {
    type Output = Result<(), TellError<M>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match ready!(this.sending.poll(&this.to, this.may_drop, cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(why) => Poll::Ready(this.fail(why).map_or(Ok(()), Err)),
        }
    }
}

impl<M: Send + 'static> Drop for TellFuture<'_, M> {
    #[inline]
    fn drop(&mut self) {
        self.sending.leave(&self.to);
    }
}

impl<M: Send + 'static> fmt::Debug for TellFuture<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_sent = self.sending.msg.is_none();
        f.debug_struct("TellFuture").field("to", &self.to.head.name).field("is_sent", &is_sent).finish_non_exhaustive()
    }
}
