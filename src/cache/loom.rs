//! The lock that the model checker replaces. No decision of flights depends on anything else.

#[cfg(not(regatta_loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(regatta_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Takes a lock under which no user code runs: even if a panic passed by, the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
