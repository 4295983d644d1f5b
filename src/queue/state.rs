//! The books of a queue: every change of its items, counters and waiters, made under its lock.
//!
//! Invariants, true whenever the lock is free:
//! 1. `accepted = done + failed + dropped + discarded + queued + delivered`.
//! 2. A send never raises `queued` above the capacity. Only items put back do, at most by as many as were delivered; what
//!    is above is owed: see [`Room`]. `DropOldest` owes nothing: it drops the oldest when one is put back above the
//!    capacity.
//! 3. Of the receivers that wait while items are queued, at least as many have been called up and have not answered as
//!    there are items; so it is with senders and room. Each item that comes calls one, each place that becomes free
//!    calls one, and whoever leaves after a call without having used it calls the next.
//! 4. Nobody waits for what has happened: no sender or closer once closed, no joiner while all is finished, no receiver
//!    after the end.
//! 5. An item that was given up has failed when its dead letter is on its way, and as long as one is, nothing is finished.
//! 6. No foreign code runs here: items leave through return values, wakers to be woken through [`Wakes`], and no waker is
//!    cloned or dropped; they come in by value, and go out again.

use std::collections::VecDeque;
use std::task::Waker;

use super::builder::Limits;
use super::dead_letters::Post;
use super::error::TryRecvError;
use super::lanes::{Lanes, Taken};
use super::letter::Reason;
use super::mark::Mark;
use super::outcome::{Ending, Fate, Intake, Offer};
use super::room::Room;
use super::stats::Stats;
use super::tally::{Levels, Origin, Tally};
use super::wait::{Line, Lines, Slot, Wakes};
use crate::policy::Overflow;

pub(super) struct State<T> {
    lanes: Lanes<T>,
    delivered: usize,
    room: Room,
    /// Dead letters on their way: their items have failed, and they are neither sent nor lost yet.
    letters: usize,
    is_closed: bool,
    producers: usize,
    consumers: usize,
    lines: Lines,
    limits: Limits,
    tally: Tally,
}

