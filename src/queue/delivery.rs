//! One item in a consumer's hands.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::builder::OnDrop;
use super::letter::Reason;
use super::mark::Mark;
use super::outcome::Ending;
use super::ring::Anchor;
use crate::policy::Priority;

/// One received item and the duty to say what became of it.
///
/// | call | the item | counted as |
/// |---|---|---|
/// | [`done`](Self::done) | dropped | `done` |
/// | [`into_inner`](Self::into_inner) | yours | `done` |
/// | [`nack`](Self::nack) | put back, `attempt + 1` | `nacked` |
/// | a bare drop, also by a panic or a dropped future | put back, `attempt + 1` (or [done](OnDrop::Done)) | `abandoned` |
///
/// None of them waits, none fails. Past the [limit of attempts](super::Builder::attempts) an item that is put back is
/// given up, and becomes a [dead letter](super::Builder::dead_letters); without any consumer left it is discarded.
///
/// It keeps the queue's memory alive, not the queue: it counts as no consumer.
///
/// # Examples
/// ```
/// use regatta::queue;
///
/// let (producer, consumer) = queue::Builder::new(8).attempts(2).build();
/// producer.try_send("poison").expect("there is room");
/// drop(consumer.try_recv().expect("first attempt"));
/// drop(consumer.try_recv().expect("second attempt"));
/// assert!(consumer.try_recv().is_err()); // there is no third
/// assert_eq!(consumer.stats().flow.failed, 1);
/// ```
#[must_use = "a delivery that is dropped is put back and delivered again; call `done` to finish it"]
#[doc(alias = "ack")]
#[doc(alias = "guard")]
pub struct Delivery<T> {
    /// Present until the delivery is finished or put back: what is dropped without it is done.
    item: Option<T>,
    /// [`Mark::SETTLED`] once nothing is left to say.
    mark: Mark,
    ring: Arc<Anchor<T>>,
}

/// The duty alone, for work that consumes the item. Dropped without a word the delivery is abandoned, and the item, which
/// is gone, discarded.
pub(super) struct Receipt<T> {
    ring: Arc<Anchor<T>>,
    ending: Ending,
    is_abandoned: bool,
}

impl<T> Delivery<T> {
    #[inline]
    pub(super) fn new(item: T, mark: Mark, ring: Arc<Anchor<T>>) -> Self {
        Self { item: Some(item), mark, ring }
    }

    /// Which delivery of this item it is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.mark.attempt()
    }

    /// The priority it was sent with, which it keeps when it is put back.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.mark.priority()
    }

    /// Finishes the item. It is dropped first: when [`join`](super::Consumer::join) resolves, its destructor has run.
    #[doc(alias = "task_done")]
    #[doc(alias = "ack")]
    #[doc(alias = "complete")]
    #[inline]
    pub fn done(mut self) {
        // Should the destructor panic, the delivery is still dropped, and the item counted.
        drop(self.item.take());
    }

    /// Finishes the item and takes it.
    #[must_use = "`done` finishes an item that is not needed"]
    pub fn into_inner(mut self) -> T {
        match self.item.take() {
            Some(item) => item,
            None => unreachable!("a delivery holds its item while it lives"),
        }
    }

    /// Puts the item back, to be delivered again as attempt + 1 and with the priority it has.
    #[doc(alias = "requeue")]
    #[doc(alias = "reject")]
    pub fn nack(mut self) {
        self.put_back(Reason::Nacked);
    }

    #[cold]
    fn put_back(&mut self, reason: Reason) {
        if let Some(item) = self.item.take() {
            let mark = std::mem::replace(&mut self.mark, Mark::SETTLED);
            self.ring.put_back(item, mark, reason);
        }
    }

    /// Takes the item for work that consumes it; it is in flight until the receipt says how that ended.
    pub(super) fn split(mut self) -> (T, Receipt<T>) {
        self.mark = Mark::SETTLED;
        match self.item.take() {
            Some(item) => (item, Receipt { ring: self.ring.clone(), ending: Ending::Discarded, is_abandoned: true }),
            None => unreachable!("a delivery holds its item while it lives"),
        }
    }
}

impl<T> Receipt<T> {
    pub(super) fn end(mut self, ending: Ending) {
        (self.ending, self.is_abandoned) = (ending, false);
    }

    /// The work broke off, and the item with it.
    pub(super) fn abandon(mut self) {
        self.ending = Ending::Failed;
    }
}

impl<T> Drop for Delivery<T> {
    #[inline]
    fn drop(&mut self) {
        if self.item.is_none() {
            if self.mark != Mark::SETTLED {
                self.ring.finish(Ending::Done);
            }
        } else {
            match self.ring.on_drop() {
                OnDrop::Redeliver => self.put_back(Reason::Abandoned),
                OnDrop::Done => {
                    self.mark = Mark::SETTLED;
                    let receipt = Receipt { ring: self.ring.clone(), ending: Ending::Done, is_abandoned: false };
                    drop(self.item.take());
                    drop(receipt);
                }
            }
        }
    }
}

impl<T> Drop for Receipt<T> {
    fn drop(&mut self) {
        match self.is_abandoned {
            true => self.ring.abandon(self.ending),
            false => self.ring.finish(self.ending),
        }
    }
}

impl<T> Deref for Delivery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.item {
            Some(item) => item,
            None => unreachable!("a delivery holds its item while it lives"),
        }
    }
}

impl<T> DerefMut for Delivery<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.item {
            Some(item) => item,
            None => unreachable!("a delivery holds its item while it lives"),
        }
    }
}

impl<T> std::fmt::Debug for Delivery<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queue = self.ring.name();
        f.debug_struct("Delivery").field("queue", &queue).field("attempt", &self.mark.attempt()).finish_non_exhaustive()
    }
}
