//! Work that several jobs of a pool do together: one begins, it calls others while there is more to do, and whoever has the
//! outcome gives it to the future that waits.
//!
//! Invariants:
//! 1. Members wait for nothing. One that finds nothing to do leaves; whoever has something to give away calls another. So
//!    the work ends on a pool of one, and a job that waits for it in its own pool can do it all.
//! 2. The outcome is given once: by the member that has it, or that has panicked first.
//! 3. What waits holds no work, only jobs: when all of these are gone without an outcome, it is told.
//! 4. Dropping the future stops the work: queued members are discarded, running ones see it when they next look. When there
//!    is an outcome, members that have not come find nothing to do, and hold nothing: they are not cancelled, because nothing
//!    is left undone.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

use super::body::call_with;
use super::context::CpuContext;
use super::core::Core;
use super::cpu::CpuPool;
use super::current;
use super::error::{JobError, SubmitError};
use super::handle::JobHandle;
use super::owner::Owner;
use super::placement::JobOptions;
use super::submit::{Admitted, Manner, SubmitFuture};
use crate::error::{Panicked, caught, drop_quietly};

/// What the members of a team do.
pub(crate) trait Work: Send + Sync + Sized + 'static {
    type Output: Send + 'static;

    /// Works until there is nothing left to do right now; gives the outcome if this member has found it. A panic is the
    /// outcome, too.
    fn take_part(&self, member: &Member<'_, Self>) -> Option<Self::Output>;
}

/// The pool that a team works on, whatever its workers' state.
#[derive(Clone)]
pub(crate) struct Workers(Arc<Owner>);

/// One job of a team.
pub(crate) struct Member<'a, W: Work> {
    cx: &'a CpuContext,
    team: &'a Arc<Team<W>>,
}

type Sender<W> = oneshot::Sender<Result<<W as Work>::Output, Panicked>>;

struct Team<W: Work> {
    work: W,
    /// Taken by whoever gives the outcome.
    outcome: Mutex<Option<Sender<W>>>,
    signal: Arc<Signal>,
    /// How many members are queued or at work.
    out: AtomicUsize,
    /// For panics.
    place: Arc<str>,
    core: Arc<Core>,
}

/// What the waiting future shares with the members.
struct Signal {
    /// Relaxed: it carries no data, and a member that misses it looks again.
    is_over: AtomicBool,
    /// Those who were called. Kept, because a handle that is dropped cancels its job.
    called: Mutex<Vec<Called>>,
}

/// A member that was called.
struct Called {
    handle: JobHandle<()>,
    invitation: Arc<dyn Recall>,
}

/// A seat that waits for its member.
struct Invitation<W: Work>(Mutex<Option<Seat<W>>>);

/// The member's end of an invitation: a job that is dropped before it begins has its seat let go.
struct Invited<W: Work>(Arc<Invitation<W>>);

/// Lets go of a seat whose member has not come.
trait Recall: Send + Sync {
    fn recall(&self);
}

/// Stops the members when nobody waits any more.
struct Waiting(Arc<Signal>);

/// Counted as out until it is dropped, whether or not it came to work.
struct Seat<W: Work>(Arc<Team<W>>);

impl<S> From<&CpuPool<S>> for Workers {
    fn from(pool: &CpuPool<S>) -> Self {
        Self(pool.owner().clone())
    }
}

impl Workers {
    /// Those of the runtime we are in.
    #[track_caller]
    pub(crate) fn current(what: &str) -> Self {
        (&current::of_runtime(&crate::task::runtime(what))).into()
    }

    /// How many there may be at once.
    pub(crate) fn limit(&self) -> usize {
        self.0.core().levels().limit()
    }

    /// The name of something that is done here, for panics and errors.
    pub(crate) fn place(&self, what: &str) -> Arc<str> {
        format!("`{what}` on {}", self.0.core().names().pool).into()
    }

