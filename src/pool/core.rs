//! The state machine of the pool: places, jobs, workers and those who wait. No threads and no runtime in here.
//!
//! Invariants, on top of those of the [word](super::word), the [floor](super::floor) and the [books](super::books):
//! 1. No user code runs under the desk's lock: wakers are cloned before it; they are called and dropped, as jobs
//!    are, after it is gone. The one lock taken outside it is a job's own, never the other way round.
//! 2. A submitter that waits is in the list before the word says `waiting`, both under the lock; whoever gives a place
//!    back and sees `waiting` takes the lock after it. So a wake-up is not missed.
//! 3. Of the places given back while somebody waits, all below the low-water mark and all between it and the capacity
//!    have woken somebody: wake-ups are never fewer than the places they are for.
//! 4. While somebody waits, nobody else comes in but those who have been let in, children of running jobs, and those who
//!    drop a job to make room for theirs; and while somebody waits, a job is queued or a submitter has been let in and has not come yet. So somebody will let the next
//!    in: whoever takes that job, the submitter with its own job, or the submitter as it gives up.
//! 5. Once the word is closed, `queued`, `active` and `dropping` only fall, and whoever brings one to 0 tells the
//!    watchers.

use std::any::Any;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::atomics::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, lock};
use super::body::At;
use super::books::{Books, Ending};
use super::error::JobError;
use super::floor::Floor;
use super::injector::Injector;
use super::local::State;
use super::rows::Rows;
use super::slot::Slot;
use super::trace::{Hook, JobEvent};
use super::word::{Calls, Levels, Word};
use crate::error::{Closed, Panicked, catch, log_quietly};
use crate::observe::{Observe, Row, Samples};
use crate::policy::Overflow;
use crate::task::{ShutdownReport, Waiters};

/// How many submitters are let in at once. Waking one for each place would cost a trip through the scheduler for each
/// job; fewer than half of the default capacity keeps the workers busy meanwhile.
const BATCH_MAX: u32 = 256;

/// How many workers of a pool have a row in snapshots.
const WORKER_ROWS_MAX: usize = 64;

pub(super) struct Core {
    pub(super) word: Word,
    pub(super) queue: Injector,
    desk: Mutex<Desk>,
    pub(super) books: Books,
    names: Names,
    pub(super) settings: Settings,
    pub(super) low_water: u32,
    /// How many slots there are: a worker that knows fewer looks for the others.
    slot_count: AtomicUsize,
    /// How many jobs lie in lines without a place: stopped there, or begun out of turn. May be above it for a moment.
    pub(super) ghosts: AtomicUsize,
    /// Whether somebody is sweeping them out. Relaxed: whoever reads it late sweeps for nothing, or leaves it to the next.
    pub(super) is_sweeping: AtomicBool,
    /// Of the floor, as hints: how many jobs are bound, and whether somebody is wanted.
    held: AtomicUsize,
    is_somebody_wanted: AtomicBool,
    /// Counts the picks of [`Random`](super::Placement::Random) and [`RoundRobin`](super::Placement::RoundRobin).
    picks: AtomicU64,
    is_aborted: AtomicBool,
    /// Why it was stopped, for those whose jobs are; once it is.
    cause: OnceLock<Arc<str>>,
    waits: Samples,
    runs: Samples,
    pub(super) rows: Rows,
}

/// What never changes.
pub(super) struct Settings {
    pub(super) calls: Calls,
    pub(super) capacity: u32,
    pub(super) overflow: Overflow,
    pub(super) make_state: Box<dyn Fn(usize) -> State + Send + Sync>,
    pub(super) worker_name: Option<Box<dyn Fn(usize) -> Arc<str> + Send + Sync>>,
    pub(super) on_job: Option<Hook>,
}

/// What the pool and its jobs are called in errors.
pub(super) struct Names {
    pub(super) name: Arc<str>,
    pub(super) pool: Arc<str>,
    pub(super) job: Arc<str>,
}

