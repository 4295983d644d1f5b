//! The lock, the counter and the write-once cell that the model checker replaces. Reference counts and wakers stay the
//! standard library's: no decision of ours depends on their order.

#[cfg(not(regatta_loom))]
pub(super) use std::sync::{Mutex, MutexGuard, OnceLock as Once, atomic::AtomicUsize};

#[cfg(regatta_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard, atomic::AtomicUsize};
#[cfg(regatta_loom)]
pub(super) use once::Once;

/// The checker has no `OnceLock`: the standard one, with a flag in front of it whose moments the checker knows.
#[cfg(regatta_loom)]
mod once {
    use loom::sync::atomic::{AtomicBool, Ordering};
    use std::sync::OnceLock;

    pub(in crate::promise) struct Once<T> {
        value: OnceLock<T>,
        is_set: AtomicBool,
    }

    impl<T> Once<T> {
        pub(in crate::promise) fn new() -> Self {
            Self { value: OnceLock::new(), is_set: AtomicBool::new(false) }
        }

        pub(in crate::promise) fn set(&self, value: T) -> Result<(), T> {
            self.value.set(value)?;
            // Pairs with the Acquire in `get`, as the standard library's do.
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }

        pub(in crate::promise) fn get(&self) -> Option<&T> {
            self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
        }
    }
}
