//! The primitives of the state machine: std's, or loom's where the machine is being checked.

#[cfg(regatta_loom)]
pub(super) use loom::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    thread::yield_now,
};
#[cfg(not(regatta_loom))]
pub(super) use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    thread::yield_now,
};

use std::sync::PoisonError;

/// Takes a lock under which no user code runs: even if a panic passed by, the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
