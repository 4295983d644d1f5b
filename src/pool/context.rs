//! What a job is given: its worker, whether it should stop, a value that stays with the worker, and a way to spawn more.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use super::body::{At, call_with, drive_with};
use super::crew::Crew;
use super::entry::Spot;
use super::error::{Reason, SubmitError};
use super::handle::JobHandle;
use super::here::Post;
use super::local::{State, Turn};
use super::submit::{Admitted, full};
use super::trace::Source;
use super::word::Admission;
use super::work::Work;
use crate::error::drop_quietly;

/// What both kinds of contexts hold.
struct Inside {
    job: Arc<dyn Work>,
    post: Arc<Post>,
    /// Whether the job is awaited by another that the worker has in hand.
    is_guest: bool,
    /// The worker-local value, once the job has asked for it, and the right to bring it back.
    state: Option<State>,
    turn: Option<Turn>,
}

impl Inside {
    fn new(at: &At<'_>) -> Self {
        let is_guest = at.source == Source::Awaited;
        Self { job: at.job.clone(), post: at.post.clone(), is_guest, state: None, turn: None }
    }

    /// Takes a place at the worker's own end.
    fn enter(&self) -> Result<Admitted, Reason> {
        let Post { core, slot, .. } = &*self.post;
        let spot = Spot::Own(slot.clone());
        match core.try_enter(&spot) {
            Admission::Admitted { calls_worker } => Ok(Admitted::Place { spot, calls_worker }),
            Admission::Full => Err(Reason::FullInside(full(core))),
            Admission::Closed => Err(Reason::Closed(core.closed())),
        }
    }

    fn state(&mut self) -> &mut dyn Any {
        let Self { post, is_guest, state, turn, .. } = self;
        &mut **state.get_or_insert_with(|| {
            let (kept, taken) = post.slot.local.take(*is_guest);
            *turn = taken;
            kept.unwrap_or_else(|| post.core.make_state(post.slot.index))
        })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let Self { job, post, state, turn, .. } = self;
        let state = state.take();
        if std::thread::panicking() || job.is_broken() {
            // The job may have left it half-changed, or have panicked while it was made.
            post.slot.local.give_back(turn.take(), None);
            drop_quietly(state);
        } else if state.is_some() {
            post.slot.local.give_back(turn.take(), state);
        }
    }
}

macro_rules! context {
    ($(#[$doc:meta])* $Context:ident, $Pool:literal) => {
        $(#[$doc])*
        pub struct $Context<S = ()> {
            inside: Inside,
            state: PhantomData<fn() -> S>,
        }

        impl<S: Send + 'static> $Context<S> {
            pub(super) fn new(at: &At<'_>) -> Self {
                Self { inside: Inside::new(at), state: PhantomData }
            }

            /// Tells whether the job should end early: its handle was dropped or cancelled, or the pool is being stopped.
            ///
            /// # Complexity
            /// Two loads: look as often as you like.
            #[must_use]
            pub fn is_cancelled(&self) -> bool {
                self.inside.job.is_cancelled()
            }

            /// The job's number, as [`JobHandle::id`] gives it.
            #[must_use]
            pub fn id(&self) -> u64 {
                self.inside.job.id()
            }

            /// The number of the worker that runs the job, from 0 up to the pool's limit.
            #[must_use]
            pub fn worker(&self) -> usize {
                self.inside.post.slot.index
            }

            /// The name of the worker that runs the job.
            #[must_use]
            pub fn worker_name(&self) -> &str {
                &self.inside.post.slot.name
            }

            /// The value that stays with the worker: what the [`state`](super::PoolBuilder::state) of the builder made for
            /// it, as the last job here has left it.
            ///
            /// It is made when a job first asks for it, and made anew after one that had it has panicked, or was stopped
            /// half-way. It goes back to the worker with the context; the next job there makes a new one if it is kept longer.
            /// A job that is awaited by another job of its worker, which has the value, gets one of its own for its own time.
            ///
            /// # Panics
            /// What the function panics with that makes it; the job then ends with that panic.
            pub fn state(&mut self) -> &mut S {
                match self.inside.state().downcast_mut() {
                    Some(state) => state,
                    None => unreachable!("a pool of `S` makes values of `S`"),
                }
            }
        }

        impl<S> fmt::Debug for $Context<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($Context))
                    .field("job", &self.inside.job.id())
                    .field("worker", &self.inside.post.slot.name)
                    .finish_non_exhaustive()
            }
        }
    };
}

context! {
    /// What a closure of [`CpuPool::submit_with`](super::CpuPool::submit_with) is given.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{CpuPool, Placement};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Each worker keeps a buffer.
    /// let pool = CpuPool::builder().limit(2).state(|_worker| Vec::<u8>::with_capacity(4096)).build();
    /// let length = pool.submit_with(Placement::Worker(1), |mut cx| {
    ///     let buffer = cx.state();
    ///     buffer.clear();
    ///     buffer.extend(b"reused");
    ///     buffer.len()
    /// });
    /// assert_eq!(length.await?.await?, 6);
    /// # Ok(()) }
    /// ```
    CpuContext, "CpuPool"
}

