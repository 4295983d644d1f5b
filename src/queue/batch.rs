//! Several items in a consumer's hands.

use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::mem::needs_drop;
use std::sync::Arc;

use super::builder::OnDrop;
use super::delivery::Delivery;
use super::lanes::Taken;
use super::letter::Reason;
use super::mark::Mark;
use super::ring::Anchor;
use crate::error::drop_quietly;

/// Items received together; made by [`Consumer::recv_many`](super::Consumer::recv_many), never empty.
///
/// The calls are those of a [`Delivery`] and mean the same, for all items at once. [`into_deliveries`](Self::into_deliveries)
/// is for items that fare differently. Dropping the batch abandons it: all items are put back in their order.
#[must_use = "a batch that is dropped is put back and delivered again; call `done` or `into_items` to finish it"]
pub struct Batch<T> {
    items: VecDeque<T>,
    /// One for each item; empty if all are plain.
    marks: VecDeque<Mark>,
    ring: Arc<Anchor<T>>,
}

/// The items of a batch; made by [`Batch::into_items`].
///
/// All items count as done when it is dropped, also those that were not taken: these are dropped one by one, and a
/// destructor that panics spares the others, and the caller.
#[must_use = "dropping the iterator finishes and drops the items that are left"]
pub struct BatchItems<T> {
    items: VecDeque<T>,
    /// How many the batch held.
    count: usize,
    ring: Arc<Anchor<T>>,
}

/// The deliveries of a batch; made by [`Batch::into_deliveries`]. What is left when it is dropped is abandoned.
#[must_use = "dropping the iterator puts the items that are left back"]
pub struct Deliveries<T> {
    batch: Batch<T>,
}

impl<T> Batch<T> {
    pub(super) fn new(taken: Taken<T>, ring: Arc<Anchor<T>>) -> Self {
        Self { items: taken.items, marks: taken.marks, ring }
    }

    /// How many items the batch holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tells whether there is no item; a batch that was received has at least one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items in the order they were received.
    #[must_use]
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.items.iter()
    }

    /// Finishes all items. They are dropped first, as with [`Delivery::done`], and one by one: a destructor that panics
    /// spares the others, and the caller.
    #[doc(alias = "task_done")]
    pub fn done(self) {
        drop(self.into_items());
    }

    /// Finishes all items and gives them out by value. They count as done when the iterator is dropped.
    pub fn into_items(mut self) -> BatchItems<T> {
        let items = std::mem::take(&mut self.items);
        BatchItems { count: items.len(), items, ring: self.ring.clone() }
    }

    /// Puts all items back in their order, each to be delivered again as attempt + 1.
    #[doc(alias = "requeue")]
    pub fn nack(mut self) {
        self.put_back(Reason::Nacked);
    }

    /// Splits the batch, for items that fare differently.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (producer, consumer) = queue::bounded(8);
    /// for number in 1..=4 {
    ///     producer.send(number).await.expect("the queue is open");
    /// }
    /// for delivery in consumer.recv_many(8).await.expect("four are queued").into_deliveries() {
    ///     if *delivery % 2 == 0 { delivery.done() } else { delivery.nack() }
    /// }
    /// assert_eq!((consumer.stats().flow.done, consumer.len()), (2, 2));
    /// # }
    /// ```
    pub fn into_deliveries(self) -> Deliveries<T> {
        Deliveries { batch: self }
    }

    fn put_back(&mut self, reason: Reason) {
        self.ring.put_back_batch(std::mem::take(&mut self.items), std::mem::take(&mut self.marks), reason);
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        if self.items.capacity() == 0 {
            // The buffer went elsewhere: nothing is left to say.
            return;
        }
        match self.ring.on_drop() {
            OnDrop::Redeliver => self.put_back(Reason::Abandoned),
            OnDrop::Done => {
                let items = std::mem::take(&mut self.items);
                drop(BatchItems { count: items.len(), items, ring: self.ring.clone() });
            }
        }
    }
}

impl<'a, T> IntoIterator for &'a Batch<T> {
    type Item = &'a T;
    type IntoIter = std::collections::vec_deque::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Iterator for BatchItems<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}

impl<T> ExactSizeIterator for BatchItems<T> {}
impl<T> FusedIterator for BatchItems<T> {}

impl<T> Drop for BatchItems<T> {
    fn drop(&mut self) {
        // One by one: two destructors that panic in one drop would end the process.
        if needs_drop::<T>() {
            self.items.drain(..).for_each(drop_quietly);
        }
        self.items.clear();
        self.ring.finish_batch(self.count, std::mem::take(&mut self.items));
    }
}

impl<T> Iterator for Deliveries<T> {
    type Item = Delivery<T>;

    fn next(&mut self) -> Option<Delivery<T>> {
        let Batch { items, marks, ring } = &mut self.batch;
        let item = items.pop_front()?;
        Some(Delivery::new(item, marks.pop_front().unwrap_or(Mark::PLAIN), ring.clone()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.batch.len(), Some(self.batch.len()))
    }
}

impl<T> ExactSizeIterator for Deliveries<T> {}
impl<T> FusedIterator for Deliveries<T> {}

impl<T> std::fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("queue", &self.ring.name()).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for BatchItems<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.ring.name();
        f.debug_struct("BatchItems").field("queue", &name).field("len", &self.items.len()).finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for Deliveries<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Deliveries").field(&self.batch).finish()
    }
}
