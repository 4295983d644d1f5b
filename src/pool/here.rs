//! Where user code runs: at which worker of which pool, if at one.
//!
//! Kept for the thread that runs the code, and set anew for each step of an async job. A job that awaits another of its own
//! pool can so be told from other waiters: it must not wait for a worker that it keeps busy itself.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::core::Core;
use super::crew::Crew;
use super::slot::Slot;

/// One worker of one pool.
pub(super) struct Post {
    pub(super) core: Arc<Core>,
    pub(super) crew: Arc<dyn Crew>,
    pub(super) slot: Arc<Slot>,
}

/// Takes the place of whatever was there before, until it is dropped.
pub(super) struct Here(Option<Arc<Post>>);

/// The job that makes a step, until it is dropped; then the one that made a step before.
pub(super) struct Running(u64);

#[cfg(not(regatta_loom))]
thread_local! {
    static HERE: RefCell<Option<Arc<Post>>> = const { RefCell::new(None) };
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}
#[cfg(regatta_loom)]
loom::thread_local! {
    static HERE: RefCell<Option<Arc<Post>>> = RefCell::new(None);
    static RUNNING: Cell<u64> = Cell::new(0);
}

impl Here {
    pub(super) fn enter(post: Arc<Post>) -> Self {
        Self(HERE.with(|here| here.replace(Some(post))))
    }

    /// Says that the worker has moved to another slot.
    pub(super) fn move_to(&mut self, post: &Arc<Post>) {
        let is_known =
            |here: &RefCell<Option<Arc<Post>>>| here.borrow().as_ref().is_some_and(|known| Arc::ptr_eq(known, post));
        if !HERE.with(is_known) {
            let before = HERE.with(|here| here.replace(Some(post.clone())));
            drop(before);
        }
    }

    /// The worker of this pool whose job runs right here.
    pub(super) fn in_pool(core: &Arc<Core>) -> Option<Arc<Post>> {
        // A thread that is going away runs no job.
        let in_pool = |here: &RefCell<Option<Arc<Post>>>| {
            here.borrow().as_ref().filter(|post| Arc::ptr_eq(&post.core, core)).cloned()
        };
        #[cfg(not(regatta_loom))]
        return HERE.try_with(in_pool).ok().flatten();
        #[cfg(regatta_loom)]
        HERE.with(in_pool)
    }
}

impl Running {
    pub(super) fn enter(job: u64) -> Self {
        Self(RUNNING.with(|running| running.replace(job)))
    }

    /// The number of the job, if one makes a step here; of whatever pool.
    pub(super) fn job() -> u64 {
        RUNNING.with(Cell::get)
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
