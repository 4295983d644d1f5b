//! A value with its number, and what happens when its last reader has left.
//!
//! Invariants:
//! 1. The value is there until the drop begins; only the drop takes it.
//! 2. The value is gone, or with the reclaimer, before its pin is: whoever waits for a grace period finds it gone.
//! 3. A destructor that panics takes nothing from the reader that was last.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use super::books::Books;
use super::reclaimer::Reclaim;
use crate::error::{Panicked, log_quietly};

pub(super) struct Versioned<T> {
    pub(super) number: u64,
    value: Option<T>,
    /// Where the value goes in the end; it is dropped on the spot without.
    reclaim: Option<Reclaim<T>>,
    /// Set when the version was replaced while readers had it: where to say that the last one has left.
    pin: OnceLock<Arc<Books>>,
}

impl<T> Versioned<T> {
    pub(super) fn new(number: u64, value: T, reclaim: Option<Reclaim<T>>) -> Self {
        Self { number, value: Some(value), reclaim, pin: OnceLock::new() }
    }

    /// Takes note that readers have this version although it is no longer the current one.
    pub(super) fn pin(&self, books: &Arc<Books>) {
        // A version is replaced once.
        let _ = self.pin.set(books.clone());
    }

    /// Gives the value to whoever is the only one to have it.
    pub(super) fn into_value(mut self) -> Option<T> {
        self.value.take()
    }
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("the value is there until the drop begins"),
        }
    }
}

impl<T> Drop for Versioned<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            match &self.reclaim {
                Some(reclaim) => reclaim.give(value),
                None => drop_in_place(value),
            }
        }
        if let Some(books) = self.pin.take() {
            books.unpin(self.number);
        }
    }
}

/// Drops a value here and now.
pub(super) fn drop_in_place<T>(value: T) {
    if std::mem::needs_drop::<T>() {
        // Named only when it is worth the text.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            let panicked = Panicked::from_payload(std::any::type_name::<T>(), payload);
            log_quietly(|| {
                tracing::error!(target: "regatta::sync", place = %panicked.place, message = %panicked.message, "a destructor of an old value panicked");
            });
        }
    }
}
