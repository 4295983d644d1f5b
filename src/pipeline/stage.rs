//! What a stage is to everyone but its own loop: a name, a policy, and books that can be read at any time.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{OnError, PipelineError};
use crate::error::{BoxError, Panicked, catch};
use crate::observe::Flow;

/// One stage of one pipeline.
#[doc(hidden)]
pub struct Stage {
    /// Set while the pipeline is built, read from then on.
    spec: Mutex<Spec>,
    pipeline: Arc<Title>,
    counts: Counts,
}

/// The pipeline's name: known at the end of the building, needed by every stage.
#[derive(Debug, Default)]
pub(super) struct Title(Mutex<Option<Arc<str>>>);

#[derive(Debug, Clone)]
struct Spec {
    name: Arc<str>,
    on_error: OnError,
}

/// The books of a fused stage, in a form that others can read: written by its one runner only.
#[derive(Debug, Default)]
pub(super) struct Counts {
    accepted: AtomicU64,
    failed: AtomicU64,
    held: AtomicU64,
    discarded: AtomicU64,
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
        let spec = Mutex::new(Spec { name, on_error: OnError::Stop });
        Arc::new(Self { spec, pipeline, counts: Counts::default() })
    }

    fn spec(&self) -> MutexGuard<'_, Spec> {
        self.spec.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rename(&self, name: Arc<str>) {
        self.spec().name = name;
    }

    pub(super) fn set_policy(&self, on_error: OnError) {
        self.spec().on_error = on_error;
    }

    pub(super) fn name(&self) -> Arc<str> {
        self.spec().name.clone()
    }

    pub(super) fn policy(&self) -> OnError {
        self.spec().on_error
    }

    /// How errors speak of this stage.
    pub(super) fn place(&self) -> Arc<str> {
        format!("stage `{}` of pipeline `{}`", self.name(), self.pipeline.get()).into()
    }

    #[inline]
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A closure of this stage returned an error: what ends the pipeline, or nothing where the item is skipped.
    pub(super) fn errored(&self, error: BoxError) -> Option<PipelineError> {
        let place = self.place();
        match self.policy() {
            OnError::Stop => Some(PipelineError::Failed { place, error }),
            OnError::Skip | OnError::Reset => {
                // Its words and its destructor are the user's: they may panic, which is no reason to stop either.
                let _ = catch(&place, || {
                    tracing::warn!(target: "regatta::pipeline", %place, %error, "an item was skipped");
                    drop(error);
                });
                None
            }
        }
    }

    /// A closure of this stage panicked: what ends the pipeline, or nothing where the item is skipped.
    pub(super) fn panicked(&self, payload: Box<dyn Any + Send>) -> Option<PipelineError> {
        self.panicked_with(Panicked::from_payload(self.place(), payload))
    }

    pub(super) fn panicked_with(&self, panicked: Panicked) -> Option<PipelineError> {
        let Panicked { place, message } = &panicked;
        match self.policy() {
            OnError::Stop => {
                tracing::error!(target: "regatta::pipeline", %place, %message, "a stage panicked");
                Some(PipelineError::Panicked(panicked))
            }
            OnError::Skip | OnError::Reset => {
                tracing::warn!(target: "regatta::pipeline", %place, %message, "an item was skipped: the stage panicked");
                None
            }
        }
    }

    /// The stream or iterator of this stage panicked: that always ends the pipeline.
    pub(super) fn source_panicked(&self, payload: Box<dyn Any + Send>) -> PipelineError {
        let panicked = Panicked::from_payload(self.place(), payload);
        tracing::error!(target: "regatta::pipeline", place = %panicked.place, message = %panicked.message, "a source panicked");
        PipelineError::Panicked(panicked)
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
        StageStats { name: self.name(), flow: self.counts.flow(), queued: 0, window: None, busy: 0, workers: 0 }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name()).finish_non_exhaustive()
    }
}
