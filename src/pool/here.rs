//! Where user code runs: at which worker of which pool, if at one.
//!
//! Kept for the thread that runs the code, and set anew for each step of an async job. A job that awaits another of its own
//! pool can so be told from other waiters: it must not wait for a worker that it keeps busy itself.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::core::Core;
use super::crew::Crew;
use super::slot::Slot;
use super::work::Work;

/// One worker of one pool.
pub(super) struct Post {
    pub(super) core: Arc<Core>,
    pub(super) crew: Arc<dyn Crew>,
    pub(super) slot: Arc<Slot>,
}

/// Takes the place of whatever was there before, until it is dropped.
pub(super) struct Here(Option<Stand>);

/// What is known where user code runs.
struct Stand {
    post: Arc<Post>,
    /// Of a worker that drives async jobs: whom the jobs await that have just made a step. Others run them right there.
    invited: Option<Vec<Invitation>>,
}

/// A job that another awaits at a worker of the same pool.
pub(super) struct Invitation {
    pub(super) host: u64,
    pub(super) job: Arc<dyn Work>,
}

/// How a job that is awaited right here gets a worker.
pub(super) enum Help {
    /// The worker is a thread, and the waiting job blocks it: run the other one in its place.
    Run(Arc<Post>),
    /// The worker is a task, and drives the other one beside this.
    Invite { host: u64, slot: usize },
}

/// The job that makes a step, until it is dropped; then the one that made a step before.
pub(super) struct Running(u64);

#[cfg(not(regatta_loom))]
thread_local! {
    static HERE: RefCell<Option<Stand>> = const { RefCell::new(None) };
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}
#[cfg(regatta_loom)]
loom::thread_local! {
    static HERE: RefCell<Option<Stand>> = RefCell::new(None);
    static RUNNING: Cell<u64> = Cell::new(0);
}

impl Here {
    /// At a worker that is a thread.
    pub(super) fn on_thread(post: Arc<Post>) -> Self {
        Self::enter(Stand { post, invited: None })
    }

    /// At a worker that is a task.
    pub(super) fn in_task(post: Arc<Post>) -> Self {
        Self::enter(Stand { post, invited: Some(Vec::new()) })
    }

    fn enter(stand: Stand) -> Self {
        Self(HERE.with(|here| here.replace(Some(stand))))
    }

    /// Says that the worker has moved to another slot.
    pub(super) fn move_to(&mut self, post: &Arc<Post>) {
        let before = HERE.with(|here| match &mut *here.borrow_mut() {
            Some(stand) if !Arc::ptr_eq(&stand.post, post) => Some(std::mem::replace(&mut stand.post, post.clone())),
            _ => None,
        });
        drop(before);
    }

    /// Whom the jobs await that have made a step since this was asked last.
    pub(super) fn take_invited(&self) -> Vec<Invitation> {
        HERE.with(|here| {
            here.borrow_mut().as_mut().and_then(|stand| stand.invited.as_mut()).map(std::mem::take).unwrap_or_default()
        })
    }

    /// Whether a job of this pool runs right here.
    pub(super) fn is_in_pool(core: &Arc<Core>) -> bool {
        Self::look(core, |_| ()).is_some()
    }

    /// How a job of this pool that is awaited right here gets a worker; nothing, where it has to wait for one.
    pub(super) fn help(core: &Arc<Core>) -> Option<Help> {
        Self::look(core, |stand| match stand.invited {
            None => Help::Run(stand.post.clone()),
            Some(_) => Help::Invite { host: RUNNING.with(Cell::get), slot: stand.post.slot.index },
        })
    }

    /// Asks the worker right here to drive a job beside the one that awaits it.
    pub(super) fn invite(host: u64, job: Arc<dyn Work>) {
        HERE.with(|here| {
            if let Some(invited) = here.borrow_mut().as_mut().and_then(|stand| stand.invited.as_mut()) {
                invited.push(Invitation { host, job });
            }
        });
    }

    fn look<R>(core: &Arc<Core>, look: impl FnOnce(&Stand) -> R) -> Option<R> {
        let look = |here: &RefCell<Option<Stand>>| {
            here.borrow().as_ref().filter(|stand| Arc::ptr_eq(&stand.post.core, core)).map(look)
        };
        // A thread that is going away runs no job.
        #[cfg(not(regatta_loom))]
        return HERE.try_with(look).ok().flatten();
        #[cfg(regatta_loom)]
        HERE.with(look)
    }
}

impl Running {
    pub(super) fn enter(job: u64) -> Self {
        Self(RUNNING.with(|running| running.replace(job)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with(|running| running.set(self.0));
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mine = HERE.with(|here| here.replace(self.0.take()));
        drop(mine);
    }
}
