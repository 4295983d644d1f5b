//! The primitives of what members share: std's, or loom's where it is being checked.

#[cfg(regatta_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard, atomic::AtomicUsize};
#[cfg(not(regatta_loom))]
pub(super) use std::sync::{Mutex, MutexGuard, atomic::AtomicUsize};

use std::sync::PoisonError;

/// Takes a lock under which no user code runs: even if a panic passed by, the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
