//! Waiting for the end of an actor.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::head::Subject;
use super::here;
use super::reason::StopReason;
use crate::task::Ticket;

/// Waits until an actor has ended, and tells how. Its state, and every message it had, are gone by then.
///
/// Holds no handle: waiting keeps nobody alive. Dropping it changes nothing, so the verbs that return it may be called
/// for their effect alone.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
///
/// # Panics
/// When an actor awaits its own end in its own code, which would never come.
pub struct StoppedFuture {
    subject: Arc<dyn Subject>,
    ticket: Option<Ticket>,
}

impl StoppedFuture {
    pub(super) fn new(subject: Arc<dyn Subject>) -> Self {
        Self { subject, ticket: None }
    }
}

impl Future for StoppedFuture {
    type Output = StopReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StopReason> {
        let this = self.get_mut();
        let head = this.subject.head();
        if head.end().is_none() {
            assert!(
                !here::is(head),
                "{} waits for its own end: call `Context::stop` and return, or wait in `Context::spawn`",
                head.place()
            );
            // Cloned before, dropped after the lock: wakers are foreign code.
            let waker = cx.waker().clone();
            let mut waiting = head.waiting();
            // Once more: who ends writes first and takes the list afterwards.
            if head.end().is_none() {
                let displaced = waiting.lists().waiters.register(&mut this.ticket, waker);
                drop(waiting);
                drop(displaced);
                return Poll::Pending;
            }
            drop(waiting);
        }
        match head.end() {
            Some(reason) => Poll::Ready(reason.clone()),
            None => Poll::Pending,
        }
    }
}

impl Drop for StoppedFuture {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.subject.head().waiting().lists().waiters.leave(ticket);
            drop(left.waker);
        }
    }
}

impl fmt::Debug for StoppedFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.subject.head();
        f.debug_struct("StoppedFuture").field("actor", &head.name).field("end", &head.end()).finish()
    }
}
