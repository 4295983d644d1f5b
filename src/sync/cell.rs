//! The place of the current value: read without a lock, swapped by writers.
//!
//! [`Swap`] is what everybody uses. [`Locked`] is its slow, obvious twin: tests drive both, and the model checker, which
//! cannot look into foreign atomics, takes it.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache, Guard};

#[cfg(any(test, regatta_loom))]
use super::loom::{Mutex, lock};
use super::version::Versioned;

/// A place for one version. Whoever swaps says when: the order of two swaps is the caller's business.
pub(super) trait Cell<T>: Sized {
    /// Keeps the version it was loaded with alive.
    type Guard: Deref<Target = Arc<Versioned<T>>>;
    /// Remembers what it has loaded; see [`Cell::refresh`].
    type Memory<H: Deref<Target = Self>>;

    fn new(first: Arc<Versioned<T>>) -> Self;

    fn load(&self) -> Self::Guard;

    fn load_full(&self) -> Arc<Versioned<T>>;

    fn swap(&self, next: Arc<Versioned<T>>) -> Arc<Versioned<T>>;

    fn remember<H: Deref<Target = Self>>(home: H) -> Self::Memory<H>;

    /// What is there now; loaded again only if it has changed.
    fn refresh<H: Deref<Target = Self>>(memory: &mut Self::Memory<H>) -> &Arc<Versioned<T>>;
}

#[cfg(not(regatta_loom))]
pub(super) type Current<T> = Swap<T>;
#[cfg(regatta_loom)]
pub(super) type Current<T> = Locked<T>;

/// The lock-free one.
#[cfg_attr(regatta_loom, allow(dead_code))]
pub(super) struct Swap<T>(ArcSwap<Versioned<T>>);

/// From whoever has the cell to what is in it, as [`Cache`] wants it.
#[cfg_attr(regatta_loom, allow(dead_code))]
pub(super) struct Home<H>(H);

impl<T, H: Deref<Target = Swap<T>>> Deref for Home<H> {
    type Target = ArcSwap<Versioned<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0.0
    }
}

impl<T> Cell<T> for Swap<T> {
    type Guard = Guard<Arc<Versioned<T>>>;
    type Memory<H: Deref<Target = Self>> = Cache<Home<H>, Arc<Versioned<T>>>;

    fn new(first: Arc<Versioned<T>>) -> Self {
        Self(ArcSwap::new(first))
    }

    #[inline]
    fn load(&self) -> Self::Guard {
        self.0.load()
    }

    #[inline]
    fn load_full(&self) -> Arc<Versioned<T>> {
        self.0.load_full()
    }

    fn swap(&self, next: Arc<Versioned<T>>) -> Arc<Versioned<T>> {
        self.0.swap(next)
    }

    fn remember<H: Deref<Target = Self>>(home: H) -> Self::Memory<H> {
        Cache::new(Home(home))
    }

    #[inline]
    fn refresh<H: Deref<Target = Self>>(memory: &mut Self::Memory<H>) -> &Arc<Versioned<T>> {
        memory.load()
    }
}

/// The twin.
#[cfg(any(test, regatta_loom))]
pub(super) struct Locked<T>(Mutex<Arc<Versioned<T>>>);

/// A version on loan.
#[cfg(any(test, regatta_loom))]
pub(super) struct Loan<T>(Arc<Versioned<T>>);

#[cfg(any(test, regatta_loom))]
impl<T> Deref for Loan<T> {
    type Target = Arc<Versioned<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

#[cfg(any(test, regatta_loom))]
impl<T> Cell<T> for Locked<T> {
    type Guard = Loan<T>;
    type Memory<H: Deref<Target = Self>> = (H, Arc<Versioned<T>>);

    fn new(first: Arc<Versioned<T>>) -> Self {
        Self(Mutex::new(first))
    }

    fn load(&self) -> Self::Guard {
        Loan(self.load_full())
    }

    fn load_full(&self) -> Arc<Versioned<T>> {
        lock(&self.0).clone()
    }

    fn swap(&self, next: Arc<Versioned<T>>) -> Arc<Versioned<T>> {
        std::mem::replace(&mut lock(&self.0), next)
    }

    fn remember<H: Deref<Target = Self>>(home: H) -> Self::Memory<H> {
        let now = home.load_full();
        (home, now)
    }

    fn refresh<H: Deref<Target = Self>>((home, seen): &mut Self::Memory<H>) -> &Arc<Versioned<T>> {
        *seen = home.load_full();
        seen
    }
}
