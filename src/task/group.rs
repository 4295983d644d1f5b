//! The owner of tasks.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::blocking::{Discard, Lease, Slot};
use super::error::SpawnError;
use super::handle::TaskHandle;
use super::ledger::{Ledger, Stop};
use super::report::ShutdownReport;
use super::tracked::{Guard, Tracked};
use super::within;
use crate::error::{Closed, drop_quietly};
use crate::observe::{Observe, Registry};

/// How long a shutdown waits, after it has aborted, for tasks that are in the middle of a poll.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// Owns tasks: can stop each of them, waits for them, and learns of their panics.
///
/// Dropping the group aborts its tasks; it does not wait for them. See [the module](super) for the verbs and for what
/// to use instead.
///
/// # Examples
/// ```
/// use regatta::task::TaskGroup;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let group = TaskGroup::new("sums");
/// let sum = group.spawn("small", async { 1 + 1 })?;
/// assert_eq!(sum.await?, 2);
///
/// group.close();
/// assert!(group.spawn("late", async {}).is_err());
/// # Ok(()) }
/// ```
#[must_use = "dropping the group aborts its tasks"]
pub struct TaskGroup {
    ledger: Arc<Ledger>,
}

/// Spawns into a [`TaskGroup`] without owning it: for tasks that start others.
///
/// A task that held the group itself would keep it from ever being dropped.
#[derive(Clone)]
pub struct Spawner {
    name: Arc<str>,
    ledger: Weak<Ledger>,
}

impl TaskGroup {
    /// Creates a group; its tasks are called `name/task` in errors, traces and snapshots.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self::with_token(name, &CancellationToken::new())
    }

    /// Creates a group whose tasks are asked to stop by a token of the caller's, too, for example one of the process.
    ///
    /// Cancelling that token only asks: it neither closes the group nor aborts anything. The group's own
    /// [`token`](Self::token) is a child of it, so a group that stops asks nobody else to.
    pub fn with_token(name: impl Into<Arc<str>>, token: &CancellationToken) -> Self {
        let group = Self::unobserved(name, token.child_token());
        let registry = Registry::current();
        let subject: Weak<Ledger> = Arc::downgrade(&group.ledger);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(registry.reserve(), "tasks", &group.ledger.name, None, subject);
        // The cell is ours alone so far, so it is empty.
        let _ = group.ledger.registration.set(registration);
        group
    }

    /// A group inside another pattern, which has a row of its own in the registry.
    pub(crate) fn unobserved(name: impl Into<Arc<str>>, token: CancellationToken) -> Self {
        Self { ledger: Arc::new(Ledger::new(name.into(), token)) }
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.ledger.name
    }

    /// The token that asks the tasks to stop: cancelled when [`shutdown`](Self::shutdown) or [`abort`](Self::abort)
    /// begins.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.ledger.token.clone()
    }

    /// A handle that spawns into this group without owning it.
    #[must_use]
    pub fn spawner(&self) -> Spawner {
        Spawner { name: self.ledger.name.clone(), ledger: Arc::downgrade(&self.ledger) }
    }

    /// Spawns a task that the group owns.
    ///
    /// # Errors
    /// [`SpawnError`] with the future, when the group is closed.
    ///
    /// # Cancel safety
    /// The group may drop the future at any of its awaits: when it is aborted, dropped, or at a shutdown's deadline.
    ///
    /// # Panics
    /// Outside a tokio runtime. A panic of the task itself is caught, logged and reported; the group goes on.
    #[track_caller]
    pub fn spawn<F>(&self, name: impl AsRef<str>, future: F) -> Result<TaskHandle<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_in(&self.ledger, name.as_ref(), future)
    }

    /// Runs a closure that blocks, for example on a file, on one of tokio's blocking threads.
    ///
    /// It can be stopped only before it begins: its closure is then dropped at once, though the handle resolves only
    /// when a thread comes by. One that should end early looks at [`token`](Self::token). For computations use [`CpuPool`](crate::pool::CpuPool), which bounds how many run at once.
    ///
    /// # Errors
    /// [`SpawnError`] with the closure, when the group is closed.
    ///
    /// # Panics
    /// Outside a tokio runtime. A panic of the closure itself is caught, logged and reported.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, name: impl AsRef<str>, run: F) -> Result<TaskHandle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let runtime = super::runtime("TaskGroup::spawn_blocking");
        let place = place(&self.ledger.name, name.as_ref());
        let Some(id) = self.ledger.enter(&place, true) else {
            return Err(SpawnError::new(run, closed(&self.ledger.name)));
        };
        let slot = Slot::new(Registry::carried(run), Guard::new(self.ledger.clone(), place.clone(), id));
        let lease = Lease::new(slot.clone(), place.clone());
        let join = runtime.spawn_blocking(move || lease.run());
        let closure: Arc<dyn Discard> = slot;
        self.ledger.spawned(id, Stop { abort: join.abort_handle(), closure: Some(closure.clone()) });
        Ok(TaskHandle::new(place, join, Some(closure)))
    }

    /// Accepts no more tasks. At once, any number of times.
    pub fn close(&self) {
        self.ledger.close();
    }

    /// Tells whether the group accepts no more tasks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ledger.lock().is_closed
    }

    /// How many tasks are alive.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger.live()
    }

    /// Tells whether no task is alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the group and waits for every task, however long it takes; nobody is asked to stop.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again. The group stays closed.
    pub async fn join(&self) -> ShutdownReport {
        let begun = Instant::now();
        self.close();
        self.ledger.until(|live, _| live == 0).await;
        self.ledger.report(begun.elapsed())
    }

    /// Closes the group, asks the tasks to stop, waits for them until `deadline` from now, aborts the rest, and reports.
    ///
    /// When it returns, nothing of the group runs and nothing that a task captured is alive, with one exception,
    /// named in [`still_running`](ShutdownReport::still_running): blocking closures that have begun, and a task whose
    /// poll has not returned within a second after it was aborted. What a task gave as its output is not the group's:
    /// it is in the task's handle, and where the handle is gone, the runtime drops it right after the task has ended.
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the group closed and its tasks asked to stop, but aborts nothing; it may be
    /// called again.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let begun = Instant::now();
        self.close();
        self.ledger.token.cancel();
        if !within(deadline, self.ledger.until(|live, _| live == 0)).await {
            self.ledger.abort();
            within(ABORT_GRACE, self.ledger.until(|_, live_async| live_async == 0)).await;
        }
        let report = self.ledger.report(begun.elapsed());
        tracing::debug!(target: "regatta::task", %report, "shut down");
        report
    }

    /// Closes the group and stops its tasks, each at its next await; blocking closures only if they have not begun.
    /// Does not wait.
    pub fn abort(&self) {
        self.ledger.abort();
    }

    /// [Aborts](Self::abort) and waits until every async task is gone, with everything it captured (but not with its
    /// output, see [`shutdown`](Self::shutdown)). Does not wait for blocking closures that have begun.
    ///
    /// # Cancel safety
    /// Safe to drop and to call again; the tasks are aborted either way.
    pub async fn aborted(&self) -> ShutdownReport {
        let begun = Instant::now();
        self.abort();
        self.ledger.until(|_, live_async| live_async == 0).await;
        self.ledger.report(begun.elapsed())
    }
}

