//! The core that all ends share: one lock around the [`State`], and a wait that is a loop around a try.
//!
//! Invariants:
//! 1. Whoever is called up by a change is woken after the lock is gone.
//! 2. Items and wakers leave the lock before they are dropped, and wakers are cloned without it: their code may call back
//!    into the queue.
//! 3. Each operation has one body in `state.rs`; the form that waits runs the same body, and takes a place in line under
//!    the same lock that told it to: when that is told it has no waker to wait with yet, it clones one and asks again.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use super::builder::{Limits, OnDrop};
use super::error::{SendError, TryRecvError};
use super::lanes::Taken;
use super::loom::{Mutex, MutexGuard};
use super::state::{Ending, Fate, Offer, Reason, State};
use super::stats::Stats;
use super::wait::{Line, Slot, Wakes};
use crate::error::{Closed, Full, drop_quietly, log_quietly};
use crate::observe::{Observe, Registration, Registry, Row};

pub(super) struct Ring<T> {
    state: Padded<Mutex<State<T>>>,
    limits: Limits,
    name: Arc<str>,
    /// ``queue `name` ``, for errors.
    place: Arc<str>,
    registration: OnceLock<Registration>,
}

/// Runs an attempt; when it gives nothing, waits in line until it is worth trying again. The attempt is written out twice,
/// so that the one that need not wait is compiled into its caller.
macro_rules! poll_line {
    ($ring:expr, $line:expr, $slot:expr, $cx:expr, $attempt:expr) => {{
        // An end that is always ready must still let its neighbours run.
        let budget = ready!(tokio::task::coop::poll_proceed($cx));
        let result = match $slot.is_waiting() {
            true => None,
            false => $ring.change($attempt),
        };
        let polled = match result {
            Some(result) => Poll::Ready(result),
            None => $ring.wait_in_line($line, $slot, $cx, $attempt),
        };
        if polled.is_ready() {
            budget.made_progress();
        }
        polled
    }};
}

