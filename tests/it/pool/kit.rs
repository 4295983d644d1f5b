//! Jobs that are held, drops that are counted.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regatta::pool::{CpuPool, JobHandle, JobOptions, Placement, TaskPool};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::support::Gate;

pub(super) const SOON: Duration = Duration::from_secs(60);

/// How many drops there have been.
#[derive(Clone, Default)]
pub(super) struct Drops(Arc<AtomicUsize>);

pub(super) struct Dropped(Drops);

#[derive(Debug)]
pub(super) struct PanicsOnDrop;

impl Drops {
    pub(super) fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

/// A job that runs until its gate is opened, or dropped.
pub(super) struct Held {
    pub(super) gate: mpsc::Sender<()>,
    pub(super) handle: JobHandle<&'static str>,
}

impl Held {
    /// Submits the job and waits until it runs.
    pub(super) async fn submit<S: Send + 'static>(pool: &CpuPool<S>) -> Self {
        Self::submit_with(pool, Placement::Injector).await
    }

    pub(super) async fn submit_with<S: Send + 'static>(pool: &CpuPool<S>, options: impl Into<JobOptions>) -> Self {
        let (gate, opened) = mpsc::channel();
        let (started, has_started) = oneshot::channel();
        let handle = pool.submit_with(options, move |_| {
            let _ = started.send(());
            let _ = opened.recv();
            "held"
        });
        let handle = handle.await.expect("the pool is open");
        has_started.await.expect("the job runs");
        Self { gate, handle }
    }

    pub(super) async fn finish(self) {
        drop(self.gate);
        assert_eq!(self.handle.await, Ok("held"));
    }
}

/// An async job that waits until its gate is opened.
pub(super) struct Waiting {
    pub(super) gate: Gate,
    pub(super) handle: JobHandle<&'static str>,
}

impl Waiting {
    /// Submits the job and waits until it waits.
    pub(super) async fn submit<S: Send + 'static>(pool: &TaskPool<S>) -> Self {
        Self::submit_with(pool, Placement::Injector).await
    }

    pub(super) async fn submit_with<S: Send + 'static>(pool: &TaskPool<S>, options: impl Into<JobOptions>) -> Self {
        let gate = Gate::new();
        let (started, has_started) = oneshot::channel();
        let opened = gate.clone();
        let handle = pool.submit_with(options, move |_| async move {
            let _ = started.send(());
            opened.wait().await;
            "held"
        });
        let handle = handle.await.expect("the pool is open");
        has_started.await.expect("the job runs");
        Self { gate, handle }
    }

    pub(super) async fn finish(self) {
        self.gate.open();
        assert_eq!(self.handle.await, Ok("held"));
    }
}

pub(super) fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("the runtime starts")
}

pub(super) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once in the task that runs, and gives what came of it.
pub(super) async fn poll_here<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut future).poll(cx))).await
}
