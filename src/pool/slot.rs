//! One worker's place: its two lines of jobs that others may take from, its state, and what it has done.
//!
//! A slot outlives the worker that stands in it: workers come when there is work and leave when there is none, and the
//! next one goes on with the lines, the state and the counters of the last.
//!
//! Invariants:
//! 1. `lying` is how many jobs lie in both lines, written under their lock and read without it, as a hint: who finds it
//!    stale looks again, because the word still counts a job as queued.
//! 2. No user code runs under the locks: jobs, states and wakers are moved out first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::atomics::{AtomicUsize, Mutex, lock};
use super::lanes::{Lanes, sweep};
use super::local::Local;
use super::meter::Meter;
use super::stats::WorkerStats;
use super::work::Work;
use crate::observe::{Observe, Registration, Row};
use crate::policy::Priority;

pub(super) struct Slot {
    pub(super) index: usize,
    /// The worker's name.
    pub(super) name: Arc<str>,
    pub(super) meter: Meter,
    /// How many jobs are bound to this worker; written by the floor, read by the worker before it takes a lock.
    pub(super) bound: AtomicUsize,
    /// The worker-local value.
    pub(super) local: Local,
    lines: Mutex<Lines>,
    lying: AtomicUsize,
    /// The async jobs that the worker has in hand and that wait, for those who stop the pool.
    in_hand: Mutex<Vec<Arc<dyn Work>>>,
    registration: Mutex<Option<Registration>>,
}

struct Lines {
    /// What jobs of this worker have spawned. The worker takes the newest, the others the oldest.
    own: VecDeque<Arc<dyn Work>>,
    /// What submitters would like to run here.
    preferred: Lanes<Arc<dyn Work>>,
}

impl Slot {
    pub(super) fn new(index: usize, name: Arc<str>) -> Self {
        Self {
            index,
            name,
            meter: Meter::new(),
            bound: AtomicUsize::new(0),
            local: Local::new(),
            lines: Mutex::new(Lines { own: VecDeque::new(), preferred: Lanes::new() }),
            lying: AtomicUsize::new(0),
            in_hand: Mutex::new(Vec::new()),
            registration: Mutex::new(None),
        }
    }

    // Lines.

    pub(super) fn push_own(&self, job: Arc<dyn Work>) {
        self.change(|lines| lines.own.push_back(job));
    }

    pub(super) fn push_preferred(&self, priority: Priority, job: Arc<dyn Work>) {
        self.change(|lines| lines.preferred.push(priority, job));
    }

    /// The newest of the worker's own jobs.
    pub(super) fn pop_own(&self) -> Option<Arc<dyn Work>> {
        self.pop(|lines| lines.own.pop_back())
    }

    pub(super) fn pop_preferred(&self) -> Option<Arc<dyn Work>> {
        self.pop(|lines| lines.preferred.pop())
    }

    /// The oldest of the worker's own jobs, else what would have liked to run here: for other workers.
    pub(super) fn steal(&self) -> Option<Arc<dyn Work>> {
        self.pop(|lines| lines.own.pop_front().or_else(|| lines.preferred.pop()))
    }

    /// Whom a full pool drops first.
    pub(super) fn pop_lowest(&self) -> Option<Arc<dyn Work>> {
        self.pop(|lines| lines.preferred.pop_lowest().or_else(|| lines.own.pop_front()))
    }

    /// Whether something may be stolen: a hint.
    pub(super) fn has_jobs(&self) -> bool {
        self.lying.load(Relaxed) > 0
    }

    fn change<R>(&self, change: impl FnOnce(&mut Lines) -> R) -> R {
        let mut lines = lock(&self.lines);
        let result = change(&mut lines);
        self.lying.store(lines.own.len() + lines.preferred.len(), Relaxed);
        result
    }

    fn pop(&self, pop: impl FnOnce(&mut Lines) -> Option<Arc<dyn Work>>) -> Option<Arc<dyn Work>> {
        // Most of the time there is nothing: not worth the lock.
        if self.has_jobs() { self.change(pop) } else { None }
    }

    pub(super) fn take_all(&self, into: &mut Vec<Arc<dyn Work>>) {
        self.pop(|lines| {
            lines.preferred.take_all(into);
            into.extend(lines.own.drain(..));
            None
        });
    }

    /// Takes out what has no place any more.
    pub(super) fn sweep(&self, out: &mut Vec<Arc<dyn Work>>) {
        self.pop(|lines| {
            lines.preferred.sweep(out);
            sweep(&mut lines.own, out);
            None
        });
    }

    // The jobs in hand.

    pub(super) fn hold(&self, job: Arc<dyn Work>) {
        lock(&self.in_hand).push(job);
    }

    pub(super) fn let_go(&self, job: &Arc<dyn Work>) {
        let known = {
            let mut in_hand = lock(&self.in_hand);
            let index = in_hand.iter().rposition(|known| Arc::ptr_eq(known, job));
            index.map(|index| in_hand.swap_remove(index))
        };
        drop(known);
    }

    pub(super) fn in_hand(&self) -> Vec<Arc<dyn Work>> {
        lock(&self.in_hand).clone()
    }
}

impl Slot {
    pub(super) fn enter_registry(&self, registration: Registration) {
        *lock(&self.registration) = Some(registration);
    }

    pub(super) fn stats(&self) -> WorkerStats {
        let Self { name, meter, .. } = self;
        WorkerStats {
            name: name.clone(),
            done: meter.done(),
            stolen: meter.stolen(),
            busy: meter.busy(),
            is_running: meter.running() > 0,
        }
    }

    pub(super) fn leave_registry(&self) {
        let registration = lock(&self.registration).take();
        drop(registration);
    }
}

impl Observe for Slot {
    fn fill(&self, row: &mut Row) {
        row.flow = self.meter.flow();
        row.set_state(if row.flow.in_flight > 0 { "busy" } else { "idle" });
        row.count("busy ms", u64::try_from(self.meter.busy().as_millis()).unwrap_or(u64::MAX));
        row.count("stolen", self.meter.stolen());
    }
}
