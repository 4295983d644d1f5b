//! What becomes of a record that the mapper refuses.

use std::sync::{Mutex, PoisonError};

use crate::error::{drop_quietly, log_quietly};
use crate::pool::Quiet;

/// What an error of the mapper of one record does to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnRecordError {
    /// The work ends with it.
    #[default]
    Fail,
    /// The record is skipped and counted.
    Skip,
    /// The record is skipped and counted; of so many, the errors are kept: the first ones in the order of the input.
    Collect(usize),
}

/// The records that were skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped<E> {
    /// How many there were.
    pub count: u64,
    /// The first ones in the order of the input, each with its place there, from 0; as many as
    /// [`Collect`](OnRecordError::Collect) says.
    pub first: Vec<(u64, E)>,
}

/// What was skipped so far.
pub(super) struct Book<E>(Mutex<(u64, Quiet<(u64, E)>)>);

impl<E> Book<E> {
    pub(super) fn new() -> Self {
        Self(Mutex::new((0, Quiet(Vec::new()))))
    }

    /// Enters what was skipped of one piece, in order, and keeps the first of all.
    pub(super) fn enter(&self, count: u64, errors: Quiet<(u64, E)>, kept: usize) {
        if count == 0 {
            return;
        }
        let mut errors = errors.into_inner();
        let mut late = Quiet(Vec::new());
        {
            let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            book.0 += count;
            let all = &mut book.1.0;
            all.append(&mut errors);
            // Pieces come in any order. Those that are too late go when there are as many of them as are kept, so that each
            // is looked at a few times at the most.
            if all.len() / 2 > kept {
                all.select_nth_unstable_by_key(kept, |(record, _)| *record);
                late.0.extend(all.drain(kept..));
            }
        }
        drop_quietly(late);
    }

    /// Gives all that were skipped, and says so in the log.
    pub(super) fn close(&self, place: &str, kept: usize) -> Skipped<E> {
        let (count, mut first) = {
            let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (book.0, Quiet(std::mem::take(&mut book.1.0)))
        };
        first.0.sort_unstable_by_key(|(record, _)| *record);
        drop(Quiet(first.0.split_off(kept.min(first.0.len()))));
        let skipped = Skipped { count, first: first.into_inner() };
        if skipped.count > 0 {
            log_quietly(|| {
                tracing::warn!(target: "regatta::parallel", %place, count = skipped.count, "records were skipped: their mapper failed");
            });
        }
        skipped
    }
}
