//! The numbers of a queue.

use crate::observe::Flow;
use crate::policy::Priority;

/// One consistent look at a queue: all numbers are of the same instant.
///
/// `flow.in_flight = queued + delivered`, and `flow` always adds up. Where dead letters go somewhere, each item that failed
/// has one: `flow.failed = letters_sent + letters_lost + letters_panicked`, and those that are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What became of the items taken in.
    pub flow: Flow,
    /// Waiting to be received.
    pub queued: usize,
    /// By [`Priority::lane`].
    pub(super) lanes: [usize; 3],
    /// Received and not finished yet.
    pub delivered: usize,
    /// How many may be queued.
    pub capacity: usize,
    /// How often an item was put back to be delivered again.
    pub redelivered: u64,
    /// How many deliveries were handed in with `nack`.
    pub nacked: u64,
    /// How many deliveries ended without a word: they were dropped, or their handler panicked. Where a drop means
    /// [done](super::OnDrop::Done), they are not among them.
    pub abandoned: u64,
    /// How many dead letters were sent: the queue for them took them, or the callback returned.
    pub letters_sent: u64,
    /// How many dead letters were lost with their item, because the queue for them was full or closed.
    pub letters_lost: u64,
    /// How many times the callback for dead letters panicked.
    pub letters_panicked: u64,
    /// The most that was ever queued.
    pub high_water: usize,
}

impl Stats {
    /// How many of those [`queued`](Self::queued) are of this priority.
    ///
    /// # Examples
    /// ```
    /// use regatta::policy::Priority;
    /// use regatta::queue;
    ///
    /// let (producer, consumer) = queue::bounded(8);
    /// producer.with_priority(Priority::Low).try_send("report").expect("there is room");
    /// let stats = consumer.stats();
    /// assert_eq!((stats.queued, stats.queued_in(Priority::Low), stats.queued_in(Priority::High)), (1, 1, 0));
    /// ```
    #[must_use]
    pub fn queued_in(&self, priority: Priority) -> usize {
        self.lanes[priority.lane()]
    }
}
