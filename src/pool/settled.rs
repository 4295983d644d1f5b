//! Waiting for a closed pool to stop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::core::Core;
use super::word::Levels;
use crate::task::Ticket;

/// Resolves when the pool has come to the given point.
pub(super) struct Settled<'a> {
    core: &'a Core,
    is_over: fn(Levels, usize) -> bool,
    ticket: Option<Ticket>,
}

impl<'a> Settled<'a> {
    /// Every accepted job has ended, and every worker has left.
    pub(super) fn idle(core: &'a Core) -> Self {
        let is_over = |levels: Levels, dropping| levels.queued() == 0 && levels.active() == 0 && dropping == 0;
        Self { core, is_over, ticket: None }
    }

    /// No job is queued, and every closure that will not run is dropped.
    pub(super) fn empty(core: &'a Core) -> Self {
        Self { core, is_over: |levels: Levels, dropping| levels.queued() == 0 && dropping == 0, ticket: None }
    }
}

impl Future for Settled<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.core.poll_settled(this.is_over, &mut this.ticket, cx)
    }
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.core.stop_watching(ticket);
        }
    }
}
