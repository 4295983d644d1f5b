//! What a stage is to everyone but its own loop: a name, a policy, and books that can be read at any time.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::error::PipelineError;
use super::on_error::Failure;
use super::segment::Payload;
use super::times::Times;
use crate::error::{Panicked, catch};
use crate::observe::Flow;
use crate::policy::RetryBudget;

/// One stage of one pipeline.
#[doc(hidden)]
pub struct Stage {
    /// Set while the pipeline is built, read from then on.
    name: Mutex<Arc<str>>,
    pipeline: Arc<Title>,
    counts: Counts,
    /// First attempts, where there may be others.
    attempts: AtomicU64,
    retried: AtomicU64,
    failure: OnceLock<Arc<str>>,
}

/// The pipeline's name: known at the end of the building, needed by every stage.
#[derive(Debug, Default)]
pub(super) struct Title(Mutex<Option<Arc<str>>>);

/// The books of a fused stage, in a form that others can read: written by its one runner only.
#[derive(Debug, Default)]
pub(super) struct Counts {
    accepted: AtomicU64,
    failed: AtomicU64,
    held: AtomicU64,
    discarded: AtomicU64,
    has_ended: AtomicBool,
}

/// The numbers of one stage at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageStats {
    /// The stage's name.
    pub name: Arc<str>,
    /// What became of its items; `in_flight` counts those being worked on and those that wait to be taken by the next
    /// stage.
    pub flow: Flow,
    /// Results that wait to be taken by the next stage.
    pub queued: usize,
    /// How many items it may hold: in work, and waiting to be taken. `None` for a stage fused into its neighbour, which
    /// holds none.
    pub window: Option<usize>,
    /// Items being worked on.
    pub busy: usize,
    /// How many tasks were started to work for it; they stay until it ends.
    pub workers: usize,
    /// How many there may be.
    pub limit: usize,
    /// How often an item was [tried again](super::Pipeline::retry).
    pub retried: u64,
    /// Items that wait for another of their [key](super::Concurrency::keyed).
    pub waiting: usize,
    /// Where its time went. `None` for a stage fused into its neighbour, which runs in the time of the next stage that has
    /// tasks, or of whoever drives the end; and in a pipeline that runs [inline](super::Pipeline::inline), where all share
    /// the time of one task.
    pub times: Option<Times>,
    /// Nothing more comes in, and nothing is being worked on; results may still wait to be taken.
    pub has_ended: bool,
    /// What has ended it, if a failure did: visible at once, also while a later stage keeps the pipeline from its end.
    pub failure: Option<Arc<str>>,
}

/// Something that knows a stage's numbers.
pub(super) trait StageView: Send + Sync {
    fn stats(&self) -> StageStats;
}

impl Title {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, name: Arc<str>) {
        *self.lock() = Some(name);
    }

    /// The name, where one was chosen already.
    pub(super) fn chosen(&self) -> Option<Arc<str>> {
        self.lock().clone()
    }

    pub(super) fn get(&self) -> Arc<str> {
        self.lock().clone().unwrap_or_else(|| Arc::from("?"))
    }
}

