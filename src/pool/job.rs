//! One closure on its way through the pool, and where its result waits.
//!
//! Invariants:
//! 1. The phase goes `Queued` → `Busy` → `Ended` → `Gone`, or from `Busy` to `Gone` where nobody wants the result.
//!    Whoever moves it from `Queued` to `Busy` owns the closure, and alone ends the job.
//! 2. The closure, with all it captured, is dropped and the job counted before the phase is `Ended`.
//! 3. No user code runs under the lock: closure, result and waker are moved out first.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::atomics::{Mutex, lock};
use super::core::{Core, Run, book};
use super::error::JobError;
use crate::error::{Cancelled, catch, drop_quietly, wake_quietly};

/// A job, as its handle sees it.
pub(super) trait Outcome<R>: Send + Sync {
    fn poll(&self, cx: &Context<'_>) -> Poll<Result<R, JobError>>;

    /// Drops the closure if it has not begun; tells whether it had not.
    fn cancel(&self) -> bool;

    fn has_ended(&self) -> bool;

    /// Says that nobody will take the result.
    fn forsake(&self);
}

pub(super) struct Job<F, R> {
    core: Arc<Core>,
    state: Mutex<State<F, R>>,
}

struct State<F, R> {
    phase: Phase<F, R>,
    waker: Option<Waker>,
    is_wanted: bool,
}

enum Phase<F, R> {
    Queued(F),
    /// The closure is running, or being dropped.
    Busy,
    Ended(Result<R, JobError>),
    Gone,
}

impl<F, R> Job<F, R> {
    pub(super) fn new(core: Arc<Core>, run: F) -> Self {
        Self { core, state: Mutex::new(State { phase: Phase::Queued(run), waker: None, is_wanted: true }) }
    }

    /// Takes the closure, unless somebody has; `drops` says that it will be dropped unrun.
    fn begin(&self, drops: bool) -> Option<F> {
        let mut state = lock(&self.state);
        match mem::replace(&mut state.phase, Phase::Busy) {
            Phase::Queued(run) => {
                if drops {
                    // Before the lock is gone: a worker that finds the job empty may be the last one, and the pool
                    // must not look stopped before the closure is dropped.
                    self.core.drop_begins();
                }
                Some(run)
            }
            other => {
                state.phase = other;
                None
            }
        }
    }

    fn end(&self, result: Result<R, JobError>) {
        book(&self.core, result.as_ref().err());
        let (waker, unwanted) = {
            let mut state = lock(&self.state);
            if state.is_wanted {
                state.phase = Phase::Ended(result);
                (state.waker.take(), None)
            } else {
                state.phase = Phase::Gone;
                (state.waker.take(), Some(result))
            }
        };
        waker.into_iter().for_each(wake_quietly);
        drop_quietly(unwanted);
    }

    fn drop_unrun(&self, why: JobError) -> bool {
        let Some(run) = self.begin(true) else { return false };
        drop_quietly(run);
        self.end(Err(why));
        self.core.drop_ends();
        true
    }
}

impl<F, R> Run for Job<F, R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    fn run(&self) {
        let Some(run) = self.begin(false) else { return };
        match catch(&self.core.names().job, run) {
            Ok(value) => self.end(Ok(value)),
            Err(panicked) => {
                self.end(Err(JobError::Panicked(panicked.clone())));
                // Last: a subscriber that panics must not leave the handle unresolved.
                tracing::error!(target: "regatta::pool", pool = %self.core.names().name, message = %panicked.message, "job panicked");
            }
        }
    }

    fn discard(&self, why: &JobError) -> bool {
        self.drop_unrun(why.clone())
    }
}

impl<F, R> Outcome<R> for Job<F, R>
where
    F: Send,
    R: Send,
{
    fn poll(&self, cx: &Context<'_>) -> Poll<Result<R, JobError>> {
        // Outlives the lock, on every way out.
        let mut fresh = None;
        loop {
            let mut state = lock(&self.state);
            match mem::replace(&mut state.phase, Phase::Gone) {
                Phase::Ended(result) => return Poll::Ready(result),
                other => state.phase = other,
            }
            if state.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(fresh) = fresh.take() {
                let displaced = state.waker.replace(fresh);
                drop(state);
                drop_quietly(displaced);
                return Poll::Pending;
            }
            // Most jobs have ended by the time somebody looks again, and then nothing need be cloned.
            drop(state);
            fresh = Some(cx.waker().clone());
        }
    }

    fn cancel(&self) -> bool {
        self.drop_unrun(JobError::Cancelled(Cancelled::new(self.core.names().job.clone())))
    }

    fn has_ended(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Ended(_) | Phase::Gone)
    }

    fn forsake(&self) {
        let (result, waker) = {
            let mut state = lock(&self.state);
            state.is_wanted = false;
            let result = match mem::replace(&mut state.phase, Phase::Gone) {
                Phase::Ended(result) => Some(result),
                other => {
                    state.phase = other;
                    None
                }
            };
            (result, state.waker.take())
        };
        drop_quietly(waker);
        drop_quietly(result);
    }
}
