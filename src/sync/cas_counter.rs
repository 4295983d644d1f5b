//! A counter without locks.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use super::loom::AtomicU64;

/// A counter that many threads change without a lock: each change is a loop around one compare-and-swap, and gives the new
/// value.
///
/// Unlike an atomic of std it does not wrap: what would go above [`u64::MAX`] or below zero is refused. For a count that is
/// only ever added to and may wrap, [`AtomicU64::fetch_add`](std::sync::atomic::AtomicU64::fetch_add) is cheaper.
///
/// # Ordering
/// Who sees a value sees what its writer had done before, so a counter may hand data over.
///
/// # Examples
/// ```
/// use regatta::sync::CasCounter;
///
/// static SERVED: CasCounter = CasCounter::new(0);
/// assert_eq!(SERVED.increment(), 1);
/// assert_eq!(SERVED.try_subtract(2), None);
/// assert_eq!(SERVED.compare_and_swap(1, 10), Ok(()));
/// assert_eq!(SERVED.compare_and_swap(1, 11), Err(10));
/// ```
#[derive(Debug, Default)]
pub struct CasCounter {
    value: AtomicU64,
}

impl CasCounter {
    /// Creates a counter.
    #[cfg(not(regatta_loom))]
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self { value: AtomicU64::new(value) }
    }

    /// The same for models, whose atomics cannot be made at compile time.
    #[cfg(regatta_loom)]
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self { value: AtomicU64::new(value) }
    }

    /// The value of now.
    #[must_use]
    pub fn value(&self) -> u64 {
        // Acquire: pairs with the Release of every change. Without it, who sees a value need not see what was done before.
        self.value.load(Acquire)
    }

    /// Adds one; gives the new value.
    ///
    /// # Panics
    /// At [`u64::MAX`]; the value stays.
    #[track_caller]
    pub fn increment(&self) -> u64 {
        self.add(1)
    }

    /// Takes one away; gives the new value.
    ///
    /// # Panics
    /// At zero; the value stays.
    #[track_caller]
    pub fn decrement(&self) -> u64 {
        self.subtract(1)
    }

    /// Adds `by`; gives the new value.
    ///
    /// # Panics
    /// When the sum is above [`u64::MAX`]; the value stays.
    #[track_caller]
    pub fn add(&self, by: u64) -> u64 {
        match self.change(|value| value.checked_add(by)) {
            Ok(value) => value,
            Err(value) => panic!("CasCounter: {by} cannot be added to {value}; use try_add where that can happen"),
        }
    }

    /// Takes `by` away; gives the new value.
    ///
    /// # Panics
    /// When there is less; the value stays.
    #[track_caller]
    pub fn subtract(&self, by: u64) -> u64 {
        match self.change(|value| value.checked_sub(by)) {
            Ok(value) => value,
            Err(value) => {
                panic!("CasCounter: {by} cannot be taken from {value}; use try_subtract where that can happen")
            }
        }
    }

    /// Adds `by`; gives the new value, or nothing when the sum would be above [`u64::MAX`].
    #[must_use = "without a value nothing was added"]
    pub fn try_add(&self, by: u64) -> Option<u64> {
        self.change(|value| value.checked_add(by)).ok()
    }

    /// Takes `by` away; gives the new value, or nothing when there is less.
    #[must_use = "without a value nothing was taken away"]
    pub fn try_subtract(&self, by: u64) -> Option<u64> {
        self.change(|value| value.checked_sub(by)).ok()
    }

    /// Stores `new` if the value is `expected`.
    ///
    /// # Errors
    /// The value that is there instead.
    pub fn compare_and_swap(&self, expected: u64, new: u64) -> Result<(), u64> {
        // Release: pairs with every Acquire here. Acquire, also on failure: the value is seen, so is what came before.
        self.value.compare_exchange(expected, new, AcqRel, Acquire).map(drop)
    }

    /// Stores what `change` makes of the value, again until nobody was faster; gives it, or the value that does not fit.
    fn change(&self, change: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        let mut value = self.value();
        loop {
            let Some(next) = change(value) else { return Err(value) };
            // Release: pairs with every Acquire here; that of this change came with the load, or the failure, that told
            // the value. Weak: it may fail for no reason, which costs another turn and saves a loop where the processor
            // has one.
            match self.value.compare_exchange_weak(value, next, Release, Acquire) {
                Ok(_) => return Ok(next),
                Err(newer) => value = newer,
            }
        }
    }
}
