//! Borrowing threads for CPU jobs: a worker is one call of `spawn_blocking`.
//!
//! Invariants:
//! 1. Each unit of the word's `active` is one [`Lease`], waiting in tokio's queue or running, apart from those revoked.
//! 2. A lease that is dropped unrun gives its unit back, so nobody waits for a worker that will never come.
//! 3. No user code runs inside a call of `spawn_blocking`: tokio may hold a lock of its own there.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::atomics::yield_now;
use super::body::At;
use super::core::Core;
use super::crew::Crew;
use super::here::Here;
use super::seat::{Next, Seat};
use crate::error::{Panicked, log_quietly};

/// How long a worker looks again, yielding to other threads in between, before it gives its thread back: about as long as
/// it takes a task on another thread to wake up and submit the next job. Measured in docs/design/pool.md.
const LINGER: Duration = Duration::from_micros(50);

/// The crew of a [`CpuPool`](super::CpuPool): the runtime whose threads are borrowed.
pub(super) struct Threads {
    me: Weak<Self>,
    core: Arc<Core>,
    runtime: Handle,
    /// Leases that tokio still holds although their unit of `active` was given back. Leases are alike, so whichever
    /// comes next settles one. Relaxed: the count is all there is to it.
    revoked: AtomicUsize,
}

/// The promise of a worker.
struct Lease {
    crew: Option<Arc<Threads>>,
    slot: Option<usize>,
}

/// How long a worker has had its thread. Where the runtime has few, others wait for it, who may be another pool's, or may be
/// what a job of this one waits for; so a worker that always has jobs gives it back from time to time, and queues up again.
struct Turn {
    begun: Instant,
    jobs: u32,
}

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

impl Threads {
    pub(super) fn new(core: Arc<Core>, runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), core, runtime, revoked: AtomicUsize::new(0) })
    }

    fn settles_revoked(&self) -> bool {
        self.revoked.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok()
    }
}

impl Crew for Threads {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn call(&self, slot: Option<usize>) {
        let lease = Lease { crew: self.me.upgrade(), slot };
        CALLING.set(Calling::Yes);
        let called = catch_unwind(AssertUnwindSafe(|| drop(self.runtime.spawn_blocking(move || lease.run()))));
        let refused = CALLING.replace(Calling::No) == Calling::Refused;
        let crew: &dyn Crew = self;
        match called {
            Ok(()) if !refused => {}
            Ok(()) => crew.runtime_is_gone(),
            // Tokio has no blocking thread and the system gives it none. Tokio keeps the lease in its queue all the
            // same, so it is revoked before its unit is given back.
            Err(payload) => {
                let core = &self.core;
                let panicked = Panicked::from_payload(core.names().pool.clone(), payload);
                self.revoked.fetch_add(1, Relaxed);
                crew.worker_is_refused();
                log_quietly(
                    || tracing::error!(target: "regatta::pool", pool = %core.names().name, message = %panicked.message, "no thread for a worker"),
                );
            }
        }
    }
}

impl Lease {
    fn run(mut self) {
        if let Some(crew) = self.crew.take()
            && !crew.settles_revoked()
        {
            let crew: Arc<dyn Crew> = crew;
            work(&crew, self.slot, LINGER);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(crew) = self.crew.take() else { return };
        if CALLING.get() == Calling::Yes {
            CALLING.set(Calling::Refused);
        } else if !crew.settles_revoked() {
            let crew: &dyn Crew = &*crew;
            crew.runtime_is_gone();
        }
    }
}

/// Does a worker's work, until there is none; `linger` is how long it looks again before it leaves.
pub(super) fn work(crew: &Arc<dyn Crew>, slot: Option<usize>, linger: Duration) {
    let Some(mut seat) = Seat::take(crew, slot) else { return };
    let mut here = Here::on_thread(seat.post().clone());
    let mut cx = Context::from_waker(Waker::noop());
    let mut turn = Turn::new();
    let mut idle_since = None;
    loop {
        match seat.next() {
            Next::Job(job, source) => {
                idle_since = None;
                here.move_to(seat.post());
                // All that the user gave is caught within.
                let _ = job.begin(&At { job: &job, post: seat.post(), source }, &mut cx);
                drop(job);
                if turn.is_over() {
                    return seat.hand_over();
                }
            }
            Next::Soon => yield_now(),
            Next::Idle if is_lingering(&mut idle_since, linger) => yield_now(),
            Next::Idle => {
                if seat.leave() {
                    return;
                }
                // A job is on its way.
                yield_now();
            }
            Next::Retired => return,
        }
    }
}

fn is_lingering(idle_since: &mut Option<Instant>, linger: Duration) -> bool {
    !linger.is_zero() && idle_since.get_or_insert_with(Instant::now).elapsed() < linger
}

impl Turn {
    /// How long a worker keeps a thread.
    const LENGTH: Duration = Duration::from_millis(50);

    /// How many jobs go by between looks at the clock, which costs as much as a tiny job.
    const JOBS: u32 = 16;

    fn new() -> Self {
        Self { begun: Instant::now(), jobs: 0 }
    }

    fn is_over(&mut self) -> bool {
        self.jobs += 1;
        self.jobs.is_multiple_of(Self::JOBS) && self.begun.elapsed() > Self::LENGTH
    }
}