impl Spawner {
    /// Spawns a task that the group owns; see [`TaskGroup::spawn`].
    ///
    /// # Errors
    /// [`SpawnError`] with the future, when the group is closed or gone.
    ///
    /// # Cancel safety
    /// As [`TaskGroup::spawn`]: the group may drop the future at any of its awaits.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn spawn<F>(&self, name: impl AsRef<str>, future: F) -> Result<TaskHandle<F::Output>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.ledger.upgrade() {
            Some(ledger) => spawn_in(&ledger, name.as_ref(), future),
            None => Err(SpawnError::new(future, closed(&self.name))),
        }
    }

    /// Spawns one of many tasks of types of their own, for each of which all that a task needs would be compiled once more.
    /// When the group is closed the future is dropped quietly.
    pub(crate) fn spawn_boxed(&self, name: &str, future: impl Future<Output = ()> + Send + 'static) {
        let future: BoxFuture<'static, ()> = Box::pin(future);
        drop_quietly(self.spawn(name, future));
    }
}

#[track_caller]
fn spawn_in<F>(ledger: &Arc<Ledger>, name: &str, future: F) -> Result<TaskHandle<F::Output>, SpawnError<F>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let runtime = super::runtime("TaskGroup::spawn");
    let place = place(&ledger.name, name);
    let Some(id) = ledger.enter(&place, false) else {
        return Err(SpawnError::new(future, closed(&ledger.name)));
    };
    let guard = Guard::new(ledger.clone(), place.clone(), id);
    let join = runtime.spawn(Tracked::new(Registry::carried_future(future), guard));
    ledger.spawned(id, Stop { abort: join.abort_handle(), closure: None });
    Ok(TaskHandle::new(place, join, None))
}

fn place(group: &str, task: &str) -> Arc<str> {
    format!("task `{group}/{task}`").into()
}

fn closed(group: &str) -> Closed {
    Closed::new(format!("task group `{group}`"))
}

impl Drop for TaskGroup {
    fn drop(&mut self) {
        self.ledger.abort();
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, is_closed) = (self.name(), self.is_closed());
        f.debug_struct("TaskGroup")
            .field("name", &name)
            .field("len", &self.len())
            .field("is_closed", &is_closed)
            .finish()
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").field("name", &self.name).finish_non_exhaustive()
    }
}
