//! The conservation law: nothing is lost in silence.

use std::fmt;
use std::ops::AddAssign;

/// What became of the items that a pattern took in.
///
/// At any moment `accepted = done + failed + dropped + discarded + in_flight`: each item is in exactly one place.
///
/// Where every part is counted by itself, as by queues and task groups, the sum checks the books. Pools and the stages
/// of pipelines derive one part from the others (mostly `in_flight`): there the sum holds by itself, and what can be
/// checked is that `in_flight` is what is known to be out, and 0 in the end.
///
/// # Examples
/// ```
/// use regatta::queue;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (producer, consumer) = queue::bounded(8);
/// producer.send(1).await?;
/// producer.send(2).await?;
/// consumer.recv().await.expect("an item is queued").done();
/// let flow = producer.stats().flow;
/// assert_eq!((flow.accepted, flow.done, flow.in_flight), (2, 1, 1));
/// assert!(flow.is_conserved());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Flow {
    /// Taken in, whatever became of it later.
    pub accepted: u64,
    /// Finished as it should.
    pub done: u64,
    /// Given up because user code failed: an error, a panic, too many attempts.
    pub failed: u64,
    /// Dropped because an [overflow policy](crate::policy::Overflow) said so.
    pub dropped: u64,
    /// Handed back or thrown away when the pattern was stopped before it could finish them.
    pub discarded: u64,
    /// Still inside: waiting or being worked on.
    pub in_flight: u64,
}

impl Flow {
    /// Tells whether the parts add up to what was accepted.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.accepted == self.done + self.failed + self.dropped + self.discarded + self.in_flight
    }
}

/// The sum of what several parts did: an item counts once for each part that it reached.
impl AddAssign for Flow {
    fn add_assign(&mut self, part: Self) {
        let Self { accepted, done, failed, dropped, discarded, in_flight } = part;
        self.accepted += accepted;
        self.done += done;
        self.failed += failed;
        self.dropped += dropped;
        self.discarded += discarded;
        self.in_flight += in_flight;
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, done, failed, dropped, discarded, in_flight } = self;
        write!(
            f,
            "{accepted} accepted = {done} done + {failed} failed + {dropped} dropped + {discarded} discarded + {in_flight} in flight"
        )
    }
}
