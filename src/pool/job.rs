//! One job on its way through the pool, and where its result waits.
//!
//! Invariants:
//! 1. The phase goes `Ready` ⇄ `Busy` → `Ended` → `Gone`, or from `Busy` to `Gone` where nobody wants the result. Whoever
//!    moves it to `Busy` owns the body; the one who drops the body ends the job, and ends it once.
//! 2. A job is advanced by one worker: whoever made the first step makes the others.
//! 3. The body, with all it captured, is dropped and the job counted before the phase is `Ended`.
//! 4. No user code runs under the lock: body, result and wakers are moved out first.
//! 5. A job that is stopped while it is `Busy` has its verdict noted; the one who advances it finds it before the body is
//!    `Ready` again.
//! 6. The place in the queue is given back once: by whoever pops the job, begins it out of turn, or stops it before it
//!    begins. What is bound gives it back under the desk's lock.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use super::atomics::{AtomicBool, AtomicUsize, Mutex, lock};
use super::body::{At, Body};
use super::books::Ending;
use super::core::Core;
use super::entry::Spot;
use super::error::JobError;
use super::here::Running;
use super::meter::{SAMPLE_EVERY, now_ns};
use super::trace::Source;
use super::work::{Fate, Outcome, Reach, Work};
use crate::error::{Cancelled, catch, drop_quietly, log_quietly, wake_quietly};

pub(super) struct Job<B: Body> {
    core: Arc<Core>,
    id: u64,
    /// The only worker that may run it, or [`ANYBODY`].
    bound_to: AtomicUsize,
    has_place: AtomicBool,
    is_cancelled: AtomicBool,
    is_broken: AtomicBool,
    state: Mutex<State<B>>,
}

const ANYBODY: usize = usize::MAX;

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
    /// Makes a job that has its place at a spot, or none.
    pub(super) fn new(core: Arc<Core>, body: B, id: u64, spot: Option<&Spot>) -> Self {
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
        Self {
            core,
            id,
            bound_to: AtomicUsize::new(spot.and_then(Spot::bound_to).unwrap_or(ANYBODY)),
            has_place: AtomicBool::new(spot.is_some()),
            is_cancelled: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    fn advance(&self, mut body: B, at: &At<'_>, cx: &mut Context<'_>) -> Poll<Fate> {
        let _running = Running::enter(self.id);
        let place = &self.core.names().job;
        let polled = match catch(place, || body.advance(at, cx)) {
            Ok(Poll::Pending) => return self.park(body, at, cx),
            Ok(Poll::Ready(value)) => Ok(value),
            Err(mut panicked) => {
                self.is_broken.store(true, Relaxed);
                if let Some(item) = body.item() {
                    panicked.place = self.core.item_name(item);
                }
                Err(panicked)
            }
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
        let panicked = match &result {
            Ok(value) => B::panic_in(value).cloned(),
            Err(panicked) => Some(panicked.clone()),
        };
        let failure = panicked.map(JobError::Panicked);
        at.post.slot.meter.ends(Ending::of(failure.as_ref()));
        self.core.book(failure.as_ref());
        self.end(result.map_err(|panicked| Box::new(JobError::Panicked(panicked))));
        if let Some(JobError::Panicked(panicked)) = failure {
            // Last: a subscriber that panics must not leave the handle unresolved.
            log_quietly(|| {
                let (pool, worker) = (&self.core.names().name, &at.post.slot.name);
                tracing::error!(target: "regatta::pool", %pool, %worker, job = self.id, message = %panicked.message, "job panicked");
            });
        }
        Poll::Ready(Fate::Over)
    }

    /// The body waits for something: it is ready to go on when the runner's waker is called, unless it was stopped.
    fn park(&self, body: B, at: &At<'_>, cx: &Context<'_>) -> Poll<Fate> {
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
        self.is_broken.store(true, Relaxed);
        drop_quietly(body);
        at.post.slot.meter.lost();
        self.core.book(Some(&why));
        self.end(Err(why));
        Poll::Ready(Fate::Over)
    }

    /// Gives the result, after it was booked.
    fn end(&self, result: Result<B::Output, Box<JobError>>) {
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
        if at.source == Source::Awaited {
            self.core.vacate(self);
        }
        at.post.slot.meter.begins(at.source);
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
                    at.post.slot.meter.lost();
                    return Poll::Ready(Fate::Over);
                }
            }
        };
        self.advance(body, at, cx)
    }

    fn stop(&self, why: &JobError, reach: Reach) -> bool {
        if reach != Reach::Queued {
            self.is_cancelled.store(true, Relaxed);
        }
        let (body, has_begun, runner) = {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Busy) {
                Phase::Ready(body) if reach == Reach::Final || !state.has_begun => {
                    // Before the lock is gone: a worker that finds the job empty may be the last one, and the pool must
                    // not look stopped before the body is dropped.
                    self.core.drop_begins();
                    (body, state.has_begun, state.runner.take())
                }
                other => {
                    if reach == Reach::Final && matches!(other, Phase::Busy) && state.verdict.is_none() {
                        state.verdict = Some(Box::new(why.clone()));
                    }
                    state.phase = other;
                    return false;
                }
            }
        };
        match has_begun {
            true => self.is_broken.store(true, Relaxed),
            false => self.core.vacate(self),
        }
        drop_quietly(body);
        self.core.book(Some(why));
        self.end(Err(Box::new(why.clone())));
        self.core.drop_ends();
        runner.into_iter().for_each(wake_quietly);
        true
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Relaxed) || self.core.is_aborted()
    }

    fn may_begin_at(&self, slot: usize) -> bool {
        let bound_to = self.bound_to.load(Relaxed);
        let state = lock(&self.state);
        matches!(state.phase, Phase::Ready(_)) && !state.has_begun && (bound_to == ANYBODY || bound_to == slot)
    }

    fn is_broken(&self) -> bool {
        self.is_broken.load(Relaxed)
    }

    fn is_bound(&self) -> bool {
        self.bound_to.load(Relaxed) != ANYBODY
    }

    fn rebind(&self, slot: usize) {
        self.bound_to.store(slot, Relaxed);
    }

    fn look_again(&self) {
        let waiter = lock(&self.state).waiter.take();
        waiter.into_iter().for_each(wake_quietly);
    }

    fn has_place(&self) -> bool {
        self.has_place.load(Relaxed)
    }

    fn leave_place(&self) -> bool {
        self.has_place.swap(false, Relaxed)
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