/// Keeps what every operation writes off the cache lines of the reference counts and of the settings, which others only
/// read. Two lines of 64 bytes, because processors fetch them in pairs.
#[repr(align(128))]
struct Padded<V>(V);

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
    pub(super) fn new(limits: Limits, name: Option<Arc<str>>) -> Arc<Self>
    where
        T: Send + 'static,
    {
        let registry = Registry::current();
        let id = registry.reserve();
        let name = name.unwrap_or_else(|| format!("queue#{id}").into());
        let place = format!("queue `{name}`").into();
        let state = Padded(Mutex::new(State::new(limits)));
        let ring = Arc::new(Self { state, limits, name, place, registration: OnceLock::new() });
        let subject: Weak<Self> = Arc::downgrade(&ring);
        // The cell is ours alone so far, so it is empty.
        let _ = ring.registration.set(registry.enroll(id, "queue", &ring.name, None, subject));
        ring
    }

    pub(super) fn name(&self) -> &str {
        &self.name
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

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No foreign code runs under the lock, so the books are whole even if a panic passed by.
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes whom the change has called up.
    #[inline]
    fn change<R>(&self, change: impl FnOnce(&mut State<T>, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let result = change(&mut self.lock(), &mut wakes);
        wakes.wake();
        result
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&State<T>) -> R) -> R {
        look(&self.lock())
    }

    /// Takes a place in line, or keeps it, until the attempt gives something.
    #[cold]
    fn wait_in_line<R>(
        &self,
        line: Line,
        slot: &mut Slot,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut State<T>, &mut Wakes) -> Option<R>,
    ) -> Poll<R> {
        // Who has a place was most likely called up, and needs no waker any more.
        let mut waker = (!slot.is_waiting()).then(|| cx.waker().clone());
        loop {
            let can_wait = waker.is_some();
            let mut left = None;
            let result = self.change(|state, wakes| {
                let result = attempt(state, wakes);
                if result.is_some() {
                    left = state.leave(line, slot);
                } else if let Some(waker) = waker.take() {
                    left = state.wait(line, slot, waker);
                }
                result
            });
            drop_waker(left);
            match result {
                Some(result) => {
                    drop_waker(waker);
                    return Poll::Ready(result);
                }
                None if can_wait => return Poll::Pending,
                None => waker = Some(cx.waker().clone()),
            }
        }
    }

    /// Gives up a wait, if there is one.
    #[inline]
    pub(super) fn retire(&self, line: Line, slot: &mut Slot) {
        if slot.is_waiting() {
            self.give_up(line, slot);
        }
    }

    #[cold]
    fn give_up(&self, line: Line, slot: &mut Slot) {
        drop_waker(self.change(|state, wakes| state.retire(line, slot, wakes)));
    }

    // Sending.

    pub(super) fn try_send(&self, item: T, tag: usize) -> Result<(), SendError<T>> {
        let mut item = Some(item);
        let offer = self.change(|state, wakes| state.offer(&mut item, tag, wakes));
        self.answer(offer, &mut item)
    }

    #[inline]
    pub(super) fn poll_send(
        &self,
        slot: &mut Slot,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        tag: usize,
    ) -> Poll<Result<(), SendError<T>>> {
        let offer =
            ready!(poll_line!(self, Line::Senders, slot, cx, |state, wakes| match state.offer(item, tag, wakes) {
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

    // Receiving.

    pub(super) fn try_recv(&self) -> Result<(T, u32), TryRecvError> {
        self.change(|state, wakes| state.take(wakes))
    }

    #[inline]
    pub(super) fn poll_recv(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<Option<(T, u32)>> {
        poll_line!(self, Line::Receivers, slot, cx, |state, wakes| unless_empty(state.take(wakes)))
    }

    pub(super) fn poll_recv_many(&self, slot: &mut Slot, cx: &mut Context<'_>, max: usize) -> Poll<Option<Taken<T>>> {
        poll_line!(self, Line::Receivers, slot, cx, |state, wakes| unless_empty(state.take_many(max, wakes)))
    }

    // Finishing.

    #[inline]
    pub(super) fn finish(&self, ending: Ending) {
        self.change(|state, wakes| state.finish(1, ending, wakes));
    }

    /// Finishes a batch and keeps its emptied buffer.
    pub(super) fn finish_batch(&self, count: usize, buffer: VecDeque<T>) {
        let surplus = self.change(|state, wakes| {
            if count > 0 {
                state.finish(count, Ending::Done, wakes);
            }
            state.keep_spare(buffer)
        });
        drop(surplus);
    }

    pub(super) fn put_back(&self, item: T, attempt: u32, reason: Reason) {
        let fate = self.change(|state, wakes| state.put_back(item, attempt, reason, wakes));
        self.dispose(fate, attempt);
    }

    /// Puts back a batch in its order, and keeps its buffer.
    pub(super) fn put_back_batch(&self, mut items: VecDeque<T>, mut attempts: VecDeque<u32>, reason: Reason) {
        let mut lost = Vec::new();
        let surplus = self.change(|state, wakes| {
            while let Some(item) = items.pop_front() {
                let attempt = attempts.pop_front().unwrap_or(1);
                match state.put_back(item, attempt, reason, wakes) {
                    Fate::Redelivered => {}
                    fate => lost.push((fate, attempt)),
                }
            }
            state.keep_spare(items)
        });
        drop(surplus);
        for (fate, attempt) in lost {
            self.dispose(fate, attempt);
        }
    }

    fn dispose(&self, fate: Fate<T>, attempt: u32) {
        match fate {
            Fate::Redelivered => {}
            Fate::Displaced(victim) => drop_quietly(victim),
            Fate::GivenUp(item) => {
                drop_quietly(item);
                log_quietly(|| {
                    tracing::error!(target: "regatta::queue", queue = %self.name, attempt, "an item was given up after its last attempt");
                });
            }
            Fate::Discarded(item) => {
                drop_quietly(item);
                log_quietly(|| {
                    tracing::warn!(target: "regatta::queue", queue = %self.name, count = 1, "an item came back after the last consumer had left; it is discarded");
                });
            }
        }
    }

    // Ending.

    pub(super) fn close(&self) {
        let was_open = self.change(|state, wakes| state.close(wakes));
        self.closed(was_open);
    }

    pub(super) fn close_now(&self) -> Vec<T> {
        let (was_open, items) = self.change(|state, wakes| (state.close(wakes), state.discard(wakes)));
        self.closed(was_open);
        items
    }

    fn closed(&self, was_open: bool) {
        if was_open {
            log_quietly(|| tracing::debug!(target: "regatta::queue", queue = %self.name, "closed"));
        }
    }

    pub(super) fn poll_join(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<()> {
        poll_line!(self, Line::Joiners, slot, cx, |state, _| state.is_finished().then_some(()))
    }

    pub(super) fn poll_closed(&self, slot: &mut Slot, cx: &mut Context<'_>) -> Poll<()> {
        poll_line!(self, Line::Closers, slot, cx, |state, _| state.is_closed().then_some(()))
    }

    pub(super) fn add_producer(&self, tag: usize) {
        self.change(|state, _| state.producer_came(tag));
    }

    pub(super) fn remove_producer(&self) {
        let was_open = self.change(|state, wakes| state.producer_left() && state.close(wakes));
        self.closed(was_open);
    }

    pub(super) fn add_consumer(&self) {
        self.change(|state, _| state.consumer_came());
    }

    pub(super) fn remove_consumer(&self) {
        let (was_open, items) = self.change(|state, wakes| match state.consumer_left() {
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
        self.look(State::stats)
    }
}

/// Should it panic, an item that was just taken would be lost.
#[inline]
fn drop_waker(waker: Option<Waker>) {
    if let Some(waker) = waker {
        drop_quietly(waker);
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
        let (stats, is_closed) = self.look(|state| (state.stats(), state.is_closed()));
        row.state = if is_closed { "closed" } else { "open" };
        row.flow = stats.flow;
        row.gauge("queued", stats.queued, Some(stats.capacity));
        row.gauge("delivered", stats.delivered, None);
        row.gauge("high_water", stats.high_water, None);
    }
}
