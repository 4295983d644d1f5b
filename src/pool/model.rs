//! The state machine, bare, for the models in `crates/models`: no runtime, workers are threads of the model.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::must_use_candidate)]

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use loom::future::block_on;
use loom::thread::{Builder, JoinHandle};

use super::body::{call, call_with, drive};
use super::context::CpuContext;
use super::core::{Core, Settings};
use super::crew::Crew;
use super::error::SubmitError;
use super::handle::JobHandle;
use super::placement::{JobOptions, Placement};
use super::settled::Settled;
use super::stats::PoolStats;
use super::submit::SubmitFuture;
use super::word::Calls;
use super::{tasks, threads};
use crate::policy::Overflow;

#[derive(Clone)]
pub struct Model {
    hands: Arc<Hands>,
    crew: Arc<dyn Crew>,
}

/// What workers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// Threads that start when they are called.
    Threads,
    /// The same, polling async jobs.
    Pollers,
    /// Nobody comes until the test does: with `work` or `forgo`.
    Called,
}

/// The crew of a model. Its own locks are std's: they are not what is modelled.
struct Hands {
    me: Weak<Self>,
    core: Arc<Core>,
    workers: Workers,
    threads: Mutex<Vec<JoinHandle<()>>>,
    called: Mutex<Vec<Option<usize>>>,
}

impl Hands {
    fn work(crew: &Arc<dyn Crew>, workers: Workers, slot: Option<usize>) {
        match workers {
            Workers::Pollers => block_on(tasks::work(crew, slot)),
            _ => threads::work(crew, slot, Duration::ZERO),
        }
    }
}

impl Crew for Hands {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn call(&self, slot: Option<usize>) {
        match (self.workers, self.me.upgrade()) {
            (Workers::Called, _) | (_, None) => lock(&self.called).push(slot),
            (workers, Some(me)) => {
                let crew: Arc<dyn Crew> = me;
                let worker = Builder::new().spawn(move || Self::work(&crew, workers, slot));
                lock(&self.threads).push(worker.unwrap_or_else(|_| panic!("the model has room for a thread")));
            }
        }
    }
}

impl Model {
    pub fn new(workers: Workers, limit: usize, capacity: u32) -> Self {
        let settings = Settings {
            calls: if workers == Workers::Pollers { Calls::OneByOne } else { Calls::Each },
            capacity,
            overflow: Overflow::Wait,
            make_state: Box::new(|_| Box::new(())),
            worker_name: None,
            on_job: None,
        };
        let hands = Arc::new_cyclic(|me: &Weak<Hands>| Hands {
            me: me.clone(),
            core: Arc::new(Core::new("model".into(), limit, settings)),
            workers,
            threads: Mutex::default(),
            called: Mutex::default(),
        });
        Self { crew: hands.clone(), hands }
    }

    ///
    /// # Errors
    /// As `CpuPool::try_submit`.
    pub fn try_submit<F, R>(&self, run: F) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        SubmitFuture::new(&self.crew, run, JobOptions::new(), |crew, run, admitted| admitted.enqueue(crew, call(run)))
            .at_once()
    }

    ///
    /// # Errors
    /// As `CpuPool::submit`.
    ///
    /// # Cancel safety
    /// As `CpuPool::submit`.
    pub fn submit<F, R>(&self, run: F) -> SubmitFuture<'_, F, R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        SubmitFuture::new(&self.crew, run, JobOptions::new(), |crew, run, admitted| admitted.enqueue(crew, call(run)))
    }

    ///
    /// # Errors
    /// As `CpuPool::try_submit`.
    pub fn try_submit_with<F, R>(&self, placement: Placement, run: F) -> Result<JobHandle<R>, SubmitError<F>>
    where
        F: FnOnce(CpuContext) -> R + Send + 'static,
        R: Send + 'static,
    {
        let accept = |crew: &Arc<dyn Crew>, run, admitted: super::submit::Admitted| {
            admitted.enqueue(crew, call_with::<F, R, ()>(run))
        };
        SubmitFuture::new(&self.crew, run, placement.into(), accept).at_once()
    }

    ///
    /// # Errors
    /// As `TaskPool::try_submit`.
    ///
    /// # Cancel safety
    /// As `TaskPool::try_submit`.
    pub fn try_submit_async<F>(&self, future: F) -> Result<JobHandle<F::Output>, SubmitError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        SubmitFuture::new(&self.crew, future, JobOptions::new(), |crew, future, admitted| {
            admitted.enqueue(crew, drive(future))
        })
        .at_once()
    }

    ///
    /// # Errors
    /// As `TaskPool::try_submit`.
    ///
    /// # Cancel safety
    /// As `TaskPool::try_submit`.
    pub fn try_submit_async_to<F>(&self, worker: usize, future: F) -> Result<JobHandle<F::Output>, SubmitError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let options = Placement::Worker(worker).into();
        SubmitFuture::new(&self.crew, future, options, |crew, future, admitted| admitted.enqueue(crew, drive(future)))
            .at_once()
    }

    /// Answers a call; false where nobody was called.
    pub fn work(&self) -> bool {
        let call = lock(&self.hands.called).pop();
        if let Some(slot) = call {
            Hands::work(&self.crew, Workers::Called, slot);
        }
        call.is_some()
    }

    /// Refuses a call, as where no thread can be had; false where nobody was called.
    pub fn forgo(&self) -> bool {
        let call = lock(&self.hands.called).pop();
        if call.is_some() {
            self.crew.worker_is_refused();
        }
        call.is_some()
    }

    /// Waits for every worker that was called.
    pub fn join(&self) {
        loop {
            let worker = lock(&self.hands.threads).pop();
            match worker {
                Some(worker) => worker.join().unwrap_or_else(|_| panic!("a worker has panicked")),
                None => return,
            }
        }
    }

    pub fn resize(&self, limit: usize) {
        self.crew.resize(limit);
    }

    pub fn close(&self) {
        self.hands.core.close();
    }

    pub fn abort(&self) {
        drop(self.hands.core.abort("it was aborted"));
    }

    ///
    /// # Cancel safety
    /// As `CpuPool::shutdown`.
    pub fn idle(&self) -> impl Future<Output = ()> + '_ {
        Settled::idle(&self.hands.core)
    }

    ///
    /// # Cancel safety
    /// As `CpuPool::shutdown`.
    pub fn empty(&self) -> impl Future<Output = ()> + '_ {
        Settled::empty(&self.hands.core)
    }

    pub fn stats(&self) -> PoolStats {
        PoolStats::of(&self.hands.core)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
