//! Compare and swap for any value.

use std::fmt;

use super::cas_builder::CasCellBuilder;
use super::error::Conflict;
use super::rcu::Rcu;
use super::snapshot::{Guard, Snapshot};

/// A value that is exchanged only if it is the one that was expected.
///
/// Compare [by value](Self::compare_and_swap), or [by version](Self::compare_and_set), which also notices that a value
/// was changed and changed back. Reading takes no lock. For a number use [`CasCounter`](super::CasCounter) or an atomic
/// of std; to change what is there whatever it is, [`update`](Self::update).
///
/// # Examples
/// ```
/// use regatta::sync::CasCell;
///
/// let leader = CasCell::new(String::from("nobody"));
/// let seen = leader.snapshot();
/// leader.compare_and_swap(&String::from("nobody"), String::from("a"))?;
/// leader.compare_and_swap(&String::from("a"), String::from("nobody"))?;
///
/// // The value is as it was, the version is not.
/// let conflict = leader.compare_and_set(seen.version(), String::from("b")).unwrap_err();
/// assert_eq!((conflict.version(), leader.load().as_str()), (2, "nobody"));
/// # Ok::<(), regatta::sync::Conflict<String>>(())
/// ```
#[doc(alias = "compare-and-swap")]
pub struct CasCell<T> {
    rcu: Rcu<T>,
}

impl<T> CasCell<T> {
    /// Creates a cell; its value is version 0.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::builder(value).build()
    }

    /// Begins a cell with a name, or with a [`Reclaimer`](super::Reclaimer) for its old values.
    pub fn builder(value: T) -> CasCellBuilder<T> {
        CasCellBuilder::new(value)
    }

    pub(super) fn from_rcu(rcu: Rcu<T>) -> Self {
        Self { rcu }
    }

    /// The current value, for a moment: see [`Rcu::load`](super::Rcu::load).
    #[inline]
    pub fn load(&self) -> Guard<'_, T> {
        self.rcu.load()
    }

    /// The current value, to keep.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<T> {
        self.rcu.snapshot()
    }

    /// The number of the current version: 0 for the first, one more for each exchange.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.rcu.version()
    }

    /// Stores `new` if the value equals `expected`.
    ///
    /// A value that was changed and changed back in the meantime is equal again: where that matters, use
    /// [`compare_and_set`](Self::compare_and_set).
    ///
    /// # Errors
    /// [`Conflict`] with what was there instead and `new`, when the value is not equal.
    ///
    /// # Panics
    /// A panic of the comparison arrives here, with nothing stored and nothing locked. It may run more than once, and may
    /// use the cell.
    pub fn compare_and_swap(&self, expected: &T, new: T) -> Result<(), Conflict<T>>
    where
        T: PartialEq,
    {
        let mut new = new;
        loop {
            let current = self.load();
            if *current != *expected {
                let current = current.to_snapshot();
                return Err(Conflict::new(new, current));
            }
            let version = current.version();
            drop(current);
            match self.rcu.core().try_publish(version, new) {
                Ok(_) => return Ok(()),
                Err(refused) => new = refused,
            }
        }
    }

    /// Stores `new` if the version is still `version`. Gives the new version.
    ///
    /// # Errors
    /// [`Conflict`] with what is there instead and `new`. It is read after the comparison, so it may be later than what was
    /// compared with.
    pub fn compare_and_set(&self, version: u64, new: T) -> Result<u64, Conflict<T>> {
        self.rcu.core().try_publish(version, new).map_err(|refused| Conflict::new(refused, self.snapshot()))
    }

    /// Stores a value, whatever was there. Gives its version.
    pub fn store(&self, value: T) -> u64 {
        self.rcu.store(value)
    }

    /// Stores a value and gives the one that was there.
    pub fn swap(&self, value: T) -> Snapshot<T> {
        self.rcu.swap(value)
    }

    /// Stores what `change` makes of the value, again until nobody was faster: the usual loop. Gives the new version.
    ///
    /// # Panics
    /// A panic of `change` arrives here, with nothing stored and nothing locked.
    pub fn update(&self, change: impl FnMut(&T) -> T) -> u64 {
        self.rcu.update(change)
    }

    /// How many exchanges were given up because another came first. Only those of
    /// [`compare_and_set`](Self::compare_and_set) ended in a conflict; all others were tried again. A
    /// [`compare_and_swap`](Self::compare_and_swap) that found another value is none: it did not begin.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.rcu.core().books.lock().conflicts
    }
}

impl<T: fmt::Debug> fmt::Debug for CasCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.load();
        f.debug_struct("CasCell").field("version", &current.version()).field("value", &*current).finish()
    }
}
