//! The owner of a tree.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::builder::SupervisorBuilder;
use super::engine::{Above, Engine};
use super::error::StartError;
use super::handle::SupervisorRef;
use crate::task::{ShutdownReport, TaskGroup};

/// Watches over children: starts them in order, starts them again when they fail, and stops them in reverse.
///
/// It owns the whole tree: dropping it aborts everything in it, and does not wait. Everything that a
/// [`SupervisorRef`] can do, it can do as well. See [the module](super) for the rules.
///
/// # Examples
/// ```
/// use regatta::supervise::{ChildSpec, Supervisor};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fragile = ChildSpec::new("fragile", |cx| async move {
///     if cx.incarnation() < 3 {
///         return Err("out of luck".into());
///     }
///     cx.cancelled().await;
///     Ok(())
/// });
/// let tree = Supervisor::builder().child(fragile).start("app").await?;
/// let mut events = tree.subscribe();
/// while tree.which_children()[0].incarnation < 3 {
///     println!("{}", events.recv().await?);
/// }
/// let report = tree.shutdown(Duration::from_secs(5)).await;
/// assert!(report.is_clean());
/// # Ok(()) }
/// ```
#[must_use = "dropping the supervisor aborts its children"]
#[doc(alias = "supervision tree")]
pub struct Supervisor {
    handle: SupervisorRef,
    group: TaskGroup,
}

impl Supervisor {
    /// Begins a supervisor.
    pub fn builder() -> SupervisorBuilder {
        SupervisorBuilder::new()
    }

    pub(super) async fn start(builder: SupervisorBuilder, name: Arc<str>) -> Result<Self, StartError> {
        let group = TaskGroup::unobserved(name.clone(), CancellationToken::new());
        let above = Above { spawner: group.spawner(), kin: None, place: None, events: None, shown: None };
        let engine = Engine::below(&builder, name.clone(), above, group.token());
        let handle = SupervisorRef { board: engine.board.clone() };
        let (starts, started) = oneshot::channel();
        let engine = async move {
            let started = engine.start(&builder.children).await;
            // What a spec has captured goes when its child is forgotten.
            drop(builder);
            match started {
                Ok(engine) => {
                    let _ = starts.send(Ok(()));
                    engine.run().await;
                }
                Err(error) => {
                    let _ = starts.send(Err(error));
                }
            }
        };
        // A new group is open, and owns the task.
        drop(group.spawn("supervisor", engine));
        match started.await {
            Ok(Ok(())) => Ok(Self { handle, group }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StartError::Stopped { supervisor: name }),
        }
    }

    /// A handle that reaches the supervisor without owning it.
    #[must_use]
    pub fn handle(&self) -> SupervisorRef {
        self.handle.clone()
    }

    /// Accepts no more children; those that are there are started again as before. At once, any number of times.
    pub fn close(&self) {
        self.handle.board.lock().is_closed = true;
    }

    /// Stops the children, the last first, each as its [`Shutdown`](super::Shutdown) says; aborts what is left at
    /// `deadline` from now; and reports the tasks of the whole tree, its own included.
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the supervisor stopping, but aborts nothing; it may be called again.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.group.shutdown(deadline).await
    }

    /// Aborts everything in the tree, each at its next await. Does not wait.
    pub fn abort(&self) {
        self.group.abort();
    }

    /// [Aborts](Self::abort), and waits until everything is gone.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again; the tree is aborted either way.
    pub async fn aborted(&self) -> ShutdownReport {
        self.group.aborted().await
    }
}

impl Deref for Supervisor {
    type Target = SupervisorRef;

    fn deref(&self) -> &SupervisorRef {
        &self.handle
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("handle", &self.handle).finish_non_exhaustive()
    }
}
