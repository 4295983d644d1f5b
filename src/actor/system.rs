//! Actors by name, under one root.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::system_ref::SystemRef;
use crate::supervise::{Intensity, Supervisor};
use crate::task::ShutdownReport;

/// Owns actors that are known by name, and stops them in the reverse order of their start.
///
/// A name belongs to one actor at a time, and is free again when that one has ended. The system keeps its actors alive:
/// they end by one of their verbs, by failing, or with the system. Dropping the system aborts them.
///
/// Everything that a [`SystemRef`] can do, it can do as well; give that one to actors, which would keep the system alive
/// otherwise. What is not handled is a [dead letter](SystemRef::dead_letters). For actors that are handed around, not looked up, spawn
/// them alone; for trees with rules of their own, see [`Builder::child`](super::Builder::child).
///
/// # Examples
/// ```
/// use regatta::actor::{self, ActorSystem, Reply};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = ActorSystem::new("shop").await;
/// let count = |count: &mut u64, reply: Reply<u64>| {
///     *count += 1;
///     let _ = reply.send(*count);
/// };
/// let counter = system.create("counter", actor::from_fn(0, count)).await?;
/// assert_eq!(counter.ask(|reply| reply).await?, 1);
///
/// let error = system.create("counter", actor::from_fn(0, count)).await.unwrap_err();
/// assert!(error.to_string().starts_with("the name `counter` is taken in `shop`"));
///
/// let report = system.shutdown(Duration::from_secs(5)).await;
/// assert!(report.is_clean());
/// # Ok(()) }
/// ```
#[must_use = "dropping the system aborts its actors"]
pub struct ActorSystem {
    tree: Supervisor,
    handle: SystemRef,
}

impl ActorSystem {
    /// Starts a system without actors.
    ///
    /// # Cancel safety
    /// Nothing is left behind.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn new(name: impl Into<Arc<str>>) -> Self {
        // Each actor has a limit of its own: that of the root is never met.
        let tree = Supervisor::builder().intensity(Intensity::unlimited()).start(name).await;
        let Ok(tree) = tree else { unreachable!("without children there is nothing to fail") };
        let handle = SystemRef::new(tree.handle());
        Self { tree, handle }
    }

    /// A handle that reaches the system without owning it: for actors that look others up, or make them.
    #[must_use]
    pub fn handle(&self) -> SystemRef {
        self.handle.clone()
    }

    /// The root of the system's tree, to look at it or to subscribe to what happens in it.
    pub fn supervisor(&self) -> &Supervisor {
        &self.tree
    }

    /// Accepts no more actors; those that are there go on. At once, any number of times.
    pub fn close(&self) {
        self.tree.close();
    }

    /// Stops the actors, the last first: each handles the message in hand, what waits is a dead letter. At `deadline` from
    /// now the rest is aborted.
    ///
    /// # Cancel safety
    /// As [`Supervisor::shutdown`].
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.tree.shutdown(deadline).await
    }

    /// Aborts everything, each at its next await. Does not wait.
    pub fn abort(&self) {
        self.tree.abort();
    }

    /// [Aborts](Self::abort), and waits until everything is gone.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again; the actors are aborted either way.
    pub async fn aborted(&self) -> ShutdownReport {
        self.tree.aborted().await
    }
}

impl Deref for ActorSystem {
    type Target = SystemRef;

    fn deref(&self) -> &SystemRef {
        &self.handle
    }
}

impl fmt::Debug for ActorSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorSystem").field("handle", &self.handle).finish_non_exhaustive()
    }
}
