//! Settings of a pool.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZero;
use std::sync::Arc;

use super::core::Settings;
use super::cpu::CpuPool;
use super::local::State;
use super::owner::Owner;
use super::task_pool::TaskPool;
use super::tasks::Tasks;
use super::threads::Threads;
use super::trace::{Hook, JobEvent};
use super::word::{CAPACITY_MAX, Calls, LIMIT_MAX};
use crate::error::refuse_zero;
use crate::policy::Overflow;

/// Settings of a [`CpuPool`] or a [`TaskPool`]; made by [`CpuPool::builder`] and [`TaskPool::builder`].
///
/// `K` says which of the two, `S` is the type of the workers' [state](Self::state).
///
/// # Examples
/// ```
/// use regatta::policy::Overflow;
/// use regatta::pool::CpuPool;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let pool = CpuPool::builder()
///     .limit(2)
///     .capacity(64)
///     .overflow(Overflow::Reject)
///     .name("thumbnails")
///     .name(|i| format!("Worker-{i}"))
///     .build();
/// assert_eq!((pool.stats().limit, pool.stats().capacity), (2, 64));
/// # }
/// ```
#[must_use = "nothing exists before `build`"]
pub struct PoolBuilder<K, S = ()> {
    limit: usize,
    capacity: usize,
    overflow: Overflow,
    name: Option<Arc<str>>,
    worker_name: Option<Box<dyn Fn(usize) -> Arc<str> + Send + Sync>>,
    on_job: Option<Hook>,
    make_state: Box<dyn Fn(usize) -> State + Send + Sync>,
    kind: PhantomData<fn() -> (K, S)>,
}

/// Of a [`PoolBuilder`]: that it builds a [`CpuPool`].
#[derive(Debug)]
#[non_exhaustive]
pub struct OfClosures;

/// Of a [`PoolBuilder`]: that it builds a [`TaskPool`].
#[derive(Debug)]
#[non_exhaustive]
pub struct OfFutures;

/// What [`PoolBuilder::name`] takes: a name for the pool, or a function from a worker's number to its name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names neither a pool nor its workers",
    note = "give a `&str` or `String` for the pool, or a closure for the workers: `.name(|i| format!(\"Worker-{{i}}\"))`"
)]
pub trait Naming<Kind>: naming::Sealed<Kind> {}

mod naming {
    use super::Arc;

    /// A name for the pool.
    #[derive(Debug)]
    pub struct Whole;
    /// A name for each worker.
    #[derive(Debug)]
    pub struct Each;

    #[expect(missing_debug_implementations, reason = "nobody outside can have one")]
    pub enum Names {
        Pool(Arc<str>),
        Workers(Box<dyn Fn(usize) -> Arc<str> + Send + Sync>),
    }

    pub trait Sealed<Kind> {
        fn names(self) -> Names;
    }

    impl<N: Into<Arc<str>>> Sealed<Whole> for N {
        fn names(self) -> Names {
            Names::Pool(self.into())
        }
    }

    impl<F, N> Sealed<Each> for F
    where
        F: Fn(usize) -> N + Send + Sync + 'static,
        N: Into<Arc<str>>,
    {
        fn names(self) -> Names {
            Names::Workers(Box::new(move |worker| self(worker).into()))
        }
    }
}

impl<N: Into<Arc<str>>> Naming<naming::Whole> for N {}
impl<F, N> Naming<naming::Each> for F
where
    F: Fn(usize) -> N + Send + Sync + 'static,
    N: Into<Arc<str>>,
{
}

impl<K> PoolBuilder<K> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            capacity: 1024,
            overflow: Overflow::Wait,
            name: None,
            worker_name: None,
            on_job: None,
            make_state: Box::new(|_| Box::new(())),
            kind: PhantomData,
        }
    }
}

impl PoolBuilder<OfClosures> {
    /// One closure for each core that the process may use.
    pub(super) fn of_closures() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, NonZero::get))
    }
}

impl PoolBuilder<OfFutures> {
    /// As many as a service has connections rather than cores.
    pub(super) fn of_futures() -> Self {
        Self::new(64)
    }
}

