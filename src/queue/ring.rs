//! The core that all ends share: what they can do, each as one change of the [`State`] and what has to follow it without
//! the lock.
//!
//! Invariants:
//! 1. Each operation has one body in `state.rs`; the form that waits runs the same body.
//! 2. Items leave the lock before they are dropped: their code may call back into the queue.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};

use super::builder::{Limits, OnDrop};
use super::dead_letters::DeadLetters;
use super::error::{SendError, TryRecvError};
use super::lanes::Taken;
use super::letter::Reason;
use super::lock::{Lock, poll_line};
use super::mark::Mark;
use super::outcome::{Ending, Fate, Intake, Offer};
use super::state::State;
use super::stats::Stats;
use super::tally::Origin;
use super::wait::{Line, Slot};
use crate::error::{Closed, Full, drop_quietly, log_quietly};
use crate::observe::{Observe, Registration, Registry, Row};

pub(super) struct Ring<T> {
    pub(super) lock: Lock<T>,
    limits: Limits,
    /// Where dead letters go, if anywhere.
    pub(super) letters: Option<DeadLetters<T>>,
    name: Arc<str>,
    /// ``queue `name` ``, for errors.
    place: Arc<str>,
    registration: OnceLock<Registration>,
}

/// A reference to the ring that one consumer and its deliveries share. Each delivery counts itself here: on a cache line
/// of its own consumer, not on one that all of them write.
#[repr(align(128))]
pub(super) struct Anchor<T>(pub(super) Arc<Ring<T>>);

impl<T> std::ops::Deref for Anchor<T> {
    type Target = Arc<Ring<T>>;

    #[inline]
    fn deref(&self) -> &Arc<Ring<T>> {
        &self.0
    }
}

impl<T> Ring<T> {
    pub(super) fn new(limits: Limits, letters: Option<DeadLetters<T>>, name: Option<Arc<str>>) -> Arc<Self>
    where
        T: Send + 'static,
    {
        let registry = Registry::current();
        let id = registry.reserve();
        let name = name.unwrap_or_else(|| format!("queue#{id}").into());
        let place = format!("queue `{name}`").into();
        let lock = Lock::new(limits);
        let ring = Arc::new(Self { lock, limits, letters, name, place, registration: OnceLock::new() });
        let subject: Weak<Self> = Arc::downgrade(&ring);
        // The cell is ours alone so far, so it is empty.
        let _ = ring.registration.set(registry.enroll(id, "queue", &ring.name, None, subject));
        ring
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }

    pub(super) fn capacity(&self) -> usize {
        self.limits.capacity
    }

    #[inline]
    pub(super) fn on_drop(&self) -> OnDrop {
        self.limits.on_drop
    }

    // Sending.

    pub(super) fn try_send(&self, item: T, origin: &Origin) -> Result<(), SendError<T>> {
        let mut item = Some(item);
        let offer = self.lock.change(|state, wakes| state.offer(&mut item, origin, wakes));
        self.answer(offer, &mut item)
    }

    #[inline]
    pub(super) fn poll_send(
        &self,
        slot: &mut Slot,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        origin: &Origin,
    ) -> Poll<Result<(), SendError<T>>> {
        let offer = ready!(poll_line!(self.lock, Line::Senders, slot, cx, |state, wakes| match state
            .offer(item, origin, wakes)
        {
            Offer::Full if state.has_waiting_senders() => None,
            offer => Some(offer),
        }));
        Poll::Ready(self.answer(offer, item))
    }

    fn answer(&self, offer: Offer<T>, item: &mut Option<T>) -> Result<(), SendError<T>> {
        let refused = |item: &mut Option<T>| match item.take() {
            Some(item) => item,
            None => unreachable!("an item that was refused is still in its place"),
        };
        match offer {
            Offer::Accepted => Ok(()),
            Offer::Displaced(victim) => {
                // Whoever sends has nothing to do with the destructor of another's item.
                drop_quietly(victim);
                Ok(())
            }
            Offer::Full => Err(SendError::full(refused(item), Full::new(self.place.clone(), self.capacity()))),
            Offer::Closed => Err(SendError::closed(refused(item), Closed::new(self.place.clone()))),
        }
    }

    pub(super) fn try_send_many(&self, items: VecDeque<T>, origin: &Origin) -> Result<(), SendError<Vec<T>>> {
        let (mut items, mut dropped) = (items, Vec::new());
        let intake = self.lock.change(|state, wakes| state.offer_many(&mut items, origin, &mut dropped, wakes));
        dropped.into_iter().for_each(drop_quietly);
        self.answer_many(&intake, &mut Some(items))
    }

    pub(super) fn poll_send_many(
        &self,
        slot: &mut Slot,
        cx: &mut Context<'_>,
        items: &mut Option<VecDeque<T>>,
        origin: &Origin,
    ) -> Poll<Result<(), SendError<Vec<T>>>> {
        let mut dropped = Vec::new();
        let left = items.get_or_insert_default();
        let polled = poll_line!(self.lock, Line::Senders, slot, cx, |state, wakes| match state.offer_many(
            left,
            origin,
            &mut dropped,
            wakes
        ) {
            Intake::Full if state.has_waiting_senders() => None,
            intake => Some(intake),
        });
        dropped.into_iter().for_each(drop_quietly);
        polled.map(|intake| self.answer_many(&intake, items))
    }

