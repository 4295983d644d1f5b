//! What all jobs of a map-reduce share, and what each does with the records that it has.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use foldhash::fast::RandomState;

use super::emit::Emit;
use super::error::MapReduceError;
use super::form::Form;
use super::memory::{Account, Memory};
use super::progress::{Phase, Reporter};
use super::set::Set;
use super::skipped::{Book, OnRecordError, Skipped};
use crate::error::{Kept, Panicked, caught};
use crate::pool::{JobError, Quiet};

pub(super) type Mapper<R, K, V, E> = Arc<dyn Fn(&R, &mut Emit<'_, K, V>) -> Result<(), E> + Send + Sync>;
pub(super) type Reducer<K, T, U> = Arc<dyn Fn(&K, T) -> U + Send + Sync>;

/// What comes of it: results, and what was skipped.
pub(super) type Counted<K, U, E> = (HashMap<K, U>, Skipped<E>);

pub(super) struct Engine<R: ?Sized, K, V, E, F: Form<V>, U> {
    // What each has captured is dropped by itself.
    pub(super) mapper: Kept<Mapper<R, K, V, E>>,
    pub(super) form: F,
    pub(super) reducer: Kept<Reducer<K, F::Total, U>>,
    pub(super) partitions: usize,
    pub(super) seed: RandomState,
    pub(super) memory: Option<Arc<Memory>>,
    pub(super) on_error: OnRecordError,
    pub(super) skipped: Book<E>,
    pub(super) progress: Reporter,
    /// How many records have been mapped. Relaxed, because it is only told.
    pub(super) records: AtomicU64,
    /// The sets that nobody works with.
    pub(super) shelf: Mutex<Vec<Set<K, V, F::Total>>>,
    /// The first panic of the mapper, with the record's name.
    pub(super) panicked: Arc<OnceLock<Panicked>>,
    pub(super) place: Arc<str>,
}

/// One for all jobs.
pub(super) type Shared<R, K, V, E, F, U> = Arc<Engine<R, K, V, E, F, U>>;

/// Why records were not mapped to the end.
pub(super) enum Ended<E> {
    /// Nobody waits.
    Stopped,
    Failed(MapReduceError<E>),
}

impl<R, K, V, E, F, U> Engine<R, K, V, E, F, U>
where
    R: ?Sized,
    F: Form<V>,
{
    /// Maps records that follow each other, the first of which has this number.
    pub(super) fn map<'r>(
        &self,
        first: u64,
        records: impl Iterator<Item = &'r R>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<(), Ended<E>>
    where
        R: 'r,
    {
        let mut set = self.take_set();
        let (mut record, mut errors) = (first, Errors::new());
        let run = || self.map_into(&mut set, &mut record, &mut errors, records, is_stopped);
        let mapped = match caught(run) {
            Ok(mapped) => mapped,
            Err(payload) => {
                // The pool counts the job as one that has panicked; whoever waits is told at which record.
                let place = format!("record {record} of {}", self.place);
                let panicked = Panicked::from_payload(place, payload);
                let message = panicked.message.to_string();
                // The first one is told.
                let _ = self.panicked.set(panicked);
                drop((set, errors));
                resume_unwind(Box::new(message))
            }
        };
        set.settle();
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).push(set);
        let records = self.records.fetch_add(record - first, Relaxed) + (record - first);
        self.skipped.enter(errors.count, errors.first, self.kept());
        mapped?;
        self.check_memory()?;
        self.progress.tell(|progress| progress.records = records.max(progress.records));
        Ok(())
    }

    fn map_into<'r>(
        &self,
        set: &mut Set<K, V, F::Total>,
        record: &mut u64,
        errors: &mut Errors<E>,
        records: impl Iterator<Item = &'r R>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<(), Ended<E>>
    where
        R: 'r,
    {
        let mut emit = self.form.emit(set);
        for item in records {
            if is_stopped() {
                return Err(Ended::Stopped);
            }
            if emit.is_over() {
                break;
            }
            if let Err(error) = self.mapper.get()(item, &mut emit) {
                if self.on_error == OnRecordError::Fail {
                    return Err(Ended::Failed(MapReduceError::Failed { record: *record, error }));
                }
                errors.enter(*record, error, self.kept());
            }
            *record += 1;
        }
        Ok(())
    }

    /// How many errors are kept.
    fn kept(&self) -> usize {
        match self.on_error {
            OnRecordError::Collect(kept) => kept,
            OnRecordError::Fail | OnRecordError::Skip => 0,
        }
    }

    fn take_set(&self) -> Set<K, V, F::Total> {
        let kept = self.shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Set::new(self.partitions, self.seed.clone(), Account::new(self.memory.clone())))
    }

    /// All sets, once nobody maps any more.
    pub(super) fn take_sets(&self) -> Vec<Set<K, V, F::Total>> {
        let records = self.records.load(Relaxed);
        self.progress.tell(|progress| {
            (progress.phase, progress.records, progress.total) = (Phase::Reduce, records, Some(records));
        });
        std::mem::take(&mut *self.shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// # Errors
    /// When the limit was reached, by whoever it was.
    pub(super) fn check_memory(&self) -> Result<(), Ended<E>> {
        match &self.memory {
            Some(memory) if memory.is_over() => {
                Err(Ended::Failed(MapReduceError::MemoryLimit(memory.error(self.records.load(Relaxed)))))
            }
            _ => Ok(()),
        }
    }

    /// Counts bytes of the results.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Ended<E>> {
        match &self.memory {
            Some(memory) if !memory.charge(bytes) => self.check_memory(),
            _ => Ok(()),
        }
    }

    pub(super) fn release(&self, bytes: u64) {
        if let Some(memory) = &self.memory {
            memory.release(bytes);
        }
    }

    /// What a member gives: the results, or why there are none.
    pub(super) fn outcome(
        &self,
        reduced: Result<Option<HashMap<K, U>>, Ended<E>>,
    ) -> Option<Result<Counted<K, U, E>, MapReduceError<E>>> {
        match reduced {
            Ok(results) => Some(Ok((results?, self.skipped.close(&self.place, self.kept())))),
            Err(Ended::Failed(error)) => Some(Err(error)),
            Err(Ended::Stopped) => None,
        }
    }

    /// What it means for all how one job has ended.
    pub(super) fn step(&self, ended: Result<Result<(), Ended<E>>, JobError>) -> Result<(), MapReduceError<E>> {
        match ended {
            Ok(Err(Ended::Failed(error))) => Err(error),
            // Stopped: by the pool, and its handle says so, or by us, who do not look any more.
            Ok(Ok(()) | Err(Ended::Stopped)) => Ok(()),
            Err(error) => Err(job_error(&self.panicked, error)),
        }
    }
}

/// What is told of an end without a value; it takes no more than the mapper's panic, so that whoever waits need not hold the
/// tables.
pub(super) fn job_error<E>(panicked: &OnceLock<Panicked>, error: JobError) -> MapReduceError<E> {
    match (error, panicked.get()) {
        (JobError::Panicked(_), Some(panicked)) => MapReduceError::Job(JobError::Panicked(panicked.clone())),
        (error, _) => MapReduceError::Job(error),
    }
}

/// The errors of one piece.
struct Errors<E> {
    count: u64,
    first: Quiet<(u64, E)>,
}

impl<E> Errors<E> {
    fn new() -> Self {
        Self { count: 0, first: Quiet(Vec::new()) }
    }

    fn enter(&mut self, record: u64, error: E, kept: usize) {
        self.count += 1;
        if self.first.0.len() < kept {
            self.first.0.push((record, error));
        }
    }
}
