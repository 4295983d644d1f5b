//! Waiting for a place in the queue.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::coop;

use super::body::Body;
use super::core::Core;
use super::crew::Crew;
use super::entry::Spot;
use super::error::{NoWorker, Reason, SubmitError};
use super::handle::JobHandle;
use super::here::Here;
use super::placement::{JobOptions, Placement};
use super::word::Admission;
use crate::error::{Elapsed, Full};
use crate::policy::Overflow;
use crate::task::Ticket;

/// Submits a job when there is room; made by the `submit` methods of [`CpuPool`](super::CpuPool) and
/// [`TaskPool`](super::TaskPool).
///
/// # Cancel safety
/// Nothing is submitted before the future is ready. Dropped earlier it drops the closure, or the future, unrun and
/// uncounted; [`into_inner`](Self::into_inner) gives it back instead. A turn that came meanwhile passes to the next who
/// waits.
///
/// # Panics
/// When it is polled again after it was ready.
#[must_use = "nothing is submitted unless the future is awaited"]
pub struct SubmitFuture<'a, F, R> {
    crew: &'a Arc<dyn Crew>,
    /// Absent once submitted or handed back.
    run: Option<F>,
    options: JobOptions,
    manner: Manner,
    /// Where it will go, once that is picked.
    spot: Option<Spot>,
    ticket: Option<Ticket>,
    accept: Accept<F, R>,
}

/// What is done where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// What the pool's policy says. A job does not wait for room in its own pool.
    Policy,
    /// Waiting, whatever the policy; nor here does a job wait for room in its own pool.
    Patient,
    /// The same, but a job takes a place above the capacity of its own pool: it cannot go on otherwise.
    Entitled,
}

/// Makes a job of what the user gave, once it is admitted.
pub(super) type Accept<F, R> = fn(&Arc<dyn Crew>, F, Admitted) -> JobHandle<R>;

/// What a job that is let in goes on with.
pub(super) enum Admitted {
    Place {
        spot: Spot,
        calls_worker: bool,
    },
    /// There is no room, and by policy nobody waits for it.
    Dropped,
}

impl Admitted {
    pub(super) fn enqueue<B: Body>(self, crew: &Arc<dyn Crew>, body: B) -> JobHandle<B::Output> {
        match self {
            Self::Place { spot, calls_worker } => crew.enqueue(body, spot, calls_worker),
            Self::Dropped => crew.drop_newest(body),
        }
    }
}

// The job is moved, never pinned.
impl<F, R> Unpin for SubmitFuture<'_, F, R> {}

impl<'a, F, R> SubmitFuture<'a, F, R> {
    pub(super) fn new(crew: &'a Arc<dyn Crew>, run: F, options: JobOptions, accept: Accept<F, R>) -> Self {
        Self { crew, run: Some(run), options, manner: Manner::Policy, spot: None, ticket: None, accept }
    }

    pub(super) fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// Gives up waiting and hands the closure, or the future, back; `None` once this has finished.
    #[must_use]
    pub fn into_inner(mut self) -> Option<F> {
        self.run.take()
    }

    /// Submits now if there is room, as `try_submit` does.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure, or the future; [full](SubmitError::is_full) also when others wait for room.
    ///
    /// # Examples
    /// ```
    /// use regatta::policy::Priority;
    /// use regatta::pool::CpuPool;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// let urgent = pool.submit_with(Priority::High, |_| 7).at_once()?;
    /// assert_eq!(urgent.await?, 7);
    /// # Ok(()) }
    /// ```
    pub fn at_once(mut self) -> Result<JobHandle<R>, SubmitError<F>> {
        let admitted = match self.crew.core().try_admit(self.options, self.manner) {
            Err(Wait::Refused(reason)) => Err(reason),
            Err(Wait::Full(_)) => Err(refused(self.crew.core())),
            Ok(admitted) => Ok(admitted),
        };
        self.finish(admitted)
    }