impl<K, S> PoolBuilder<K, S> {
    /// Sets how many jobs run at once, at most 131,071: more, as `usize::MAX`, means that many. Default: for closures one for
    /// each core that the process may use, for futures 64. It can be [changed](CpuPool::resize) later.
    ///
    /// Of closures the runtime's `max_blocking_threads` (default 512) limits how many run, too.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        refuse_zero("PoolBuilder", "limit", limit);
        self.limit = limit;
        self
    }

    /// Sets how many jobs may be queued, in all lanes and lines together, at most 134,217,727: more, as `usize::MAX`, means
    /// that many. Default: 1024. Nothing is allocated ahead. (A map inside a job of the same pool takes a place above it when it could not go on otherwise.)
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn capacity(mut self, capacity: usize) -> Self {
        refuse_zero("PoolBuilder", "capacity", capacity);
        self.capacity = capacity;
        self
    }

    /// Sets what happens to a job that is submitted while the queue is full. Default: its submitter waits.
    ///
    /// - [`Overflow::Reject`]: `submit` hands the job back, as `try_submit` does.
    /// - [`Overflow::DropOldest`]: the job is queued, and makes room for itself: of the lowest lane of the common queue that
    ///   holds anything, else of the workers' lines, the job that has waited longest is dropped. Its handle resolves to
    ///   [`JobError::Full`](super::JobError::Full).
    /// - [`Overflow::DropNewest`]: the job is accepted and dropped; its handle resolves to
    ///   [`JobError::Full`](super::JobError::Full).
    ///
    /// Jobs that are dropped are counted as [`dropped`](crate::observe::Flow::dropped). Maps wait for room whatever the policy,
    /// and children of jobs ([`spawn`](super::CpuContext::spawn)) are handed back as full. A job that makes room for itself
    /// comes in before the maps that wait.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Names the pool, or, with a closure, its workers. A pool without a name is called `pool#` and a number; workers
    /// without names are called by the pool's name and their number.
    ///
    /// The pool's name is in errors, traces and snapshots; those of workers are in traces and in reports, and the first 64
    /// workers that were given names have rows in snapshots. A closure that panics gives the worker the name it has without.
    pub fn name<Kind>(mut self, name: impl Naming<Kind>) -> Self {
        match name.names() {
            naming::Names::Pool(name) => self.name = Some(name),
            naming::Names::Workers(names) => self.worker_name = Some(names),
        }
        self
    }

    /// Gives each worker a value of its own: `make` is given the worker's number, from 0, when a job first asks for the
    /// value. See [`CpuContext::state`](super::CpuContext::state) and [`TaskContext::state`](super::TaskContext::state).
    ///
    /// The value belongs to the worker's number, not to a thread: it stays when the worker leaves for want of work, and
    /// when the pool shrinks and grows again.
    pub fn state<T, F>(self, make: F) -> PoolBuilder<K, T>
    where
        F: Fn(usize) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let Self { limit, capacity, overflow, name, worker_name, on_job, .. } = self;
        let make_state = Box::new(move |worker| -> State { Box::new(make(worker)) });
        PoolBuilder { limit, capacity, overflow, name, worker_name, on_job, make_state, kind: PhantomData }
    }

    /// Calls a function whenever a job begins, at the worker that begins it: for tests and traces that show in which order
    /// jobs are run, by whom, and where they were found.
    ///
    /// It delays the job, and it is called for every one. A panic of it is ignored. It must not wait for jobs of the pool.
    ///
    /// # Examples
    /// ```
    /// use regatta::pool::{CpuPool, Source};
    /// use std::sync::{Arc, Mutex};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let pool = CpuPool::builder().limit(1).on_job(move |event| log.lock().unwrap().push(event.source)).build();
    /// pool.submit(|| ()).await?.await?;
    /// assert_eq!(*seen.lock().unwrap(), [Source::Injector]);
    /// # Ok(()) }
    /// ```
    pub fn on_job(mut self, hook: impl Fn(&JobEvent) + Send + Sync + 'static) -> Self {
        self.on_job = Some(Box::new(hook));
        self
    }

    fn settings(self, calls: Calls) -> (Option<Arc<str>>, usize, Settings) {
        let Self { limit, capacity, overflow, name, worker_name, on_job, make_state, .. } = self;
        // The mask of the word has fewer than 32 bits.
        let capacity = capacity.min(CAPACITY_MAX) as u32;
        (name, limit.min(LIMIT_MAX), Settings { calls, capacity, overflow, make_state, worker_name, on_job })
    }
}

impl<S: Send + 'static> PoolBuilder<OfClosures, S> {
    /// Creates the pool, on the runtime it is called in. No thread is taken before the first job.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn build(self) -> CpuPool<S> {
        let runtime = crate::task::runtime("CpuPool");
        let (name, limit, settings) = self.settings(Calls::Each);
        CpuPool::of(Owner::new(name, limit, settings, |core| Threads::new(core, runtime)))
    }
}

impl<S: Send + 'static> PoolBuilder<OfFutures, S> {
    /// Creates the pool, on the runtime it is called in. No task is spawned before the first job.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn build(self) -> TaskPool<S> {
        let runtime = crate::task::runtime("TaskPool");
        let (name, limit, settings) = self.settings(Calls::OneByOne);
        TaskPool::of(Owner::new(name, limit, settings, |core| Tasks::new(core, runtime)))
    }
}

impl<K, S> fmt::Debug for PoolBuilder<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("limit", &self.limit)
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
