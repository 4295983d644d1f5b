//! An upstream that does not live as long as the stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use super::error::PipelineError;
use super::segment::{Chain, Payload};
use super::stage::Stage;
use crate::error::drop_quietly;

/// What is upstream of a stage: let go when it has ended, or at once where it is of no more use before that.
#[derive(Debug)]
pub(super) struct Early<S> {
    pub(super) segment: Option<S>,
    /// For when it is gone.
    source: Arc<Stage>,
    ended_early: Arc<AtomicBool>,
}

impl<S: Chain> Early<S> {
    pub(super) fn new(segment: S, ended_early: Arc<AtomicBool>) -> Self {
        Self { source: segment.source(), segment: Some(segment), ended_early }
    }

    pub(super) fn let_go(&mut self) {
        // Release: pairs with the Acquire of the end.
        self.ended_early.store(true, Ordering::Release);
        drop_quietly(self.segment.take());
    }

    /// It has ended by itself: what it captured is let go.
    pub(super) fn ended(&mut self) {
        drop_quietly(self.segment.take());
    }

    pub(super) fn has_ended(&self) -> bool {
        self.segment.is_none()
    }

    pub(super) fn poll_progress(&mut self, cx: &mut Context<'_>) {
        if let Some(segment) = &mut self.segment {
            segment.poll_progress(cx);
        }
    }

    pub(super) fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        match &mut self.segment {
            Some(segment) => segment.blame(payload),
            None => Err(payload),
        }
    }

    pub(super) fn source(&self) -> Arc<Stage> {
        // Behind a fan in it depends on which of them runs.
        self.segment.as_ref().map_or_else(|| self.source.clone(), Chain::source)
    }
}
