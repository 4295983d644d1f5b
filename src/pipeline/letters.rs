//! The policy of a stage without workers: it cannot await, so a dead letter that finds no room is kept until it does.

use std::fmt;
use std::task::{Context, Poll};

use super::error::PipelineError;
use super::meter::Books;
use super::on_error::{Failure, OnError, Sending, Verdict};
use super::segment::{Halt, Payload};
use super::stage::Stage;
use crate::error::{BoxError, Panicked, drop_quietly};

pub(super) struct Letters<I> {
    on_error: OnError<I>,
    /// A clone of the item at hand, where the policy wants one.
    kept: Option<I>,
    sending: Option<Sending>,
}

impl<I> Letters<I> {
    pub(super) fn new() -> Self {
        Self { on_error: OnError::Stop, kept: None, sending: None }
    }

    pub(super) fn set(&mut self, on_error: OnError<I>) {
        self.on_error = on_error;
    }

    pub(super) fn is_reset(&self) -> bool {
        self.on_error.is_reset()
    }

    /// Before each item is worked on. Runs the user's `clone`: under the stage's watch.
    #[inline]
    pub(super) fn keep(&mut self, item: &I) {
        if matches!(self.on_error, OnError::DeadLetter(_)) {
            self.kept = self.on_error.keep(item);
        }
    }

    /// The closure returned an error: what ends the stage, if anything does.
    #[cold]
    pub(super) fn errored(&mut self, books: &mut Books, error: BoxError) -> Option<PipelineError> {
        books.fail();
        self.failed(&books.stage, Failure::Error(error))
    }

    /// The closure panicked, and that is counted already.
    pub(super) fn panicked(&mut self, stage: &Stage, payload: Payload) -> Option<PipelineError> {
        self.failed(stage, Failure::Panicked(Panicked::from_payload(stage.place(), payload)))
    }

    /// As `panicked`, where the item that failed is still at hand, and no clone of it is needed.
    pub(super) fn panicked_on(&mut self, item: Option<I>, stage: &Stage, payload: Payload) -> Option<PipelineError> {
        self.kept = item;
        self.panicked(stage, payload)
    }

    pub(super) fn failed(&mut self, stage: &Stage, failure: Failure) -> Option<PipelineError> {
        match self.on_error.judge(stage, failure, self.kept.take(), 1) {
            Verdict::Stop(error) => Some(error),
            Verdict::Skip => None,
            Verdict::Wait(sending) => {
                self.sending = Some(sending);
                None
            }
        }
    }

    /// Nothing more is worked on while this holds.
    #[inline]
    pub(super) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// Ready when no letter waits; with what ends the stage, if the letter was refused.
    #[inline]
    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
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

    /// At the end of a run: the last item has passed, and is nobody's letter any more.
    #[inline]
    pub(super) fn forget(&mut self) {
        if self.kept.is_some() {
            drop_quietly(self.kept.take());
        }
    }

    /// At the end of a run in which an item may have failed: why it has ended.
    #[inline]
    pub(super) fn end(&mut self, polled: Poll<Halt>, failure: Option<PipelineError>) -> Poll<Halt> {
        self.forget();
        match failure {
            Some(failure) => Poll::Ready(Halt::Failed(failure)),
            // The letter is polled before the next item.
            None if self.is_sending() => Poll::Ready(Halt::Fuel),
            None => polled,
        }
    }
}

impl<I> fmt::Debug for Letters<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("on_error", &self.on_error).finish_non_exhaustive()
    }
}