impl Stage {
    pub(super) fn new(name: Arc<str>, pipeline: Arc<Title>) -> Arc<Self> {
        let (attempts, retried) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self {
            name: Mutex::new(name),
            pipeline,
            counts: Counts::default(),
            attempts,
            retried,
            failure: OnceLock::new(),
        })
    }

    pub(super) fn rename(&self, name: Arc<str>) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    pub(super) fn name(&self) -> Arc<str> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How errors speak of this stage.
    pub(super) fn place(&self) -> Arc<str> {
        format!("stage `{}` of pipeline `{}`", self.name(), self.pipeline.get()).into()
    }

    #[inline]
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// An item has failed, and that ends the stage.
    pub(super) fn stopped_by(&self, failure: Failure) -> PipelineError {
        let error = failure.into_error(self.place());
        if let PipelineError::Panicked(Panicked { place, message }) = &error {
            tracing::error!(target: "regatta::pipeline", %place, %message, "a stage panicked");
        }
        self.noted(error)
    }

    /// Writes down what ends the stage, for whoever looks before it is told.
    pub(super) fn noted(&self, error: PipelineError) -> PipelineError {
        if self.failure.get().is_none() {
            // The words may be the user's.
            let words = catch(&self.place(), || match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            });
            let words = words.unwrap_or_else(|panicked| panicked.to_string());
            let _ = self.failure.set(words.into());
        }
        error
    }

    pub(super) fn failure(&self) -> Option<Arc<str>> {
        self.failure.get().cloned()
    }

    /// An item has failed, and the stage goes on without it.
    pub(super) fn skipped(&self, failure: Failure) {
        let place = self.place();
        match failure {
            Failure::Panicked(Panicked { message, .. }) => {
                tracing::warn!(target: "regatta::pipeline", %place, %message, "an item was skipped: the stage panicked");
            }
            // Its words and its destructor are the user's: they may panic, which is no reason to stop either.
            Failure::Error(error) => {
                let _ = catch(&place, || {
                    tracing::warn!(target: "regatta::pipeline", %place, %error, "an item was skipped");
                    drop(error);
                });
            }
        }
    }

    /// Counts an item that may be tried again.
    pub(super) fn attempted(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one retry out of the budget, if there is one left.
    pub(super) fn may_retry(&self, budget: &RetryBudget) -> bool {
        let attempts = self.attempts.load(Ordering::Relaxed);
        let spend = |retried| budget.allows(attempts, retried).then_some(retried + 1);
        // No order with anything else: each retry is counted by one addition.
        self.retried.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    pub(super) fn retried(&self) -> u64 {
        self.retried.load(Ordering::Relaxed)
    }

    /// The stream or iterator of this stage panicked: that always ends the pipeline.
    pub(super) fn source_panicked(&self, payload: Payload) -> PipelineError {
        let panicked = Panicked::from_payload(self.place(), payload);
        tracing::error!(target: "regatta::pipeline", place = %panicked.place, message = %panicked.message, "a source panicked");
        self.noted(PipelineError::Panicked(panicked))
    }
}

impl Counts {
    /// Written by one task at a time, so plain stores do. A reader loads in the opposite order, and never sees more
    /// items leave than it sees come.
    ///
    /// Inlined into the runs of fused stages: a call that could unwind, for all the compiler knows, would keep what they
    /// count in memory.
    #[inline]
    pub(super) fn publish(&self, accepted: u64, failed: u64, held: u64) {
        self.accepted.store(accepted, Ordering::Relaxed);
        self.held.store(held, Ordering::Relaxed);
        // Release: pairs with the Acquire in `flow`, so that who sees this failure sees the item it happened to.
        self.failed.store(failed, Ordering::Release);
    }

    /// Once, at the end: so many items were inside when the stage was dropped.
    pub(super) fn discard(&self, items: u64) {
        self.held.store(0, Ordering::Relaxed);
        self.discarded.store(items, Ordering::Relaxed);
    }

    /// Once: the stage is gone.
    pub(super) fn end(&self) {
        // Release: pairs with the Acquire in `stats`; who sees the end sees all that came before.
        self.has_ended.store(true, Ordering::Release);
    }

    fn flow(&self) -> Flow {
        let failed = self.failed.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Relaxed);
        let discarded = self.discarded.load(Ordering::Relaxed).min(accepted - failed);
        let in_flight = self.held.load(Ordering::Relaxed).min(accepted - failed - discarded);
        let done = accepted - failed - discarded - in_flight;
        Flow { accepted, done, failed, discarded, in_flight, ..Flow::default() }
    }
}

/// A fused stage has no state of its own that others may look at, only its books.
impl StageView for Stage {
    fn stats(&self) -> StageStats {
        let (name, flow) = (self.name(), self.counts.flow());
        StageStats {
            name,
            flow,
            queued: 0,
            window: None,
            busy: 0,
            workers: 0,
            limit: 0,
            retried: 0,
            waiting: 0,
            times: None,
            has_ended: self.counts.has_ended.load(Ordering::Acquire),
            failure: self.failure(),
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name()).finish_non_exhaustive()
    }
}