    /// Does the work and gives its outcome.
    ///
    /// Its first member waits for room in the queue whatever the overflow policy; others take part only if there is room.
    pub(crate) async fn work_on<W: Work>(self, what: &str, work: W) -> Result<W::Output, JobError> {
        let place = self.place(what);
        let signal = Arc::new(Signal { is_over: AtomicBool::new(false), called: Mutex::new(Vec::new()) });
        let waiting = Waiting(signal.clone());
        let (outcome, mut awaited) = oneshot::channel();
        let outcome = Mutex::new(Some(outcome));
        let team = Team { work, outcome, signal, out: AtomicUsize::new(0), place, core: self.0.core().clone() };
        let first = self.hand_over(member(Invitation::new(Arc::new(team))), true).await;
        let mut first = first.map_err(SubmitError::into_job_error)?;
        let (mut first_ended, mut are_gone) = (None, false);
        // The job's handle is polled, too: awaited in a job of its own pool, that runs it.
        poll_fn(|cx| {
            if !are_gone && let Poll::Ready(outcome) = Pin::new(&mut awaited).poll(cx) {
                match outcome {
                    Ok(outcome) => {
                        // Members that were called at the same time.
                        waiting.0.recall();
                        return Poll::Ready(outcome.map_err(JobError::Panicked));
                    }
                    Err(_) => are_gone = true,
                }
            }
            if first_ended.is_none()
                && let Poll::Ready(ended) = Pin::new(&mut first).poll(cx)
            {
                first_ended = Some(ended.err().unwrap_or_else(|| JobError::Closed(self.0.core().closed())));
            }
            // A job says why it has ended only after it has dropped what it holds: so the first one is waited for.
            match first_ended.take() {
                Some(error) if are_gone => Poll::Ready(Err(error)),
                other => {
                    first_ended = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Has one closure become a job, when there is room. Inside a job of the same pool it does not wait, and takes a place
    /// above the capacity if it is the only one of its operation.
    pub(crate) async fn hand_over<F, R>(&self, run: F, is_only: bool) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce(CpuContext) -> R + Send + 'static,
        R: Send + 'static,
    {
        let submit = SubmitFuture::new(self.0.crew(), run, JobOptions::new(), |crew, run, admitted| {
            Admitted::enqueue(admitted, crew, call_with::<_, _, ()>(run))
        });
        submit.manner(if is_only { Manner::Entitled } else { Manner::Patient }).await
    }
}

impl<W: Work> Member<'_, W> {
    /// Tells whether the work should end: nobody waits for it, it is over, or the pool is being stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.team.signal.is_over.load(Relaxed) || self.cx.is_cancelled()
    }

    /// Tells whether fewer are out than the pool has workers.
    pub(crate) fn is_short(&self) -> bool {
        self.team.out.load(Relaxed) < self.team.limit()
    }

    /// Has others take part, as many as there is something to do for, and room in the pool.
    pub(crate) fn call(&self, wanted: usize) {
        for _ in 0..wanted {
            if !self.is_short() {
                return;
            }
            let Some(place) = self.cx.reserve() else { return };
            let invitation = Invitation::new(self.team.clone());
            let handle = place.spawn(member(invitation.clone()));
            let mut called = lock(&self.team.signal.called);
            // Those that have ended hold nothing but memory.
            if called.len() > 2 * self.team.limit() {
                called.retain(|called| !called.handle.is_finished());
            }
            called.push(Called { handle, invitation });
        }
    }
}

/// A member's job.
fn member<W: Work>(invitation: Arc<Invitation<W>>) -> impl FnOnce(CpuContext) + Send + 'static {
    let invited = Invited(invitation);
    move |cx| {
        let Some(seat) = lock(&invited.0.0).take() else { return };
        let Seat(team) = &seat;
        let member = Member { cx: &cx, team };
        if member.is_stopped() {
            return drop_quietly(seat);
        }
        let mut panic = None;
        match caught(|| team.work.take_part(&member)) {
            Ok(None) => {}
            Ok(Some(outcome)) => team.give(Ok(outcome)),
            Err(payload) => {
                let panicked = Panicked::from_payload(team.place.clone(), payload);
                panic = Some(panicked.message.to_string());
                team.give(Err(panicked));
            }
        }
        // The last one drops the work, and what the user has given for it.
        drop_quietly(seat);
        if let Some(message) = panic {
            // The job is counted as one that has panicked.
            resume_unwind(Box::new(message));
        }
    }
}

impl<W: Work> Team<W> {
    fn limit(&self) -> usize {
        self.core.levels().limit()
    }

    fn give(&self, outcome: Result<W::Output, Panicked>) {
        self.signal.is_over.store(true, Relaxed);
        // Here rather than where the outcome is awaited: the last one to go drops the work, which may be large.
        self.signal.recall();
        let waits = lock(&self.outcome).take();
        // One that is too late, or that nobody waits for, is dropped here.
        let refused = match waits {
            Some(waits) => waits.send(outcome).err(),
            None => Some(outcome),
        };
        drop_quietly(refused);
    }
}

impl<W: Work> Invitation<W> {
    fn new(team: Arc<Team<W>>) -> Arc<Self> {
        team.out.fetch_add(1, Relaxed);
        Arc::new(Self(Mutex::new(Some(Seat(team)))))
    }
}

impl<W: Work> Recall for Invitation<W> {
    fn recall(&self) {
        let seat = lock(&self.0).take();
        drop_quietly(seat);
    }
}

impl Signal {
    /// Lets those who have not come find nothing to do.
    fn recall(&self) {
        let called = std::mem::take(&mut *lock(&self.called));
        for Called { handle, invitation } in called {
            invitation.recall();
            handle.detach();
        }
    }
}

impl<W: Work> Drop for Seat<W> {
    fn drop(&mut self) {
        self.0.out.fetch_sub(1, Relaxed);
    }
}

impl<W: Work> Drop for Invited<W> {
    fn drop(&mut self) {
        self.0.recall();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_over.store(true, Relaxed);
        let called = std::mem::take(&mut *lock(&self.0.called));
        drop(called);
    }
}

fn lock<V>(mutex: &Mutex<V>) -> std::sync::MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
