//! What the handles of one actor share.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{OwnedPermit, Permit, Sender, error::TrySendError};

use super::cycles;
use super::head::{ABSENT, Books, Head, STARTING, Subject};
use super::here::{Fate, with_fate};
use super::notes::Notes;
use super::room::{Room, Ticket};
use super::tell_error::{TellError, Why};
use crate::error::{drop_quietly, log_quietly};
use crate::observe::{Flow, Observe, Row, Word};
use crate::policy::Overflow;

/// In this order, as the [head](Head) is: what senders read is far from what the actor's task writes.
#[repr(C)]
pub(super) struct Shared<M> {
    pub(super) tx: Sender<M>,
    pub(super) head: Head,
    pub(super) room: Room,
    /// Gets what is not handled.
    undelivered: Option<Hook<M>>,
    pub(super) books: Books,
    pub(super) notes: Notes,
}

pub(super) type Hook<M> = Arc<dyn Fn(M) + Send + Sync>;

/// A place in the line, left when dropped.
struct Line<'a, M: Send + 'static> {
    room: &'a Room,
    ticket: Ticket<M>,
}

impl<M: Send + 'static> Drop for Line<'_, M> {
    fn drop(&mut self) {
        self.room.leave(&self.ticket);
    }
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    Full,
    Closed,
}

impl<M: Send + 'static> Shared<M> {
    pub(super) fn new(head: Head, tx: Sender<M>, undelivered: Option<Hook<M>>) -> Self {
        let notes = Notes::new(head.id);
        Self { tx, head, room: Room::default(), undelivered, books: Books::default(), notes }
    }

    /// Takes room for one message, without waiting. Whoever has it may send, whatever happens meanwhile: the message is
    /// handled, or goes where undelivered ones go.
    #[inline]
    pub(super) fn try_reserve(&self) -> Result<Permit<'_, M>, NoRoom> {
        if self.head.is_refusing() {
            return Err(NoRoom::Closed);
        }
        self.tx.try_reserve().map_err(|error| match error {
            TrySendError::Full(()) => NoRoom::Full,
            TrySendError::Closed(()) => NoRoom::Closed,
        })
    }

    /// Sends if there is room now.
    #[inline]
    pub(super) fn try_tell(self: &Arc<Self>, msg: M) -> Result<(), TellError<M>> {
        let why = match self.try_reserve() {
            Ok(permit) => {
                permit.send(msg);
                return Ok(());
            }
            Err(NoRoom::Full) if self.head.overflow == Overflow::DropNewest => {
                self.drop_newest(msg);
                return Ok(());
            }
            Err(NoRoom::Full) => Why::Full,
            Err(NoRoom::Closed) => Why::Closed,
        };
        Err(TellError::new(msg, self.clone(), why))
    }

    /// Waits for room; an error when the actor accepts nothing more.
    pub(super) async fn wait_for_room(&self) -> Result<OwnedPermit<M>, ()> {
        let waiting = Line { room: &self.room, ticket: self.room.enter(&self.tx) };
        let permit = std::future::poll_fn(|cx| Room::poll(&waiting.ticket, cx)).await?;
        if self.head.is_refusing() { Err(()) } else { Ok(permit) }
    }

    /// Drops a message because of the overflow policy.
    pub(super) fn drop_newest(&self, msg: M) {
        self.books.dropped.fetch_add(1, Ordering::Relaxed);
        with_fate(Fate::Full(self.head.id, self.head.capacity), || drop_quietly(msg));
    }

    /// A message is not handled: it goes to the hook, and its asker is told.
    pub(super) fn undeliver(&self, fate: Fate, msg: M) {
        with_fate(fate, || match &self.undelivered {
            None => drop_quietly(msg),
            Some(hook) => {
                let run = std::panic::AssertUnwindSafe(|| hook(msg));
                if let Err(payload) = std::panic::catch_unwind(run) {
                    drop_quietly(payload);
                    let actor = &*self.head.name;
                    log_quietly(
                        || tracing::warn!(target: "regatta::actor", actor, "the hook for undelivered messages panicked"),
                    );
                }
            }
        });
    }

    /// How many messages wait.
    pub(super) fn queued(&self) -> usize {
        self.tx.max_capacity() - self.tx.capacity()
    }

    pub(super) fn flow(&self) -> Flow {
        self.counted().0
    }

    /// How many messages it has, in the mailbox and in hand; also room that was given and is not used yet.
    pub(super) fn load(&self) -> u64 {
        self.counted().1 + self.queued() as u64
    }

    /// What became of the messages, and how many are in hand: taken, and not settled.
    fn counted(&self) -> (Flow, u64) {
        let books = &self.books;
        let [done, failed, discarded, dropped] =
            [&books.done, &books.failed, &books.discarded, &books.dropped].map(|count| count.load(Ordering::Acquire));
        let settled = done + failed + discarded;
        // Read after what is settled, and before what waits: nothing is counted twice.
        let taken_and_queued = || (books.taken(), self.queued() as u64);
        let ((taken, queued), given) = match self.queued() {
            0 => ((books.taken(), 0), 0),
            _ => self.room.around(taken_and_queued),
        };
        let come = books.come(taken + queued.saturating_sub(given));
        let flow = Flow { accepted: come + dropped, done, failed, dropped, discarded, in_flight: come - settled };
        (flow, taken - settled)
    }
}

impl<M: Send + 'static> Subject for Shared<M> {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl<M: Send + 'static> Observe for Shared<M> {
    fn fill(&self, row: &mut Row) {
        let head = &self.head;
        row.set_state(if head.end().is_some() {
            "stopped"
        } else if head.is_refusing() {
            "stopping"
        } else if head.flags() & ABSENT != 0 {
            "between lives"
        } else if head.flags() & STARTING != 0 {
            "starting"
        } else {
            "running"
        });
        let (flow, in_hand) = self.counted();
        row.flow = flow;
        // Most have one of each, and there may be very many.
        row.gauges.reserve_exact(1 + usize::from(in_hand > 0));
        row.counts.reserve_exact(1);
        // As many as a semaphore can have is how callers spell “no bound”.
        row.gauge("queued", self.queued(), Some(head.capacity).filter(|bound| *bound < Semaphore::MAX_PERMITS));
        row.count("restarts", self.books.restarts.load(Ordering::Relaxed));
        if in_hand > 0 {
            // All but one wait as those in the mailbox do, and are in nobody's way who sends.
            row.level("in hand", in_hand, None);
            let word = Word::from_number(head.doing.load(Ordering::Relaxed));
            row.doing = word.text().map(Cow::Borrowed);
            row.waits_for = cycles::awaited_by(head.id);
        }
        if let Some(rare) = head.known_rare() {
            row.timing("handler", rare.handling.read());
            if let Some((recent, limit)) = rare.recent() {
                row.level("recent failures", recent as u64, (limit < u32::MAX).then_some(u64::from(limit)));
            }
            let circles = rare.circles.load(Ordering::Relaxed);
            if circles > 0 {
                row.count("asks in circles", circles);
                row.note = rare.circle().map(|circle| format!("an ask was refused: {circle}").into());
            }
        }
    }
}
