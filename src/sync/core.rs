//! The one way to publish: a compare-and-swap of the version's number, and the loops around it.
//!
//! Invariants:
//! 1. A value is published only over the version it was made from, so no update is lost.
//! 2. User code runs without the lock and without the new version being visible.
//! 3. Old versions are let go after the lock, and after subscribers were woken: a destructor may be slow, or come back.

use std::ops::Deref;
use std::sync::Arc;

use super::books::Books;
use super::cell::{Cell, Current};
use super::reclaimer::Reclaim;
use super::version::{Versioned, drop_in_place};
use crate::error::wake_quietly;

pub(super) struct Core<T, C: Cell<T> = Current<T>> {
    cell: C,
    pub(super) books: Arc<Books>,
    reclaim: Option<Reclaim<T>>,
    /// Whose turn it is to change the value over awaits: first come, first served.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl<T, C: Cell<T>> Core<T, C> {
    pub(super) fn new(value: T, reclaim: Option<Reclaim<T>>) -> Self {
        let first = Arc::new(Versioned::new(0, value, reclaim.clone()));
        Self { cell: C::new(first), books: Books::new(), reclaim, turn: tokio::sync::Mutex::const_new(()) }
    }

    #[inline]
    pub(super) fn load(&self) -> C::Guard {
        self.cell.load()
    }

    #[inline]
    pub(super) fn load_full(&self) -> Arc<Versioned<T>> {
        self.cell.load_full()
    }

    pub(super) fn number(&self) -> u64 {
        self.cell.load().number
    }

    /// Publishes a value over the version with the number `base`, or hands it back. Gives the new number.
    pub(super) fn try_publish(&self, base: u64, value: T) -> Result<u64, T> {
        // Of the largest number no version is ever reached; a caller may name it all the same.
        let number = base.wrapping_add(1);
        let next = Arc::new(Versioned::new(number, value, self.reclaim.clone()));
        let (old, woken) = {
            let mut pages = self.books.lock();
            if pages.number != base {
                pages.conflicts += 1;
                drop(pages);
                return match Arc::into_inner(next).and_then(Versioned::into_value) {
                    Some(value) => Err(value),
                    None => unreachable!("nobody else has seen it"),
                };
            }
            let old = self.cell.swap(next);
            // Nobody can come by a version that is not in the cell: if ours is the only reference, it stays so, and its
            // destructor, which runs after the lock, is all that there may be to wait for.
            if Arc::strong_count(&old) > 1 || std::mem::needs_drop::<T>() {
                pages.pinned.insert(old.number);
                old.pin(&self.books);
            }
            (old, pages.publish(number))
        };
        woken.into_iter().for_each(wake_quietly);
        drop(old);
        Ok(number)
    }

    /// Publishes a value over whatever is there.
    pub(super) fn store(&self, mut value: T) -> u64 {
        loop {
            match self.try_publish(self.number(), value) {
                Ok(number) => return number,
                Err(refused) => value = refused,
            }
        }
    }

    /// The same; gives what was there.
    pub(super) fn swap(&self, mut value: T) -> Arc<Versioned<T>> {
        loop {
            let old = self.load_full();
            match self.try_publish(old.number, value) {
                Ok(_) => return old,
                Err(refused) => value = refused,
            }
        }
    }

    /// Publishes what `change` makes of the current value, unless it fails or makes nothing. Gives the number of the
    /// version that is the result, and what else `change` made.
    pub(super) fn try_update<R, E>(
        &self,
        mut change: impl FnMut(&T) -> Result<(Option<T>, R), E>,
    ) -> Result<(u64, R), E> {
        loop {
            let base = self.load();
            let number = base.number;
            let (next, result) = change(&base)?;
            // Else the old version would count as being read.
            drop(base);
            match next {
                None => return Ok((number, result)),
                Some(next) => match self.try_publish(number, next) {
                    Ok(number) => return Ok((number, result)),
                    Err(refused) => drop_in_place(refused),
                },
            }
        }
    }
}

/// For readers that remember: the way from a core to its cell.
pub(super) struct Home<T, C: Cell<T> = Current<T>>(pub(super) Arc<Core<T, C>>);

impl<T, C: Cell<T>> Deref for Home<T, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.cell
    }
}
