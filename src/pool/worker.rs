//! Borrowing threads: a worker is one call of `spawn_blocking`.
//!
//! Invariants:
//! 1. Each unit of the word's `active` is one [`Lease`], waiting in tokio's queue or running, apart from those revoked.
//! 2. A lease that is dropped unrun gives its unit back, so nobody waits for a worker that will never come.
//! 3. No user code runs inside a call of `spawn_blocking`: tokio may hold a lock of its own there.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::runtime::Handle;

use super::core::Core;
use super::error::JobError;
use super::handle::JobHandle;
use super::job::Job;
use crate::error::{Cancelled, Panicked, log_quietly};

/// How many times a worker looks again, yielding to other threads in between, before it gives its thread back.
/// Measured in docs/design/pool.md.
const LINGER_ROUNDS: u32 = 20;

/// What calls workers: the state machine and the runtime whose threads are borrowed.
pub(super) struct Crew {
    core: Arc<Core>,
    runtime: Handle,
    /// Leases that tokio still holds although their unit of `active` was given back. Leases are alike, so whichever
    /// comes next settles one. Relaxed: the count is all there is to it.
    revoked: AtomicUsize,
}

/// The promise of a worker.
struct Lease(Option<Arc<Crew>>);

/// Whether this thread is inside `spawn_blocking` on behalf of a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calling {
    No,
    Yes,
    /// And the lease was dropped in there: the runtime is gone.
    Refused,
}

thread_local! {
    static CALLING: Cell<Calling> = const { Cell::new(Calling::No) };
}

impl Crew {
    pub(super) fn new(core: Arc<Core>, runtime: Handle) -> Self {
        Self { core, runtime, revoked: AtomicUsize::new(0) }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Queues the job of a submitter that was admitted, and calls the worker that it owes.
    pub(super) fn enqueue<F, R>(self: &Arc<Self>, run: F, calls_worker: bool) -> JobHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let job = Arc::new(Job::new(self.core.clone(), run));
        self.core.push(job.clone());
        if calls_worker {
            self.call_worker();
        }
        JobHandle::new(job)
    }

    fn call_worker(self: &Arc<Self>) {
        let lease = Lease(Some(self.clone()));
        CALLING.set(Calling::Yes);
        let called = catch_unwind(AssertUnwindSafe(|| drop(self.runtime.spawn_blocking(move || lease.run()))));
        let refused = CALLING.replace(Calling::No) == Calling::Refused;
        match called {
            Ok(()) if !refused => {}
            Ok(()) => self.runtime_is_gone(),
            // Tokio has no blocking thread and the system gives it none. Tokio keeps the lease in its queue all the
            // same, so it is revoked before its unit is given back.
            Err(payload) => {
                let core = &self.core;
                let panicked = Panicked::from_payload(core.names().pool.clone(), payload);
                self.revoked.fetch_add(1, Relaxed);
                core.forgo_worker(&JobError::Cancelled(Cancelled::new(core.names().job.clone())));
                log_quietly(
                    || tracing::error!(target: "regatta::pool", pool = %core.names().name, message = %panicked.message, "no thread for a worker"),
                );
            }
        }
    }

    /// A worker will never come: closes the pool, and lets nobody wait for it.
    fn runtime_is_gone(&self) {
        self.core.close();
        self.core.forgo_worker(&self.core.closed());
    }

    fn settles_revoked(&self) -> bool {
        self.revoked.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok()
    }
}

impl Lease {
    fn run(mut self) {
        if let Some(crew) = self.0.take()
            && !crew.settles_revoked()
        {
            crew.core.work(LINGER_ROUNDS);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(crew) = self.0.take() else { return };
        if CALLING.get() == Calling::Yes {
            CALLING.set(Calling::Refused);
        } else if !crew.settles_revoked() {
            crew.runtime_is_gone();
        }
    }
}
