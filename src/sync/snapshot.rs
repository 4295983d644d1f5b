//! A version in a reader's hands.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::cell::{Cell, Current};
use super::version::Versioned;

/// One version of a value, kept for as long as one likes.
///
/// It never changes, may be sent and held across awaits, and delays no writer. It keeps its version in memory, and it
/// delays [`synchronize`](super::Rcu::synchronize). Cloning costs one reference count.
pub struct Snapshot<T> {
    version: Arc<Versioned<T>>,
}

/// The current version, borrowed for a moment; made by [`Rcu::load`](super::Rcu::load).
///
/// It cannot be sent to another thread, so a spawned task cannot hold it across an await: take a [`Snapshot`] for that.
#[must_use = "the value was loaded and is not looked at"]
pub struct Guard<'a, T> {
    guard: <Current<T> as Cell<T>>::Guard,
    /// Borrows from the cell, and stays on this thread.
    home: PhantomData<(&'a (), *const ())>,
}

impl<T> Snapshot<T> {
    pub(super) fn new(version: Arc<Versioned<T>>) -> Self {
        Self { version }
    }

    /// The number of this version: 0 for the value that the cell was made with, one more for each publication.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.number
    }
}

impl<T> Guard<'_, T> {
    #[inline]
    pub(super) fn new(guard: <Current<T> as Cell<T>>::Guard) -> Self {
        Self { guard, home: PhantomData }
    }

    /// The number of this version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.guard.number
    }

    /// The same version, to keep.
    #[must_use]
    pub fn to_snapshot(&self) -> Snapshot<T> {
        Snapshot::new(Arc::clone(&self.guard))
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.version
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        Self { version: self.version.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("version", &self.version()).field("value", &**self).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("version", &self.version()).field("value", &**self).finish()
    }
}
