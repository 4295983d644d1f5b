//! The receiving side of an actor's mailbox: a bounded channel that is emptied in batches.
//!
//! A batch is taken when several messages wait, and is never larger than the mailbox. It belongs to the logical actor:
//! a crash consumes the message in hand, the rest of the batch is the next incarnation's, in order. A big buffer is
//! given back when the actor is idle, so that a hundred thousand idle actors do not each keep one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc::Receiver;

use super::head::Books;
use super::here::Fate;
use super::reason::StopReason;
use super::shared::Shared;

/// At most so many messages are taken at once.
const BATCH_MAX: usize = 64;
/// From so many on a new buffer is worth it.
const BATCH_WORTH: usize = 32;
/// A buffer of so many bytes is kept by an idle actor.
const KEPT_BYTES: usize = 256;

pub(super) struct Inbox<M: Send + 'static> {
    pub(super) shared: Arc<Shared<M>>,
    rx: Receiver<M>,
    batch: VecDeque<M>,
}

impl<M: Send + 'static> Inbox<M> {
    pub(super) fn new(shared: Arc<Shared<M>>, rx: Receiver<M>) -> Self {
        Self { shared, rx, batch: VecDeque::new() }
    }

    /// The next message; `None` when it is closed and everything was taken.
    #[inline]
    pub(super) fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Option<M>> {
        if self.batch.is_empty() {
            return self.poll_refill(cx);
        }
        // A batch must not keep the thread for longer than single messages would.
        ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        Poll::Ready(self.batch.pop_front())
    }

    fn poll_refill(&mut self, cx: &mut Context<'_>) -> Poll<Option<M>> {
        let waiting = self.rx.len();
        let small = KEPT_BYTES / size_of::<M>().max(1);
        let limit = match waiting < BATCH_WORTH {
            true => self.batch.capacity().max(small).min(BATCH_MAX),
            false => BATCH_MAX,
        };
        if waiting < 2 || limit < 2 {
            let Poll::Ready(msg) = self.rx.poll_recv(cx) else {
                self.slim(small);
                return Poll::Pending;
            };
            if msg.is_some() {
                self.shared.books.take(1);
                self.shared.notes.take(&self.shared.head, 1);
            }
            return Poll::Ready(msg);
        }
        let mut batch = Vec::from(std::mem::take(&mut self.batch));
        batch.reserve_exact(limit);
        let polled = self.rx.poll_recv_many(cx, &mut batch, limit);
        self.batch = VecDeque::from(batch);
        let taken = ready!(polled);
        self.shared.books.take(taken as u64);
        self.shared.notes.take(&self.shared.head, taken);
        Poll::Ready(self.batch.pop_front())
    }

    /// Gives a big buffer back.
    fn slim(&mut self, kept: usize) {
        if self.batch.capacity() > kept {
            self.batch = VecDeque::new();
        }
    }

    /// Accepts nothing more; what was accepted can still be taken.
    pub(super) fn close(&mut self) {
        self.rx.close();
        self.shared.room.evict();
    }

    /// Tells whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.rx.is_empty()
    }

    /// Closes, and throws away what was not handled: to the hook, with the askers told. What others are in the middle
    /// of sending is waited for; they never sleep there.
    pub(super) fn discard(&mut self, reason: &StopReason) {
        self.close();
        loop {
            while let Some(msg) = self.batch.pop_front().or_else(|| self.next_left()) {
                Books::add(&self.shared.books.discarded, 1);
                self.shared.undeliver(Fate::Stopped(self.shared.clone(), reason.clone()), msg);
            }
            if self.shared.queued() == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// The message in hand is lost: what was taken and is not here any more, nor finished.
    pub(super) fn discard_in_hand(&self) {
        self.shared.notes.interrupt(&self.shared.head);
        let books = &self.shared.books;
        let [done, failed, discarded] =
            [&books.done, &books.failed, &books.discarded].map(|count| count.load(Ordering::Relaxed));
        // Where nothing is counted it is none.
        let in_hand = books.taken().saturating_sub(done + failed + discarded + self.batch.len() as u64);
        Books::add(&books.discarded, in_hand);
    }

    fn next_left(&mut self) -> Option<M> {
        let msg = self.rx.try_recv().ok()?;
        self.shared.books.take(1);
        Some(msg)
    }
}

impl<M: Send + 'static> Drop for Inbox<M> {
    fn drop(&mut self) {
        self.discard_in_hand();
        // Mostly empty by now; not so when the runtime goes away.
        let reason = self.shared.head.end().cloned().unwrap_or(StopReason::RuntimeGone);
        self.discard(&reason);
    }
}
