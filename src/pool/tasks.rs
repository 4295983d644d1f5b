//! Tasks for async jobs: a worker is one task, which polls one job after the other.
//!
//! Invariants:
//! 1. Each unit of the word's `active` is one [`Lease`], in a task that has not been polled yet, or in one that runs.
//! 2. A task that is dropped, as with its runtime, stops the jobs it has in hand, and gives its unit back.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::task::coop;

use super::body::At;
use super::core::Core;
use super::crew::Crew;
use super::here::{Here, Post};
use super::party::Party;
use super::seat::{Next, Seat};
use super::trace::Source;
use super::work::Work;

/// The crew of a [`TaskPool`](super::TaskPool): the runtime that polls its workers.
pub(super) struct Tasks {
    me: Weak<Self>,
    core: Arc<Core>,
    runtime: Handle,
}

/// The promise of a worker.
struct Lease(Option<Arc<Tasks>>);

impl Tasks {
    pub(super) fn new(core: Arc<Core>, runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), core, runtime })
    }
}

impl Crew for Tasks {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn call(&self, slot: Option<usize>) {
        let lease = Lease(self.me.upgrade());
        // The pool owns the worker: it stops when the pool is stopped, and `active` says when it has.
        drop(self.runtime.spawn(lease.run(slot)));
    }
}

impl Lease {
    async fn run(mut self, slot: Option<usize>) {
        let Some(crew) = self.0.take() else { return };
        let crew: Arc<dyn Crew> = crew;
        work(&crew, slot).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(crew) = self.0.take() {
            let crew: &dyn Crew = &*crew;
            crew.runtime_is_gone();
        }
    }
}

pub(super) async fn work(crew: &Arc<dyn Crew>, slot: Option<usize>) {
    let Some(mut seat) = Seat::take(crew, slot) else { return };
    loop {
        match seat.next() {
            Next::Job(job, source) => {
                run(seat.post(), job, source).await;
                // Jobs that never wait must still let other tasks run.
                coop::consume_budget().await;
            }
            Next::Soon => let_others_run().await,
            Next::Idle => {
                if seat.leave() {
                    return;
                }
                // A job is on its way.
                let_others_run().await;
            }
            Next::Retired => return,
        }
    }
}

/// Somebody is between two instructions, on another thread.
async fn let_others_run() {
    #[cfg(not(regatta_loom))]
    tokio::task::yield_now().await;
    #[cfg(regatta_loom)]
    super::atomics::yield_now();
}

/// Runs a job. Most need only one step, and then it is not worth saying who has it in hand.
async fn run(post: &Arc<Post>, job: Arc<dyn Work>, source: Source) {
    let first = poll_fn(|cx| {
        let here = Here::in_task(post.clone());
        let fate = job.begin(&At { job: &job, post, source }, cx);
        Poll::Ready((fate, here.take_invited()))
    });
    let (fate, invited) = first.await;
    if fate.is_pending() {
        Party::new(post, job, source, invited).await;
    }
}