    fn answer_many(&self, intake: &Intake, items: &mut Option<VecDeque<T>>) -> Result<(), SendError<Vec<T>>> {
        let items = items.take().unwrap_or_default().into();
        match intake {
            Intake::Accepted => Ok(()),
            Intake::Full => Err(SendError::full(items, Full::new(self.place.clone(), self.capacity()))),
            Intake::Closed => Err(SendError::closed(items, Closed::new(self.place.clone()))),
        }
    }

    // Receiving.

    pub(super) fn try_recv(&self) -> Result<(T, Mark), TryRecvError> {
        self.lock.change(|state, wakes| state.take(wakes))
    }

    #[inline]
    pub(super) fn poll_recv(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<Option<(T, Mark)>> {
        poll_line!(self.lock, Line::Receivers, slot, cx, |state, wakes| unless_empty(state.take(wakes)))
    }

    pub(super) fn poll_recv_many(&self, slot: &mut Slot, cx: &mut Context<'_>, max: usize) -> Poll<Option<Taken<T>>> {
        poll_line!(self.lock, Line::Receivers, slot, cx, |state, wakes| unless_empty(state.take_many(max, wakes)))
    }

    // Finishing.

    #[inline]
    pub(super) fn finish(&self, ending: Ending) {
        self.lock.change(|state, wakes| state.finish(1, ending, wakes));
    }

    /// Finishes an item whose delivery ended without a word.
    pub(super) fn abandon(&self, ending: Ending) {
        self.lock.change(|state, wakes| state.abandon(ending, wakes));
    }

    /// Finishes a batch and keeps its emptied buffer.
    pub(super) fn finish_batch(&self, count: usize, buffer: VecDeque<T>) {
        let surplus = self.lock.change(|state, wakes| {
            if count > 0 {
                state.finish(count, Ending::Done, wakes);
            }
            state.keep_spare(buffer)
        });
        drop(surplus);
    }

    pub(super) fn put_back(&self, item: T, mark: Mark, reason: Reason) {
        let fate = self.lock.change(|state, wakes| state.put_back(item, mark, reason, wakes));
        self.dispose(fate, mark, reason);
    }

    /// Puts back a batch in its order, and keeps its buffer.
    pub(super) fn put_back_batch(&self, mut items: VecDeque<T>, mut marks: VecDeque<Mark>, reason: Reason) {
        let mut lost = Vec::new();
        let surplus = self.lock.change(|state, wakes| {
            while let Some(item) = items.pop_front() {
                let mark = marks.pop_front().unwrap_or(Mark::PLAIN);
                match state.put_back(item, mark, reason, wakes) {
                    Fate::Redelivered => {}
                    fate => lost.push((fate, mark)),
                }
            }
            state.keep_spare(items)
        });
        drop(surplus);
        for (fate, mark) in lost {
            self.dispose(fate, mark, reason);
        }
    }

    // Ending.

    pub(super) fn close(&self) {
        let was_open = self.lock.change(|state, wakes| state.close(wakes));
        self.closed(was_open);
    }

    pub(super) fn close_now(&self) -> Vec<T> {
        let (was_open, items) = self.lock.change(|state, wakes| (state.close(wakes), state.discard(wakes)));
        self.closed(was_open);
        items
    }

    fn closed(&self, was_open: bool) {
        if was_open {
            log_quietly(|| tracing::debug!(target: "regatta::queue", queue = %self.name, "closed"));
        }
    }

    pub(super) fn poll_join(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<()> {
        poll_line!(self.lock, Line::Joiners, slot, cx, |state, _| state.is_finished().then_some(()))
    }

    pub(super) fn poll_closed(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<()> {
        poll_line!(self.lock, Line::Closers, slot, cx, |state, _| state.is_closed().then_some(()))
    }

    pub(super) fn add_producer(&self, tag: usize) {
        self.lock.change(|state, _| state.producer_came(tag));
    }

    pub(super) fn remove_producer(&self) {
        let was_open = self.lock.change(|state, wakes| state.producer_left() && state.close(wakes));
        self.closed(was_open);
    }

    pub(super) fn add_consumer(&self) {
        self.lock.change(|state, _| state.consumer_came());
    }

    pub(super) fn remove_consumer(&self) {
        let (was_open, items) = self.lock.change(|state, wakes| match state.consumer_left() {
            true => (state.close(wakes), state.discard(wakes)),
            false => (false, Vec::new()),
        });
        self.closed(was_open);
        let count = items.len();
        // One by one: two destructors that panic in one drop would end the process.
        items.into_iter().for_each(drop_quietly);
        if count > 0 {
            log_quietly(|| {
                tracing::warn!(target: "regatta::queue", queue = %self.name, count, "the last consumer left; what was queued is discarded");
            });
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock.look(State::stats)
    }
}

/// Nothing while it is worth waiting, else an item or the end.
fn unless_empty<R>(taken: Result<R, TryRecvError>) -> Option<Option<R>> {
    match taken {
        Ok(taken) => Some(Some(taken)),
        Err(TryRecvError::Closed) => Some(None),
        Err(TryRecvError::Empty) => None,
    }
}

impl<T: Send> Observe for Ring<T> {
    fn fill(&self, row: &mut Row) {
        let (stats, is_closed) = self.lock.look(|state| (state.stats(), state.is_closed()));
        row.set_state(if is_closed { "closed" } else { "open" });
        row.flow = stats.flow;
        row.gauge("queued", stats.queued, Some(stats.capacity));
        row.gauge("delivered", stats.delivered, None);
        row.gauge("high water", stats.high_water, None);
        let lost = stats.letters_lost + stats.letters_panicked;
        if lost > 0 {
            row.count("letters lost", lost);
        }
    }
}
