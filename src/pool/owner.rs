//! What all clones of a pool share, and what ends with the last of them, or with the runtime.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::{Core, Settings};
use super::crew::{Crew, RUNTIME_IS_GONE};
use super::settled::Settled;
use super::stopping::Abort;
use crate::observe::{Observe, Registration, Registry};
use crate::task::{ShutdownReport, TaskGroup, within};

/// Jobs and workers hold the state only, so they keep no pool from being dropped.
pub(super) struct Owner {
    crew: Arc<dyn Crew>,
    /// Tasks that do nothing but be dropped with the runtime.
    sentries: TaskGroup,
    _registration: Registration,
}

/// Aborts the pool when the runtime drops its tasks: nobody could wait for the jobs, and the runtime would wait for
/// the whole queue to be worked off.
struct EndWithRuntime(Weak<Core>);

impl Owner {
    pub(super) fn new<C: Crew + 'static>(
        name: Option<Arc<str>>,
        limit: usize,
        settings: Settings,
        crew: impl FnOnce(Arc<Core>) -> Arc<C>,
    ) -> Arc<Self> {
        let registry = Registry::current();
        let id = registry.reserve();
        let name = name.unwrap_or_else(|| format!("pool#{id}").into());
        let names_workers = settings.worker_name.is_some();
        let core = Arc::new(Core::new(name.clone(), limit, settings));
        let subject: Weak<Core> = Arc::downgrade(&core);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(id, "pool", &name, None, subject);
        if names_workers {
            core.rows.open(registry, registration.id());
        }
        let sentries = TaskGroup::unobserved(name, CancellationToken::new());
        let end = EndWithRuntime(Arc::downgrade(&core));
        let owner = Self { crew: crew(core), sentries, _registration: registration };
        owner.until_runtime_ends("runtime", end);
        Arc::new(owner)
    }

    pub(super) fn crew(&self) -> &Arc<dyn Crew> {
        &self.crew
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        self.crew.core()
    }

    /// Keeps `value` until the runtime, or the pool, is dropped.
    pub(super) fn until_runtime_ends<T: Send + 'static>(&self, name: &str, value: T) {
        let sentry = async move {
            let _value = value;
            std::future::pending::<()>().await;
        };
        // The group is never closed before it is dropped, so nothing is refused. The group owns the task.
        let _ = self.sentries.spawn(name, sentry);
    }

    /// Keeps the pool until its last job has ended; it must be closed.
    pub(super) fn until_idle(self: Arc<Self>) {
        let pool = self.clone();
        let linger = async move { Settled::idle(pool.core()).await };
        // As above. The task belongs to the pool that it keeps, and lets go of it at the end, or with the runtime.
        let _ = self.sentries.spawn("linger", linger);
    }

    /// Closes, waits, aborts what is left shortly before the deadline, and reports.
    pub(super) async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let begun = Instant::now();
        let core = self.core();
        core.close();
        let grace = (deadline / 10).min(GRACE_MAX);
        if !within(deadline - grace, Settled::idle(core)).await {
            let until = begun + deadline;
            let abort = core.abort(format!("its shutdown ran out of time ({deadline:?})"));
            self.discard(abort, until);
            // Running jobs have a moment to see that they were asked to stop.
            within(until.saturating_duration_since(Instant::now()), Settled::idle(core)).await;
        }
        let report = core.report(begun.elapsed());
        tracing::debug!(target: "regatta::pool", %report, "shut down");
        report
    }
}

impl Owner {
    /// Drops what an abort has left. What is not dropped in time is dropped by a task of its own, one job after the other.
    fn discard(&self, mut abort: Abort, until: Instant) {
        while Instant::now() < until && abort.drop_one() {}
        if abort.is_over() {
            return;
        }
        let rest = async move {
            while abort.drop_one() {
                tokio::task::yield_now().await;
            }
        };
        // Refused, or dropped with the runtime, it drops them all.
        let _ = self.sentries.spawn("discard", rest);
    }
}

/// How much of a shutdown's time at most is kept for running jobs to stop in.
const GRACE_MAX: Duration = Duration::from_secs(1);

impl Drop for Owner {
    fn drop(&mut self) {
        let core = self.core();
        drop(core.abort("its last clone was dropped"));
        core.leave_registry();
    }
}

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        if let Some(core) = self.0.upgrade() {
            drop(core.abort(RUNTIME_IS_GONE));
        }
    }
}
