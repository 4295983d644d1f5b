//! What a job is to those around it: the pool, whoever stops it, and its handle.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::body::At;
use super::core::Core;
use super::error::JobError;

/// A job, as the pool and those who stop it see it.
pub(super) trait Work: Send + Sync {
    fn id(&self) -> u64;

    fn core(&self) -> &Arc<Core>;

    /// Makes the first step, unless somebody has, or the job was stopped; then there is nothing more to do here.
    fn begin(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate>;

    /// Makes another step.
    fn go_on(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate>;

    /// Stops the job, as far as it is meant. Tells whether it was stopped here and now.
    fn stop(&self, why: &JobError, reach: Reach) -> bool;

    /// Tells whether the job was asked to stop.
    fn is_cancelled(&self) -> bool;

    /// Tells whether the job is being dropped half-way, or has panicked: what it worked on may be in any state.
    fn is_broken(&self) -> bool;

    /// Tells whether the job waits for a worker, and may run at this one.
    fn may_begin_at(&self, slot: usize) -> bool;

    /// Tells whether only one worker may run it.
    fn is_bound(&self) -> bool;

    /// Binds it to another worker than it was bound to.
    fn rebind(&self, slot: usize);

    /// Wakes the one who awaits it, without a result.
    fn look_again(&self);

    /// Tells whether the job has a place in the queue.
    fn has_place(&self) -> bool;

    /// Takes the place away, and tells whether there was one: the caller gives it back.
    fn leave_place(&self) -> bool;
}

/// How far a stop goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Drops the job if it has not begun; one that has is left alone.
    Queued,
    /// And asks one that has begun.
    Ask,
    /// And drops one that has begun, if it can be dropped: at once, or when the step that it is making is over.
    Final,
}

/// A job, as its handle sees it.
pub(super) trait Outcome<R>: Work {
    fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Result<R, JobError>>;

    fn has_ended(&self) -> bool;

    /// Says that nobody will take the result.
    fn forsake(&self);
}

/// What became of a job that somebody advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has ended, in whatever way.
    Over,
    /// It had begun elsewhere or was stopped before it began.
    Elsewhere,
}
