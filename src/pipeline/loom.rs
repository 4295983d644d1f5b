//! The lock that the model checker replaces. Reference counts and wakers stay the standard library's: no decision of
//! ours depends on their order.

#[cfg(not(regatta_loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(regatta_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