    /// Submits when there is room, and waits for it at most so long, as `submit_timeout` does.
    ///
    /// # Cancel safety
    /// As the future itself.
    ///
    /// # Errors
    /// As for awaiting the future, and [elapsed](SubmitError::is_elapsed).
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`).
    pub async fn within(mut self, limit: Duration) -> Result<JobHandle<R>, SubmitError<F>> {
        match tokio::time::timeout(limit, &mut self).await {
            Ok(submitted) => submitted,
            Err(_) => {
                let core = self.crew.core();
                let elapsed = Elapsed::new(core.names().pool.clone(), limit);
                let taken = core.levels().queued() as usize;
                self.finish(Err(Reason::Elapsed(elapsed, [taken, core.capacity()])))
            }
        }
    }

    fn finish(&mut self, admitted: Result<Admitted, Reason>) -> Result<JobHandle<R>, SubmitError<F>> {
        let Some(run) = self.run.take() else { unreachable!("the job is there until the end") };
        match admitted {
            Ok(admitted) => Ok((self.accept)(self.crew, run, admitted)),
            Err(reason) => Err(SubmitError::new(run, reason)),
        }
    }

    fn poll_admitted(&mut self, cx: &Context<'_>) -> Poll<Result<Admitted, Reason>> {
        let core = self.crew.core();
        if self.ticket.is_none() {
            match core.try_admit(self.options, self.manner) {
                Ok(admitted) => return Poll::Ready(Ok(admitted)),
                Err(Wait::Refused(reason)) => return Poll::Ready(Err(reason)),
                Err(Wait::Full(_)) if self.manner == Manner::Policy && !core.waits_for_room() => {
                    return Poll::Ready(Err(refused(core)));
                }
                Err(Wait::Full(spot)) if Here::is_in_pool(core) => {
                    return Poll::Ready(match self.manner {
                        Manner::Entitled => place(core, core.enter_above(&spot), spot),
                        _ => Err(Reason::FullInside(full(core))),
                    });
                }
                Err(Wait::Full(spot)) => self.spot = Some(spot),
            }
        }
        let Some(spot) = &self.spot else { unreachable!("who waits has picked a place") };
        let admission = ready!(core.poll_enter(spot, &mut self.ticket, cx));
        let Some(spot) = self.spot.take() else { unreachable!("as above") };
        Poll::Ready(place(core, admission, spot))
    }
}

impl<F, R> Future for SubmitFuture<'_, F, R> {
    type Output = Result<JobHandle<R>, SubmitError<F>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.run.is_some(), "a submit future was polled after its end: await it once, or `fuse` it");
        let coop = ready!(coop::poll_proceed(cx));
        let admitted = ready!(this.poll_admitted(cx));
        coop.made_progress();
        Poll::Ready(this.finish(admitted))
    }
}

impl<F, R> Drop for SubmitFuture<'_, F, R> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.crew.core().give_up_waiting(ticket);
        }
    }
}

/// Why a job is not admitted right now.
enum Wait {
    /// There is no room, but there may be.
    Full(Spot),
    Refused(Reason),
}

impl Core {
    /// Takes a place without waiting, as the overflow policy has it.
    fn try_admit(&self, options: JobOptions, manner: Manner) -> Result<Admitted, Wait> {
        let spot = match self.spot(options) {
            Ok(spot) => spot,
            Err(limit) => return Err(Wait::Refused(Reason::NoWorker(self.no_worker(options, limit)))),
        };
        let overflow = if manner == Manner::Policy { self.settings.overflow } else { Overflow::Wait };
        let admission = match overflow {
            Overflow::DropOldest => self.enter_by_force(&spot),
            _ => self.try_enter(&spot),
        };
        match admission {
            Admission::Admitted { calls_worker } => Ok(Admitted::Place { spot, calls_worker }),
            Admission::Full if overflow == Overflow::DropNewest => Ok(Admitted::Dropped),
            Admission::Full => Err(Wait::Full(spot)),
            Admission::Closed => Err(Wait::Refused(Reason::Closed(self.closed()))),
        }
    }

    fn no_worker(&self, options: JobOptions, limit: usize) -> NoWorker {
        let worker = match options.placement {
            Placement::Worker(worker) => worker,
            _ => unreachable!("only jobs that are bound are refused for want of a worker"),
        };
        NoWorker::new(self.names().pool.clone(), worker, limit)
    }
}

/// Goes on with a place, unless the pool has closed.
fn place(core: &Core, admission: Admission, spot: Spot) -> Result<Admitted, Reason> {
    match admission {
        Admission::Admitted { calls_worker } => Ok(Admitted::Place { spot, calls_worker }),
        Admission::Full | Admission::Closed => Err(Reason::Closed(core.closed())),
    }
}

/// Why there is no room now: all places are taken, or others wait for those that are free.
fn refused(core: &Core) -> Reason {
    match core.levels().has_waiting() {
        true => Reason::FullBehind(full(core)),
        false => Reason::Full(full(core)),
    }
}

pub(super) fn full(core: &Core) -> Full {
    Full::new(core.names().pool.clone(), core.capacity())
}

impl<F, R> fmt::Debug for SubmitFuture<'_, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitFuture").field("is_waiting", &self.ticket.is_some()).finish_non_exhaustive()
    }
}
