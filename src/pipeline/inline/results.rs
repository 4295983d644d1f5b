//! What an inline stage has ready, and its books: the window of a concurrent stage without a lock and without wakers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::error::drop_quietly;
use crate::observe::Flow;
use crate::pipeline::error::PipelineError;
use crate::pipeline::segment::Halt;
use crate::pipeline::stage::{Stage, StageStats, StageView};
use crate::pipeline::window::{Gone, Outcome, Window};

pub(super) struct Results<O> {
    window: Window<O>,
    accepted: u64,
    ledger: Arc<Ledger>,
}

/// The books of one inline stage, in a form that others can read: written by its one runner, once a run.
pub(super) struct Ledger {
    stage: Arc<Stage>,
    /// How many items the stage may hold.
    bound: usize,
    accepted: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    discarded: AtomicU64,
    queued: AtomicUsize,
    busy: AtomicUsize,
    waiting: AtomicUsize,
    has_ended: AtomicBool,
}

impl<O> Results<O> {
    pub(super) fn new(window: Window<O>, stage: Arc<Stage>, bound: usize) -> Self {
        let ledger = Ledger {
            stage,
            bound,
            accepted: AtomicU64::default(),
            done: AtomicU64::default(),
            failed: AtomicU64::default(),
            dropped: AtomicU64::default(),
            discarded: AtomicU64::default(),
            queued: AtomicUsize::default(),
            busy: AtomicUsize::default(),
            waiting: AtomicUsize::default(),
            has_ended: AtomicBool::default(),
        };
        Self { window, accepted: 0, ledger: Arc::new(ledger) }
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.ledger.stage
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// How many places are taken: by items in work, and by results that wait.
    pub(super) fn held(&self) -> usize {
        self.window.held()
    }

    pub(super) fn has_any(&self) -> bool {
        self.window.has_results()
    }

    /// Takes an item in that is worked on: its number.
    pub(super) fn admit(&mut self) -> u64 {
        self.window.admit();
        self.accepted += 1;
        self.accepted - 1
    }

    /// Takes an item in that is kept, and part of no result yet.
    pub(super) fn keep(&mut self) {
        self.accepted += 1;
    }

    /// Kept items are gone.
    pub(super) fn gone(&mut self, gone: &Gone) {
        self.window.gone(gone);
    }

    /// A result of kept items; tells for how many it stands.
    pub(super) fn add(&mut self, result: O) -> u64 {
        self.window.push(result)
    }

    /// Makes room by a policy; tells how many had to go.
    pub(super) fn spill(&mut self, spill: impl FnOnce(&mut Window<O>) -> Vec<O>) -> usize {
        let victims = spill(&mut self.window);
        let count = victims.len();
        victims.into_iter().for_each(drop_quietly);
        count
    }

    /// Ends one item that was worked on.
    pub(super) fn settle(&mut self, number: u64, outcome: Outcome<O>) {
        let unused = self.window.settle(number, outcome);
        if !(unused.is_empty() && self.window.unheard.is_empty()) {
            unused.into_iter().for_each(drop_quietly);
            self.window.unheard.drain(..).for_each(drop_quietly);
        }
    }

    /// An item that was taken in is not even begun.
    pub(super) fn unstarted(&mut self, number: u64) {
        self.window.discard(number);
    }

    /// Pushes up to `left` results on, which it counts down. Breaks when the sink does.
    pub(super) fn push_on<K>(&mut self, left: &mut usize, pushed: &mut u64, sink: &mut K) -> ControlFlow<()>
    where
        K: FnMut(O) -> ControlFlow<()>,
    {
        while *left > 0 {
            let Some(result) = self.window.pop() else { break };
            *left -= 1;
            *pushed += 1;
            sink(result)?;
        }
        ControlFlow::Continue(())
    }

    /// The end, if it has come: `is_idle` says that nothing is inside any more that could become a result.
    pub(super) fn over(&mut self, is_idle: bool, upstream: &mut Option<PipelineError>) -> Option<Halt> {
        if self.has_any() || !(is_idle || self.window.is_cut()) {
            return None;
        }
        let mut failures = self.window.failure.take().into_iter().chain(upstream.take());
        let first = failures.next();
        failures.for_each(drop_quietly);
        Some(first.map_or(Halt::End, Halt::Failed))
    }

    /// Lets others see the books; `busy` items are being worked on, and `waiting` ones wait for another of their key.
    pub(super) fn publish(&self, busy: usize, waiting: usize) {
        let (window, ledger) = (&self.window, &self.ledger);
        ledger.queued.store(window.queued(), Ordering::Relaxed);
        ledger.busy.store(busy, Ordering::Relaxed);
        ledger.waiting.store(waiting, Ordering::Relaxed);
        ledger.accepted.store(self.accepted, Ordering::Relaxed);
        // Release: pair with the Acquires in `flow`, so that who sees an item leave has seen it come.
        ledger.done.store(window.done, Ordering::Release);
        ledger.failed.store(window.failed, Ordering::Release);
        ledger.dropped.store(window.dropped, Ordering::Release);
        ledger.discarded.store(window.discarded, Ordering::Release);
    }

    /// The stage is dropped, with so many items inside that are no results.
    pub(super) fn discard(&mut self, inside: u64) {
        self.window.clear().into_iter().for_each(drop_quietly);
        self.window.unheard.drain(..).for_each(drop_quietly);
        drop_quietly(self.window.failure.take());
        self.window.lose(inside);
        self.publish(0, 0);
        self.ledger.has_ended.store(true, Ordering::Release);
    }
}

impl Ledger {
    fn flow(&self) -> Flow {
        // Last what was written first: so nobody sees more leave than come.
        let done = self.done.load(Ordering::Acquire);
        let failed = self.failed.load(Ordering::Acquire);
        let dropped = self.dropped.load(Ordering::Acquire);
        let discarded = self.discarded.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Relaxed);
        Flow { accepted, done, failed, dropped, discarded, in_flight: accepted - done - failed - dropped - discarded }
    }
}

impl StageView for Ledger {
    fn stats(&self) -> StageStats {
        StageStats {
            name: self.stage.name(),
            flow: self.flow(),
            queued: self.queued.load(Ordering::Relaxed),
            window: Some(self.bound),
            busy: self.busy.load(Ordering::Relaxed),
            workers: 0,
            limit: 0,
            retried: self.stage.retried(),
            waiting: self.waiting.load(Ordering::Relaxed),
            times: None,
            has_ended: self.has_ended.load(Ordering::Acquire),
            failure: self.stage.failure(),
        }
    }
}