/// What is under the one lock.
pub(super) struct Desk {
    pub(super) submitters: Waiters,
    /// Those who wait for the pool to be idle or empty.
    pub(super) watchers: Waiters,
    /// How many are dropping bodies of stopped jobs at the moment.
    pub(super) dropping: usize,
    pub(super) floor: Floor,
    panics: Vec<Panicked>,
}

impl Core {
    pub(super) fn new(name: Arc<str>, limit: usize, settings: Settings) -> Self {
        let names = Names { pool: format!("pool `{name}`").into(), job: format!("job of pool `{name}`").into(), name };
        let desk = Desk {
            submitters: Waiters::new(),
            watchers: Waiters::new(),
            dropping: 0,
            floor: Floor::new(),
            panics: Vec::new(),
        };
        let capacity = settings.capacity;
        Self {
            word: Word::new(limit),
            queue: Injector::new(),
            desk: Mutex::new(desk),
            books: Books::new(),
            names,
            settings,
            low_water: capacity - (capacity / 4).clamp(1, BATCH_MAX),
            slot_count: AtomicUsize::new(0),
            ghosts: AtomicUsize::new(0),
            is_sweeping: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            is_somebody_wanted: AtomicBool::new(false),
            picks: AtomicU64::new(0),
            is_aborted: AtomicBool::new(false),
            cause: OnceLock::new(),
            waits: Samples::new(),
            runs: Samples::new(),
            rows: Rows::default(),
        }
    }

