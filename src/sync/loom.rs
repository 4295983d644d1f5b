//! The lock and the atomic that the model checker replaces. Reference counts and wakers stay the standard library's: no
//! decision of ours depends on their order.

#[cfg(not(regatta_loom))]
pub(super) use std::sync::{Mutex, MutexGuard, atomic::AtomicU64};

#[cfg(regatta_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard, atomic::AtomicU64};

use std::sync::PoisonError;

/// Takes a lock under which no user code runs: even if a panic passed by, the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
