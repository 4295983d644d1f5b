//! A supervisor before it is started.

use std::fmt;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::error::StartError;
use super::event::Event;
use super::intensity::Intensity;
use super::policy::{AutoShutdown, Strategy};
use super::spec::ChildSpec;
use super::supervisor::Supervisor;
use crate::policy::Backoff;

/// The children of a supervisor and its rules; begun by [`Supervisor::builder`](super::Supervisor::builder).
///
/// | | ours | OTP |
/// |---|---|---|
/// | [`strategy`](Self::strategy) | `OneForOne` | the same |
/// | [`intensity`](Self::intensity) | 3 restarts within 5 s | 1 within 5 s: [`Intensity::OTP`] |
/// | [`auto_shutdown`](Self::auto_shutdown) | `Never` | the same |
/// | [`backoff`](Self::backoff) | none | there is none |
#[derive(Clone)]
#[must_use = "nothing is started before `start`"]
pub struct SupervisorBuilder {
    pub(super) strategy: Strategy,
    pub(super) intensity: Intensity,
    pub(super) auto_shutdown: AutoShutdown,
    pub(super) backoff: Option<Backoff>,
    pub(super) events: Option<broadcast::Sender<Event>>,
    pub(super) children: Vec<ChildSpec>,
}

impl SupervisorBuilder {
    pub(super) fn new() -> Self {
        Self {
            strategy: Strategy::default(),
            intensity: Intensity::default(),
            auto_shutdown: AutoShutdown::default(),
            backoff: None,
            events: None,
            children: Vec::new(),
        }
    }

    /// Sets whom a failure takes along. Default: nobody.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets how many restarts are made within a time, over all children. Default: 3 within 5 seconds.
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = intensity;
        self
    }

    /// Sets whether it ends with its significant children. Default: no.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// Sets the backoff of every child that has none of its own; see [`ChildSpec::backoff`]. Default: none.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Sends the events of the tree into a channel of the caller's, who then sees them from the first start on. A
    /// supervisor below sends into that of the one above, unless it is given its own.
    ///
    /// # Examples
    /// ```
    /// use regatta::supervise::{ChildSpec, Supervisor};
    /// use tokio::sync::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (events, mut seen) = broadcast::channel(64);
    /// let clock = ChildSpec::new("clock", |cx| async move { cx.cancelled().await; Ok(()) });
    /// let tree = Supervisor::builder().events(events).child(clock).start("app").await?;
    /// assert_eq!(seen.recv().await?.to_string(), "app/clock: started");
    /// # drop(tree);
    /// # Ok(()) }
    /// ```
    pub fn events(mut self, events: broadcast::Sender<Event>) -> Self {
        self.events = Some(events);
        self
    }

    /// Adds a child. They are started in the order in which they are added, and stopped in reverse.
    pub fn child(mut self, child: ChildSpec) -> Self {
        self.children.push(child);
        self
    }

    /// Starts the children, one after the other, and then watches over them.
    ///
    /// # Errors
    /// [`StartError`]; then whatever had been started is stopped again.
    ///
    /// # Cancel safety
    /// Dropped before its end, it aborts what it has started.
    ///
    /// # Panics
    /// Outside a tokio runtime. The supervisor needs a runtime with timers (`enable_time`) for starts that take time, for
    /// limits and for backoffs.
    pub async fn start(self, name: impl Into<Arc<str>>) -> Result<Supervisor, StartError> {
        Supervisor::start(self, name.into()).await
    }
}

impl fmt::Debug for SupervisorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("strategy", &self.strategy)
            .field("intensity", &self.intensity)
            .field("auto_shutdown", &self.auto_shutdown)
            .field("backoff", &self.backoff)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