context! {
    /// What the closure of [`TaskPool::submit_with`](super::TaskPool::submit_with) is given, and may take into its future.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{Placement, TaskPool};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Each worker counts its jobs.
    /// let pool = TaskPool::builder().limit(2).state(|_worker| 0_u32).build();
    /// for expected in 1..=3 {
    ///     let counted = pool.submit_with(Placement::Worker(1), |mut cx| async move {
    ///         *cx.state() += 1;
    ///         *cx.state()
    ///     });
    ///     assert_eq!(counted.await?.await?, expected);
    /// }
    /// # Ok(()) }
    /// ```
    TaskContext, "TaskPool"
}

impl<S: Send + 'static> CpuContext<S> {
    /// Spawns a job at this worker's own end: it goes on with its newest job, while workers that have nothing to do steal
    /// its oldest.
    ///
    /// It never waits, because a job that waits for room in its own pool may wait for itself. Handles can be awaited with
    /// [`JobHandle::wait_blocking`], which runs a job that has not begun right there.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure: [full](SubmitError::is_full), then run it here; or
    /// [closed](SubmitError::is_closed), when the pool accepts no more jobs.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{CpuContext, CpuPool, Placement};
    ///
    /// /// Adds up a range, in halves that others may take.
    /// fn sum(cx: CpuContext, range: std::ops::Range<u64>) -> u64 {
    ///     if range.end - range.start <= 1_000 {
    ///         return range.sum();
    ///     }
    ///     let middle = range.start + (range.end - range.start) / 2;
    ///     let right = cx.spawn(move |cx| sum(cx, middle..range.end));
    ///     let left = (range.start..middle).sum::<u64>();
    ///     match right {
    ///         Ok(right) => left + right.wait_blocking().expect("sums do not panic"),
    ///         Err(_full) => left + (middle..range.end).sum::<u64>(),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = CpuPool::new(2);
    /// let total = pool.submit_with(Placement::Injector, |cx| sum(cx, 0..10_000)).await?;
    /// assert_eq!(total.await?, 49_995_000);
    /// # Ok(()) }
    /// ```
    pub fn spawn<F, R>(&self, run: F) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Send + 'static,
    {
        match self.inside.enter() {
            Ok(admitted) => Ok(admitted.enqueue(&self.inside.post.crew, call_with::<_, _, S>(run))),
            Err(reason) => Err(SubmitError::new(run, reason)),
        }
    }

    /// Takes a place for a job at this worker's own end, if there is one.
    pub(super) fn reserve(&self) -> Option<Reserved<'_>> {
        Some(Reserved { crew: &self.inside.post.crew, admitted: self.inside.enter().ok()? })
    }
}

/// A place in the queue, for a job that is made when it is known that there is one. It has to be used.
#[must_use = "a place that is taken has to be used"]
pub(super) struct Reserved<'a> {
    crew: &'a Arc<dyn Crew>,
    admitted: Admitted,
}

impl Reserved<'_> {
    pub(super) fn spawn<F, R>(self, run: F) -> JobHandle<R>
    where
        F: FnOnce(CpuContext) -> R + Send + 'static,
        R: Send + 'static,
    {
        self.admitted.enqueue(self.crew, call_with::<_, _, ()>(run))
    }
}

impl<S: Send + 'static> TaskContext<S> {
    /// Spawns a job at this worker's own end: it goes on with its newest job, while workers that have nothing to do steal
    /// its oldest.
    ///
    /// It never waits, because a job that waits for room in its own pool may wait for itself. Handles can be awaited: a
    /// job that has not begun begins right there.
    ///
    /// # Cancel safety
    /// Dropping the handle drops a job that has not begun; the pool may drop its future at any await, when it is stopped.
    ///
    /// # Errors
    /// [`SubmitError`] with the closure: [full](SubmitError::is_full), then run it here; or
    /// [closed](SubmitError::is_closed), when the pool accepts no more jobs.
    ///
    /// # Examples
    /// A job that spawns jobs like itself is a function that gives a boxed future: the type of any other would contain itself.
    /// What is refused is done here.
    /// ```
    /// use futures::future::{BoxFuture, FutureExt};
    /// use regatta::pool::{Placement, TaskContext, TaskPool};
    ///
    /// /// Counts the pages that can be reached: each has two links, down to the last level.
    /// fn pages(cx: Option<TaskContext>, level: u32) -> BoxFuture<'static, u64> {
    ///     async move {
    ///         if level == 0 {
    ///             return 1;
    ///         }
    ///         let right = cx.as_ref().map(|cx| cx.spawn(move |cx| pages(Some(cx), level - 1)));
    ///         let left = pages(None, level - 1).await;
    ///         1 + left + match right {
    ///             Some(Ok(right)) => right.await.expect("pages do not panic"),
    ///             // There is no room, or the pool was closed.
    ///             Some(Err(_)) | None => pages(None, level - 1).await,
    ///         }
    ///     }
    ///     .boxed()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = TaskPool::new(4);
    /// let counted = pool.submit_with(Placement::Injector, |cx| pages(Some(cx), 8)).await?;
    /// assert_eq!(counted.await?, 511);
    /// # Ok(()) }
    /// ```
    pub fn spawn<M, F>(&self, make: M) -> Result<JobHandle<F::Output>, SubmitError<M>>
    where
        M: FnOnce(Self) -> F + Send + 'static,
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.inside.enter() {
            Ok(admitted) => Ok(admitted.enqueue(&self.inside.post.crew, drive_with::<_, _, S>(make))),
            Err(reason) => Err(SubmitError::new(make, reason)),
        }
    }
}
