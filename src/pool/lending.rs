//! A job that awaits another of its own pool lends it its place: one at a time, so that what runs at once does not grow
//! with what is awaited at once, and a pool of one cannot wait for itself. The borrower may lend it on.
//!
//! Invariants:
//! 1. Of each lender at most one job borrows. Whoever is refused leaves a waker, and is woken when the place is given back.
//! 2. Wakers leave the lock before they are called or dropped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::task::Waker;

use super::atomics::{Mutex, lock};
use crate::error::{drop_quietly, wake_quietly};

/// The loans of one slot, by the number of the job that lends.
pub(super) struct Lending(Mutex<HashMap<u64, Loan>>);

/// A place that is lent out.
pub(super) struct Loan {
    borrower: u64,
    /// Who asked in vain, by number.
    hopefuls: HashMap<u64, Waker>,
}

impl Lending {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Lends the place of a job to another; where it is lent out, the waker is called when it comes back.
    pub(super) fn borrow(&self, lender: u64, borrower: u64, waker: &Waker) -> bool {
        let waker = waker.clone();
        let displaced = {
            let mut loans = lock(&self.0);
            match loans.entry(lender) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Loan { borrower, hopefuls: HashMap::new() });
                    Err(waker)
                }
                Entry::Occupied(mut loan) => Ok(loan.get_mut().hopefuls.insert(borrower, waker)),
            }
        };
        match displaced {
            Ok(displaced) => {
                drop_quietly(displaced);
                false
            }
            Err(waker) => {
                drop_quietly(waker);
                true
            }
        }
    }

    /// Gives a place back, and lets the others try.
    pub(super) fn give_back(&self, lender: u64, borrower: u64) {
        let loan = {
            let mut loans = lock(&self.0);
            match loans.entry(lender) {
                Entry::Occupied(loan) if loan.get().borrower == borrower => Some(loan.remove()),
                _ => None,
            }
        };
        for (_, waker) in loan.into_iter().flat_map(|loan| loan.hopefuls) {
            wake_quietly(waker);
        }
    }
}
