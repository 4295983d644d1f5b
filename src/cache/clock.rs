//! Time as the cache counts it: nanoseconds of tokio's clock since the cache was made.
//!
//! Nothing ticks: whoever wants to know whether something is over asks, and only where there is something that can be over.

use std::time::Duration;

use tokio::time::Instant;

/// A moment. Later than anything: [`NEVER`].
pub(super) type Moment = u64;

/// What has no end. No clock gets there: it is 584 years away.
pub(super) const NEVER: Moment = u64::MAX;

#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now() }
    }

    /// Also outside a runtime; one with a paused clock says its own time.
    pub(super) fn now(&self) -> Moment {
        // Another runtime's clock may be behind ours.
        nanos(Instant::now().saturating_duration_since(self.epoch))
    }
}

/// The moment that lies so much later; what is too far away never comes.
pub(super) fn after(moment: Moment, time: Duration) -> Moment {
    moment.saturating_add(nanos(time))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER)
}
