//! Closures that are held, pools and runtimes.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use regatta::pool::{CpuPool, JobHandle};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::eventually;

pub(super) const SOON: Duration = Duration::from_secs(60);

/// Holds closures until it is opened, and knows how many have come. Clones share the gate.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entered: AtomicUsize,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Held {
    /// Blocks until the gate is open.
    pub(super) fn pass(&self) {
        self.0.entered.fetch_add(1, SeqCst);
        let is_open = self.0.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.opened.wait_timeout_while(is_open, SOON, |is_open| !*is_open);
        assert!(!waited.unwrap_or_else(PoisonError::into_inner).1.timed_out(), "nobody opens the gate");
    }

    pub(super) fn open(&self) {
        *self.0.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.opened.notify_all();
    }

    pub(super) fn entered(&self) -> usize {
        self.0.entered.load(SeqCst)
    }

    /// Waits until so many have come.
    pub(super) async fn until_entered(&self, count: usize) {
        eventually(SOON, "closures come to the gate", || self.entered() >= count).await;
    }
}

/// Keeps a worker busy until the gate is opened.
pub(super) async fn keep_busy(pool: &CpuPool) -> (Held, JobHandle<()>) {
    let held = Held::default();
    let gate = held.clone();
    let busy = pool.submit(move || gate.pass()).await.expect("the pool is open");
    held.until_entered(1).await;
    (held, busy)
}

pub(super) fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("the runtime starts")
}

/// Waits until no job of the pool is queued or runs.
pub(super) async fn until_idle(pool: &CpuPool) {
    eventually(SOON, "the pool is idle", || pool.stats().flow.in_flight == 0).await;
}

/// Awaits something inside a job of the pool's only worker.
pub(super) async fn inside<F>(pool: &CpuPool, make: impl FnOnce(CpuPool) -> F + Send + 'static) -> F::Output
where
    F: Future,
    F::Output: Send + 'static,
{
    let (runtime, same_pool) = (Handle::current(), pool.clone());
    let job = pool.submit(move || runtime.block_on(make(same_pool))).await.expect("the pool is open");
    tokio::time::timeout(SOON, job).await.expect("a pool of one is enough").expect("the job does not panic")
}

/// Polls the other tasks of this thread so often that a worker which blocked it would be noticed.
pub(super) async fn ticks(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}
