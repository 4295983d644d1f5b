//! One job on its way through the pool, and where its result waits.
//!
//! Invariants:
//! 1. The phase goes `Ready` ⇄ `Busy` → `Ended` → `Gone`, or from `Busy` to `Gone` where nobody wants the result. Whoever
//!    moves it to `Busy` owns the body; the one who drops the body ends the job, and ends it once.
//! 2. A job is advanced by one worker, or by one who awaits it: whoever made the first step makes the others.
//! 3. The body, with all it captured, is dropped and the job counted before the phase is `Ended`.
//! 4. No user code runs under the lock: body, result and wakers are moved out first.
//! 5. A job that is stopped while it is `Busy` has its verdict noted; the one who advances it finds it before the body is
//!    `Ready` again.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use super::atomics::{AtomicBool, Mutex, lock};
use super::body::{At, Body};
use super::books::Ending;
use super::core::Core;
use super::error::JobError;
use super::here::Running;
use super::meter::{SAMPLE_EVERY, now_ns};
use super::trace::Source;
use crate::error::{Cancelled, catch, drop_quietly, log_quietly, wake_quietly};

/// A job, as the pool and those who stop it see it.
pub(super) trait Work: Send + Sync {
    fn id(&self) -> u64;

    fn core(&self) -> &Arc<Core>;