impl<T> State<T> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            lanes: Lanes::new(),
            delivered: 0,
            room: Room::new(limits.capacity),
            letters: 0,
            is_closed: false,
            producers: 1,
            consumers: 1,
            lines: Lines::new(),
            limits,
            tally: Tally::default(),
        }
    }

    #[inline]
    pub(super) fn queued(&self) -> usize {
        self.lanes.len()
    }

    /// How many may be sent.
    fn room(&self) -> usize {
        self.room.left(self.queued())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Everything accepted is finished, and its dead letters are where they go.
    #[inline]
    pub(super) fn is_finished(&self) -> bool {
        self.delivered == 0 && self.queued() == 0 && self.letters == 0
    }

    /// Nothing will ever be received again.
    fn is_over(&self) -> bool {
        self.is_closed && self.is_finished()
    }

    // Items go in.

    /// Takes the item out of its place if it is accepted.
    #[inline]
    pub(super) fn offer(&mut self, item: &mut Option<T>, origin: &Origin, wakes: &mut Wakes) -> Offer<T> {
        if self.is_closed {
            return Offer::Closed;
        }
        let mut offer = Offer::Accepted;
        if self.room.is_full(self.queued()) {
            match self.limits.overflow {
                Overflow::Wait | Overflow::Reject => return Offer::Full,
                Overflow::DropNewest => {
                    self.tally.accept(origin.tag, 1);
                    self.tally.drop_by_policy();
                    return item.take().map_or(Offer::Accepted, Offer::Displaced);
                }
                Overflow::DropOldest => {
                    if let Some(oldest) = self.lanes.pop_oldest() {
                        self.tally.drop_by_policy();
                        offer = Offer::Displaced(oldest);
                    }
                }
            }
        }
        if let Some(item) = item.take() {
            self.tally.accept(origin.tag, 1);
            self.lanes.push(item, origin.priority);
            self.item_came(wakes);
        }
        offer
    }

    /// Takes items off the front as long as they are accepted; what is dropped by policy is added to `dropped`.
    pub(super) fn offer_many(
        &mut self,
        items: &mut VecDeque<T>,
        origin: &Origin,
        dropped: &mut Vec<T>,
        wakes: &mut Wakes,
    ) -> Intake {
        if !self.is_closed {
            let fitting = self.room().min(items.len());
            self.tally.accept(origin.tag, fitting);
            self.lanes.append(items, fitting, origin.priority);
            self.items_came(fitting, wakes);
        }
        while let Some(item) = items.pop_front() {
            let mut item = Some(item);
            let refused = match self.offer(&mut item, origin, wakes) {
                Offer::Accepted => continue,
                Offer::Displaced(victim) => {
                    dropped.push(victim);
                    continue;
                }
                Offer::Full => Intake::Full,
                Offer::Closed => Intake::Closed,
            };
            item.into_iter().for_each(|item| items.push_front(item));
            return refused;
        }
        Intake::Accepted
    }

    /// Whether an offer that finds no room waits for it.
    pub(super) fn has_waiting_senders(&self) -> bool {
        self.limits.overflow == Overflow::Wait
    }

    #[inline]
    fn item_came(&mut self, wakes: &mut Wakes) {
        self.tally.queue(self.queued());
        self.lines.call_one(Line::Receivers, wakes);
    }

    fn items_came(&mut self, count: usize, wakes: &mut Wakes) {
        self.tally.queue(self.queued());
        for _ in 0..count {
            if !self.lines.call_one(Line::Receivers, wakes) {
                break;
            }
        }
    }

    // Items go out.

    #[inline]
    pub(super) fn take(&mut self, wakes: &mut Wakes) -> Result<(T, Mark), TryRecvError> {
        let Some(taken) = self.lanes.pop() else { return Err(self.why_empty()) };
        self.delivered += 1;
        self.room_came(1, wakes);
        Ok(taken)
    }

    pub(super) fn take_many(&mut self, max: usize, wakes: &mut Wakes) -> Result<Taken<T>, TryRecvError> {
        if self.queued() == 0 {
            return Err(self.why_empty());
        }
        let taken = self.lanes.take(max);
        self.delivered += taken.items.len();
        self.room_came(taken.items.len(), wakes);
        Ok(taken)
    }

    fn why_empty(&self) -> TryRecvError {
        if self.is_over() { TryRecvError::Closed } else { TryRecvError::Empty }
    }

    #[inline]
    fn room_came(&mut self, places: usize, wakes: &mut Wakes) {
        if self.lines.is_empty(Line::Senders) {
            return;
        }
        for _ in 0..places.min(self.room()) {
            if !self.lines.call_one(Line::Senders, wakes) {
                break;
            }
        }
    }

    // Deliveries end.

    #[inline]
    pub(super) fn finish(&mut self, count: usize, ending: Ending, wakes: &mut Wakes) {
        self.delivered -= count;
        self.tally.end(count, ending);
        self.items_left(count, wakes);
    }

    /// Ends a delivery that can't be put back, because its item is gone.
    pub(super) fn abandon(&mut self, ending: Ending, wakes: &mut Wakes) {
        self.tally.hand_in(Reason::Abandoned);
        self.finish(1, ending, wakes);
    }

    pub(super) fn put_back(&mut self, item: T, mark: Mark, reason: Reason, wakes: &mut Wakes) -> Fate<T> {
        self.delivered -= 1;
        self.tally.hand_in(reason);
        if self.limits.attempts.is_some_and(|attempts| mark.attempt() >= attempts) {
            self.tally.end(1, Ending::Failed);
            self.letters += usize::from(self.limits.has_letters);
            self.items_left(1, wakes);
            return Fate::GivenUp(item);
        }
        if self.consumers == 0 {
            self.tally.end(1, Ending::Discarded);
            self.items_left(1, wakes);
            return Fate::Discarded(item);
        }
        self.tally.redeliver();
        self.lanes.put_back(item, mark.again());
        let mut fate = Fate::Redelivered;
        if self.limits.overflow == Overflow::DropOldest
            && self.room.surplus(self.queued()) > 0
            && let Some(oldest) = self.lanes.pop_oldest()
        {
            self.tally.drop_by_policy();
            fate = Fate::Displaced(oldest);
        }
        self.room.owe(self.queued());
        self.item_came(wakes);
        fate
    }

    /// A dead letter has arrived, or never will.
    pub(super) fn letter_posted(&mut self, post: &Post, wakes: &mut Wakes) {
        self.letters -= 1;
        self.tally.post(post);
        self.call_if_finished(wakes);
    }

    pub(super) fn keep_spare(&mut self, spare: VecDeque<T>) -> Option<VecDeque<T>> {
        self.lanes.keep_spare(spare)
    }

    /// Items are finished or gone: that makes room if some was owed, and whoever waits for the last is called.
    #[inline]
    fn items_left(&mut self, count: usize, wakes: &mut Wakes) {
        if self.room.is_owed() {
            self.repay(count, wakes);
        }
        self.call_if_finished(wakes);
    }

    #[inline]
    fn call_if_finished(&mut self, wakes: &mut Wakes) {
        if self.is_finished() {
            self.lines.call_all(Line::Joiners, wakes);
            if self.is_closed {
                self.lines.call_all(Line::Receivers, wakes);
            }
        }
    }

    #[cold]
    fn repay(&mut self, count: usize, wakes: &mut Wakes) {
        let places = self.room.repay(count, self.queued());
        self.room_came(places, wakes);
    }

    // The queue ends.

    /// Tells whether it was open.
    pub(super) fn close(&mut self, wakes: &mut Wakes) -> bool {
        if std::mem::replace(&mut self.is_closed, true) {
            return false;
        }
        self.lines.call_all(Line::Senders, wakes);
        self.lines.call_all(Line::Closers, wakes);
        if self.is_finished() {
            self.lines.call_all(Line::Receivers, wakes);
        }
        true
    }

    /// Takes out what is queued, in the order of the lanes. The queue must be closed already.
    pub(super) fn discard(&mut self, wakes: &mut Wakes) -> Vec<T> {
        let items = self.lanes.drain();
        self.tally.end(items.len(), Ending::Discarded);
        self.items_left(items.len(), wakes);
        items
    }

    pub(super) fn producer_came(&mut self, tag: usize) {
        self.producers += 1;
        self.tally.expect(tag);
    }

    /// Tells whether it was the last.
    pub(super) fn producer_left(&mut self) -> bool {
        self.producers -= 1;
        self.producers == 0
    }

    pub(super) fn consumer_came(&mut self) {
        self.consumers += 1;
    }

    /// Tells whether it was the last.
    pub(super) fn consumer_left(&mut self) -> bool {
        self.consumers -= 1;
        self.consumers == 0
    }

    // Waiting.

    /// Gives the waker that was there before, to be dropped without the lock; so do the ends of a wait.
    pub(super) fn wait(&mut self, line: Line, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        self.lines.wait(line, slot, waker)
    }

    /// Ends a wait that got what it waited for, or no longer needs it.
    #[inline]
    pub(super) fn leave(&mut self, line: Line, slot: &mut Slot) -> Option<Waker> {
        self.lines.leave(line, slot).and_then(|(_, waker)| waker)
    }

    /// Ends a wait that got nothing; a call it did not answer goes to the next in line.
    pub(super) fn retire(&mut self, line: Line, slot: &mut Slot, wakes: &mut Wakes) -> Option<Waker> {
        let (was_notified, waker) = self.lines.leave(line, slot)?;
        if !was_notified {
            return waker;
        }
        let is_wanted = match line {
            Line::Senders => self.room() > 0,
            Line::Receivers => self.queued() > 0,
            // These are only ever called all at once.
            Line::Joiners | Line::Closers => false,
        };
        if is_wanted {
            self.lines.call_one(line, wakes);
        }
        waker
    }

    // Looking.

    pub(super) fn accepted_by(&self) -> Vec<u64> {
        self.tally.accepted_by()
    }

    pub(super) fn stats(&self) -> Stats {
        let (queued, delivered, capacity) = (self.queued(), self.delivered, self.room.capacity());
        self.tally.stats(&Levels { queued, lanes: self.lanes.lens(), delivered, capacity })
    }
}
