//! Few texts, sorted in the calling task.

use std::cmp::Ordering;

use super::Sorted;
use super::error::SortError;
use crate::error::{Panicked, caught, drop_quietly};
use crate::pool::{JobError, Quiet, Workers};

/// Up to how many texts, and of how many bytes in all: a hand-over costs more.
pub(super) const MAX: usize = 64;
pub(super) const BYTES_MAX: usize = 64 * 1024;

pub(super) fn sort_by<T>(
    items: Vec<T>,
    workers: &Workers,
    what: &'static str,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Sorted<T> {
    let mut items = Quiet(items);
    let sorted = caught(|| items.0.sort_by(&compare));
    drop_quietly(compare);
    match sorted {
        Ok(()) => Ok(items.into_inner()),
        Err(payload) => {
            let panicked = Panicked::from_payload(workers.place(what), payload);
            Err(SortError::new(items, JobError::Panicked(panicked)))
        }
    }
}
