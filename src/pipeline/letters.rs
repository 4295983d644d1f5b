//! The policy of a stage without workers: it cannot await, so a dead letter that finds no room is kept until it does.

use std::fmt;
use std::task::{Context, Poll};

use super::error::PipelineError;
use super::on_error::{Failure, OnError, Sending, Verdict};
use super::segment::{Halt, Payload};
use super::stage::Stage;
use crate::error::{Panicked, drop_quietly};

/// What a fused stage does with items that fail: [`Letters`], or [`Unhandled`] as long as nobody has said.
#[doc(hidden)]
pub trait Policy<I> {
    /// Before each item is worked on. Runs the user's `clone`: under the stage's watch.
    fn keep(&mut self, item: &I);

    /// At the end of a run: the last item has passed, and is nobody's letter any more.
    fn forget(&mut self);

    /// An item has failed, and that is counted already: what ends the stage, if anything does.
    fn failed(&mut self, stage: &Stage, failure: Failure) -> Option<PipelineError>;

    /// Nothing more is worked on while this holds.
    fn is_sending(&self) -> bool;

    /// Ready when no letter waits; with what ends the stage, if the letter was refused.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>>;

    /// The closure panicked.
    fn panicked(&mut self, stage: &Stage, payload: Payload) -> Option<PipelineError> {
        self.failed(stage, Failure::Panicked(Panicked::from_payload(stage.place(), payload)))
    }

    /// At the end of a run in which an item may have failed: why it has ended.
    #[inline]
    fn end(&mut self, polled: Poll<Halt>, failure: Option<PipelineError>) -> Poll<Halt> {
        self.forget();
        match failure {
            Some(failure) => Poll::Ready(Halt::Failed(failure)),
            // The letter is polled before the next item.
            None if self.is_sending() => Poll::Ready(Halt::Fuel),
            None => polled,
        }
    }
}

/// [`OnError::Stop`], at no cost for an item: a type of its own, since a loop in which an item might be cloned, and the
/// clone might unwind, keeps what it counts in memory.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Unhandled;

#[doc(hidden)]
pub struct Letters<I> {
    on_error: OnError<I>,
    /// A clone of the item at hand, where the policy wants one.
    kept: Option<I>,
    sending: Option<Sending>,
}

impl<I> Letters<I> {
    pub(super) fn new() -> Self {
        Self::of(OnError::Stop)
    }

    pub(super) fn of(on_error: OnError<I>) -> Self {
        Self { on_error, kept: None, sending: None }
    }

    pub(super) fn set(&mut self, on_error: OnError<I>) {
        self.on_error = on_error;
    }

    pub(super) fn is_reset(&self) -> bool {
        self.on_error.is_reset()
    }

    /// As `panicked`, where the item that failed is still at hand, and no clone of it is needed.
    pub(super) fn panicked_on(&mut self, item: Option<I>, stage: &Stage, payload: Payload) -> Option<PipelineError> {
        self.kept = item;
        self.panicked(stage, payload)
    }
}

impl<I> Policy<I> for Letters<I> {
    #[inline]
    fn keep(&mut self, item: &I) {
        if matches!(self.on_error, OnError::DeadLetter(_)) {
            self.kept = self.on_error.keep(item);
        }
    }

    #[inline]
    fn forget(&mut self) {
        if self.kept.is_some() {
            drop_quietly(self.kept.take());
        }
    }

    #[cold]
    fn failed(&mut self, stage: &Stage, failure: Failure) -> Option<PipelineError> {
        match self.on_error.judge(stage, failure, self.kept.take(), 1) {
            Verdict::Stop(error) => Some(error),
            Verdict::Skip => None,
            Verdict::Wait(sending) => {
                self.sending = Some(sending);
                None
            }
        }
    }

    #[inline]
    fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    #[inline]
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        match &mut self.sending {
            None => Poll::Ready(None),
            Some(sending) => {
                let polled = sending.as_mut().poll(cx);
                if polled.is_ready() {
                    self.sending = None;
                }
                polled
            }
        }
    }
}

impl<I> Policy<I> for Unhandled {
    #[inline(always)]
    fn keep(&mut self, _: &I) {}

    #[inline(always)]
    fn forget(&mut self) {}

    #[cold]
    fn failed(&mut self, stage: &Stage, failure: Failure) -> Option<PipelineError> {
        Some(stage.stopped_by(failure))
    }

    #[inline(always)]
    fn is_sending(&self) -> bool {
        false
    }

    #[inline(always)]
    fn poll_sent(&mut self, _: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        Poll::Ready(None)
    }
}

impl<I> fmt::Debug for Letters<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("on_error", &self.on_error).finish_non_exhaustive()
    }
}
