//! What the model checker replaces: the lock, and what wakes an inline run. Reference counts and wakers stay the standard
//! library's: no decision of ours depends on their order.

#[cfg(not(regatta_loom))]
pub(super) use {
    futures::task::AtomicWaker,
    std::sync::atomic::AtomicBool,
    std::sync::{Mutex, MutexGuard},
};

#[cfg(regatta_loom)]
pub(super) use loom::{
    future::AtomicWaker,
    sync::atomic::AtomicBool,
    sync::{Mutex, MutexGuard},
};

/// Registers the waker of a task.
pub(super) fn register(cell: &AtomicWaker, waker: &std::task::Waker) {
    #[cfg(not(regatta_loom))]
    cell.register(waker);
    #[cfg(regatta_loom)]
    cell.register_by_ref(waker);
}