    pub(super) fn levels(&self) -> Levels {
        self.word.levels()
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// What an item of a map is called in errors, from 0.
    pub(super) fn item_name(&self, item: u64) -> Arc<str> {
        format!("item {item} of a map in {}", self.names.pool).into()
    }

    pub(super) fn capacity(&self) -> usize {
        self.settings.capacity as usize
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    /// Says why the pool is stopped; the first to say it is right.
    pub(super) fn stops_because(&self, cause: impl Into<Arc<str>>) {
        let _ = self.cause.set(cause.into());
    }

    pub(super) fn closed(&self) -> Closed {
        let closed = Closed::new(self.names.pool.clone());
        match self.cause.get() {
            Some(cause) => closed.because(cause.clone()),
            None => closed,
        }
    }

    /// Whether running jobs should end early.
    pub(super) fn is_aborted(&self) -> bool {
        self.is_aborted.load(Relaxed)
    }

    /// Relaxed: whoever must not miss it comes through a lock.
    pub(super) fn set_aborted(&self) {
        self.is_aborted.store(true, Relaxed);
    }

    pub(super) fn pick(&self) -> u64 {
        self.picks.fetch_add(1, Relaxed)
    }

    // Slots.

    /// The slot of this number; it is made if it is not there yet, and all below it.
    pub(super) fn slot(&self, index: usize) -> Arc<Slot> {
        loop {
            let next = {
                let desk = self.desk();
                match desk.floor.slot(index) {
                    Some(slot) => return slot,
                    None => desk.floor.len(),
                }
            };
            self.make_slot(next);
        }
    }

    /// Makes the next slot. The name is the user's code, so it is called without the lock; somebody else may be first.
    pub(super) fn make_slot(&self, index: usize) {
        let name = || self.settings.worker_name.as_ref().map(|name| name(index));
        let name = catch(&self.names.pool, name).ok().flatten();
        let name = name.unwrap_or_else(|| format!("{}/{index}", self.names.name).into());
        let slot = Arc::new(Slot::new(index, name));
        let is_new = {
            let mut desk = self.desk();
            let is_new = desk.floor.add(&slot);
            self.slot_count.store(desk.floor.len(), Relaxed);
            is_new
        };
        if is_new && index < WORKER_ROWS_MAX {
            self.rows.enter(&slot);
        }
    }

    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.desk().floor.slots()
    }

    pub(super) fn slot_count(&self) -> usize {
        self.slot_count.load(Relaxed)
    }

    /// Keeps the hints in step with the floor.
    pub(super) fn note(&self, floor: &Floor) {
        self.held.store(floor.held() as usize, Relaxed);
        self.is_somebody_wanted.store(floor.is_somebody_wanted(), Relaxed);
    }

    /// Whether jobs are queued that are bound to nobody: a hint.
    pub(super) fn has_free_jobs(&self) -> bool {
        self.levels().queued() as usize > self.held()
    }

    /// How many jobs are bound to a worker: a hint.
    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// Whether jobs are bound to a worker that is not there: a hint.
    pub(super) fn is_somebody_wanted(&self) -> bool {
        self.is_somebody_wanted.load(Relaxed)
    }

    pub(super) fn make_state(&self, index: usize) -> State {
        let state: Box<dyn Any + Send> = (self.settings.make_state)(index);
        state
    }

    // What is written down.

    /// Counts the job's end; a panic is kept for the report.
    pub(super) fn book(&self, error: Option<&JobError>) {
        if let Some(JobError::Panicked(panicked)) = error {
            let mut desk = self.desk();
            if desk.panics.len() < ShutdownReport::PANICS_KEPT {
                desk.panics.push(panicked.clone());
            }
        }
        self.books.ended(Ending::of(error));
    }

    pub(super) fn record_wait(&self, ns: u64) {
        self.waits.add(Duration::from_nanos(ns));
    }

    pub(super) fn record_run(&self, ns: u64) {
        self.runs.add(Duration::from_nanos(ns));
    }

    /// How long jobs waited, and ran.
    pub(super) fn samples(&self) -> [&Samples; 2] {
        [&self.waits, &self.runs]
    }

    /// Tells the hook that a job begins.
    pub(super) fn trace(&self, job: u64, at: &At<'_>) {
        if let Some(on_job) = &self.settings.on_job {
            let Slot { index, name, .. } = &*at.post.slot;
            log_quietly(|| on_job(&JobEvent { job, worker: *index, worker_name: name.clone(), source: at.source }));
        }
    }

    pub(super) fn report(&self, elapsed: Duration) -> ShutdownReport {
        let flow = self.books.flow();
        let mut panicked = self.desk().panics.clone();
        // A panic is kept just before it is counted.
        panicked.truncate(usize::try_from(flow.failed).unwrap_or(usize::MAX));
        ShutdownReport {
            name: self.names.name.clone(),
            finished: flow.done,
            aborted: flow.discarded + flow.dropped,
            panicked_count: flow.failed,
            panicked,
            still_running: self.still_running(flow.in_flight),
            elapsed,
        }
    }

    /// Names those that run by their workers; one that is being handed over has no worker yet.
    fn still_running(&self, count: u64) -> Vec<Arc<str>> {
        let slots = self.slots();
        let running = slots.iter().flat_map(|slot| (0..slot.meter.running()).map(move |_| slot));
        let named = running.map(|slot| format!("{} at worker `{}`", self.names.job, slot.name).into());
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        named.chain(std::iter::repeat(self.names.job.clone())).take(count).collect()
    }

    /// Takes the workers off the registry.
    pub(super) fn leave_registry(&self) {
        self.rows.close();
        self.slots().iter().for_each(|slot| slot.leave_registry());
    }
}

impl Observe for Core {
    fn fill(&self, row: &mut Row) {
        let levels = self.word.levels();
        row.set_state(if levels.is_closed() { "closed" } else { "open" });
        row.flow = self.books.flow();
        row.gauge("queued", levels.queued() as usize, Some(self.capacity()));
        row.gauge("active", levels.active(), Some(levels.limit()));
        row.count("stolen", self.slots().iter().map(|slot| slot.meter.stolen()).sum());
        let [wait, run] = self.samples();
        row.timing("wait", wait.read());
        row.timing("run", run.read());
    }
}
