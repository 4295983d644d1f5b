//! What became of the jobs, counted without a lock.
//!
//! Invariants:
//! 1. A job is accepted once, before it is pushed, and ends once: done, failed, dropped or discarded, before its handle
//!    resolves.
//! 2. A reading never shows more jobs ended than accepted. [`flow`](Books::flow) reads the endings first, with
//!    acquire; each ending is counted with release, after the job came through the queue, and so after it was
//!    accepted. With a relaxed pair a reader could see the ending and miss the acceptance.
//! 3. What is left over is `in_flight`. While jobs come and go it may count one that has just ended, never one less; at
//!    rest it is exact.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::atomics::AtomicU64;
use super::error::JobError;
use crate::observe::Flow;

pub(super) struct Books {
    accepted: Line,
    done: Line,
    failed: AtomicU64,
    dropped: AtomicU64,
    discarded: AtomicU64,
    /// Of those discarded: each by itself, by whoever held its handle.
    cancelled: AtomicU64,
}

/// A counter on cache lines of its own: submitters write one, workers the other.
#[repr(align(128))]
struct Line(AtomicU64);

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    /// It panicked.
    Failed,
    /// The overflow policy dropped it.
    Dropped,
    /// Its handle cancelled it.
    Cancelled,
    /// The pool stopped before it could end.
    Discarded,
}

impl Ending {
    pub(super) fn of(error: Option<&JobError>) -> Self {
        match error {
            None => Self::Done,
            Some(JobError::Panicked(_)) => Self::Failed,
            Some(JobError::Full(_)) => Self::Dropped,
            Some(JobError::Cancelled(_)) => Self::Cancelled,
            Some(JobError::Closed(_)) => Self::Discarded,
        }
    }
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            accepted: Line(AtomicU64::new(0)),
            done: Line(AtomicU64::new(0)),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    /// Gives the job's number, from 0.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.0.fetch_add(1, Relaxed)
    }

    pub(super) fn ended(&self, ending: Ending) {
        let counter = match ending {
            Ending::Done => &self.done.0,
            Ending::Failed => &self.failed,
            Ending::Dropped => &self.dropped,
            Ending::Discarded => &self.discarded,
            Ending::Cancelled => {
                // Before the sum that it is a part of.
                self.cancelled.fetch_add(1, Relaxed);
                &self.discarded
            }
        };
        counter.fetch_add(1, Release);
    }

    pub(super) fn flow(&self) -> Flow {
        let [done, failed, dropped, discarded] =
            [&self.done.0, &self.failed, &self.dropped, &self.discarded].map(|counter| counter.load(Acquire));
        let accepted = self.accepted.0.load(Relaxed);
        let in_flight = accepted - done - failed - dropped - discarded;
        Flow { accepted, done, failed, dropped, discarded, in_flight }
    }

    pub(super) fn cancelled(&self) -> u64 {
        self.cancelled.load(Relaxed)
    }
}
