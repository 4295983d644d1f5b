//! Waiting for a publication, and for old readers to leave.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::books::{Books, Line};
use super::core::Core;
use super::snapshot::Snapshot;
use crate::task::Ticket;

/// Waits for a newer version; made by [`Rcu::changed`](super::Rcu::changed) and
/// [`Rcu::changed_since`](super::Rcu::changed_since).
///
/// # Cancel safety
/// Nothing is lost by dropping it: `changed_since` with the same number finds the same publication.
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct ChangedFuture<'a, T> {
    core: &'a Arc<Core<T>>,
    since: u64,
    ticket: Option<Ticket>,
}

/// Waits until every version older than the one at the call is gone, with its value; made by
/// [`Rcu::synchronize`](super::Rcu::synchronize).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "nothing is waited for unless the future is awaited"]
pub struct SynchronizeFuture<'a> {
    books: &'a Books,
    /// Versions below it are to go.
    number: u64,
    ticket: Option<Ticket>,
}

impl<'a, T> ChangedFuture<'a, T> {
    pub(super) fn new(core: &'a Arc<Core<T>>, since: u64) -> Self {
        Self { core, since, ticket: None }
    }
}

impl<'a> SynchronizeFuture<'a> {
    pub(super) fn new(books: &'a Books) -> Self {
        let number = books.lock().number;
        Self { books, number, ticket: None }
    }
}

impl<T> Future for ChangedFuture<'_, T> {
    type Output = Snapshot<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let since = this.since;
        ready!(
            this.core.books.poll(Line::Watchers, &mut this.ticket, cx, |pages| (pages.number > since).then_some(()))
        );
        // The swap comes before the number, so this is at least that version.
        Poll::Ready(Snapshot::new(this.core.load_full()))
    }
}

impl Future for SynchronizeFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let number = this.number;
        this.books.poll(Line::Graces, &mut this.ticket, cx, |pages| {
            pages.pinned.first().is_none_or(|oldest| *oldest >= number).then_some(())
        })
    }
}

impl<T> Drop for ChangedFuture<'_, T> {
    fn drop(&mut self) {
        self.core.books.leave(Line::Watchers, &mut self.ticket);
    }
}

impl Drop for SynchronizeFuture<'_> {
    fn drop(&mut self) {
        self.books.leave(Line::Graces, &mut self.ticket);
    }
}

impl<T> fmt::Debug for ChangedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedFuture").field("since", &self.since).finish_non_exhaustive()
    }
}

impl fmt::Debug for SynchronizeFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SynchronizeFuture").field("number", &self.number).finish_non_exhaustive()
    }
}