    /// Makes the first step, unless somebody has, or the job was stopped; then there is nothing more to do here.
    fn begin(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate>;

    /// Makes another step.
    fn go_on(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate>;

    /// Stops the job, here and now, if it has not begun. One that has begun is asked to stop; with `is_final` it is dropped
    /// if it can be, at once or when the step that it is making is over. Tells whether it was stopped here and now.
    fn stop(&self, why: &JobError, is_final: bool) -> bool;

    /// Tells whether the job was asked to stop.
    fn is_cancelled(&self) -> bool;

    /// Tells whether the job waits for a worker, and may run at this one.
    fn may_begin_at(&self, slot: usize) -> bool;
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
    /// It came to its end there.
    Over,
    /// It panicked, or was stopped half-way: what it worked on may be in any state.
    Broken,
    /// It had begun elsewhere or was stopped before it began.
    Elsewhere,
}

pub(super) struct Job<B: Body> {
    core: Arc<Core>,
    id: u64,
    /// The only worker that may run it, if there is one. Limits have fewer bits.
    bound_to: Option<u32>,
    is_cancelled: AtomicBool,
    state: Mutex<State<B>>,
}

struct State<B: Body> {
    phase: Phase<B>,
    has_begun: bool,
    is_wanted: bool,
    /// When it was queued, later when it began, for one job of some; else zero.
    since_ns: u64,
    /// Why it is to be dropped as soon as it is not busy. Boxed, as all errors here: most jobs have none, and queues hold
    /// many jobs.
    verdict: Option<Box<JobError>>,
    /// Of the one who awaits it.
    waiter: Option<Waker>,
    /// Of the one who advances it, where that is a task.
    runner: Option<Waker>,
}

enum Phase<B: Body> {
    Ready(B),
    /// It is being advanced, or dropped.
    Busy,
    Ended(Result<B::Output, Box<JobError>>),
    Gone,
}

impl<B: Body> Job<B> {
    pub(super) fn new(core: Arc<Core>, body: B, id: u64, bound_to: Option<usize>) -> Self {
        let since_ns = if id.is_multiple_of(SAMPLE_EVERY) { now_ns() } else { 0 };
        let state = State {
            phase: Phase::Ready(body),
            has_begun: false,
            is_wanted: true,
            since_ns,
            verdict: None,
            waiter: None,
            runner: None,
        };
        // The mask of the word has fewer than 32 bits.
        let bound_to = bound_to.map(|worker| worker as u32);
        Self { core, id, bound_to, is_cancelled: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn advance(&self, mut body: B, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate> {
        let _running = Running::enter(self.id);
        let place = &self.core.names().job;
        let polled = match catch(place, || body.advance(at, cx)) {
            Ok(Poll::Pending) => return self.park(body, cx),
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panicked) => Err(panicked),
        };
        // What the body captured goes now; a destructor may panic, too.
        let dropped = catch(place, || drop(body));
        let result = match (polled, dropped) {
            (Ok(value), Err(panicked)) => {
                drop_quietly(value);
                Err(panicked)
            }
            (polled, _) => polled,
        };
        let panicked = result.as_ref().err().cloned();
        let result = result.map_err(|panicked| Box::new(JobError::Panicked(panicked)));
        if at.source != Source::Awaited {
            at.post.slot.meter.ends(Ending::of(result.as_ref().err().map(|error| &**error)));
        }
        self.end(result);
        let Some(panicked) = panicked else { return Poll::Ready(Fate::Over) };
        // Last: a subscriber that panics must not leave the handle unresolved.
        log_quietly(|| {
            let (pool, worker) = (&self.core.names().name, &at.post.slot.name);
            tracing::error!(target: "regatta::pool", %pool, %worker, job = self.id, message = %panicked.message, "job panicked");
        });
        Poll::Ready(Fate::Broken)
    }

    /// The body waits for something: it is ready to go on when the runner's waker is called, unless it was stopped.
    fn park(&self, body: B, cx: &Context<'_>) -> Poll<Fate> {
        let mut waker = Some(cx.waker().clone());
        let stopped = {
            let mut state = lock(&self.state);
            match state.verdict.take() {
                Some(why) => Some((body, why)),
                None => {
                    state.phase = Phase::Ready(body);
                    waker = mem::replace(&mut state.runner, waker);
                    None
                }
            }
        };
        waker.into_iter().for_each(drop_quietly);
        let Some((body, why)) = stopped else { return Poll::Pending };
        drop_quietly(body);
        self.end(Err(why));
        Poll::Ready(Fate::Broken)
    }

    fn end(&self, result: Result<B::Output, Box<JobError>>) {
        self.core.book(result.as_ref().err().map(|error| &**error));
        let (waiter, unwanted, since_ns) = {
            let mut state = lock(&self.state);
            let since_ns = if state.has_begun { mem::take(&mut state.since_ns) } else { 0 };
            let unwanted = match state.is_wanted {
                true => {
                    state.phase = Phase::Ended(result);
                    None
                }
                false => {
                    state.phase = Phase::Gone;
                    Some(result)
                }
            };
            (state.waiter.take(), unwanted, since_ns)
        };
        waiter.into_iter().for_each(wake_quietly);
        drop_quietly(unwanted);
        if since_ns > 0 {
            self.core.record_run(now_ns().saturating_sub(since_ns));
        }
    }
}

impl<B: Body> Work for Job<B> {
    fn id(&self) -> u64 {
        self.id
    }

    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn begin(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate> {
        let (body, queued_ns) = {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Busy) {
                Phase::Ready(body) if !state.has_begun => {
                    state.has_begun = true;
                    (body, state.since_ns)
                }
                other => {
                    state.phase = other;
                    return Poll::Ready(Fate::Elsewhere);
                }
            }
        };
        if queued_ns > 0 {
            let now_ns = now_ns();
            lock(&self.state).since_ns = now_ns;
            self.core.record_wait(now_ns.saturating_sub(queued_ns));
        }
        if at.source != Source::Awaited {
            at.post.slot.meter.begins(at.source);
        }
        self.core.trace(self.id, at);
        self.advance(body, at, cx)
    }

    fn go_on(&self, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate> {
        let body = {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Busy) {
                Phase::Ready(body) => body,
                other => {
                    // It was stopped between two steps.
                    state.phase = other;
                    return Poll::Ready(Fate::Broken);
                }
            }
        };
        self.advance(body, at, cx)
    }

    fn stop(&self, why: &JobError, is_final: bool) -> bool {
        self.is_cancelled.store(true, Relaxed);
        let (body, runner) = {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Busy) {
                Phase::Ready(body) if is_final || !state.has_begun => {
                    // Before the lock is gone: a worker that finds the job empty may be the last one, and the pool must
                    // not look stopped before the body is dropped.
                    self.core.drop_begins();
                    (body, state.runner.take())
                }
                other => {
                    if is_final && matches!(other, Phase::Busy) && state.verdict.is_none() {
                        state.verdict = Some(Box::new(why.clone()));
                    }
                    state.phase = other;
                    return false;
                }
            }
        };
        drop_quietly(body);
        self.end(Err(Box::new(why.clone())));
        self.core.drop_ends();
        runner.into_iter().for_each(wake_quietly);
        true
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Relaxed) || self.core.is_aborted()
    }

    fn may_begin_at(&self, slot: usize) -> bool {
        let state = lock(&self.state);
        matches!(state.phase, Phase::Ready(_))
            && !state.has_begun
            && self.bound_to.is_none_or(|bound| bound as usize == slot)
    }
}

impl<B: Body> Outcome<B::Output> for Job<B> {
    fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Result<B::Output, JobError>> {
        // Outlives the lock, on every way out.
        let mut fresh = None;
        loop {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Gone) {
                Phase::Ended(result) => return Poll::Ready(result.map_err(|error| *error)),
                other => state.phase = other,
            }
            if state.waiter.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(fresh) = fresh.take() {
                let displaced = state.waiter.replace(fresh);
                drop(state);
                drop_quietly(displaced);
                return Poll::Pending;
            }
            // Most jobs have ended by the time somebody looks again, and then nothing need be cloned.
            drop(state);
            fresh = Some(cx.waker().clone());
        }
    }

    fn has_ended(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Ended(_) | Phase::Gone)
    }

    fn forsake(&self) {
        let (result, waiter) = {
            let mut state = lock(&self.state);
            state.is_wanted = false;
            let result = match mem::replace(&mut state.phase, Phase::Gone) {
                Phase::Ended(result) => Some(result),
                other => {
                    state.phase = other;
                    None
                }
            };
            (result, state.waiter.take())
        };
        drop_quietly(waiter);
        drop_quietly(result);
    }
}

/// What a job is told that its handle has cancelled.
pub(super) fn cancelled(core: &Core) -> JobError {
    JobError::Cancelled(Cancelled::new(core.names().job.clone()))
}
