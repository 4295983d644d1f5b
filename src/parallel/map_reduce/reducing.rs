//! The second half: the tables of all workers are joined, a partition at a time, its keys are reduced there and then, and the
//! results gathered in one map.
//!
//! Invariant: the map is in nobody's hands or in those of one member, who puts in whatever others have finished meanwhile.
//! So nobody waits for it, no user code runs under its lock, and tables are gone as the map grows.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::engine::{Ended, Engine};
use super::form::Form;
use super::memory::heap_of;
use super::progress::Phase;
use super::quiet::{Kept, Pairs, Results};
use super::set::Set;
use super::table::Partition;
use crate::parallel::pieces::ALONE;
use crate::pool::{Member, Work};

/// Up to how many keys are shared at once.
const FEW: usize = 256;

pub(super) struct Reducing<K, V, A, U> {
    /// Of each partition what the workers have of it.
    partitions: Vec<Mutex<Vec<Partition<K, V, A>>>>,
    /// Relaxed: the partitions are there before any member is.
    next: AtomicUsize,
    gathering: Mutex<Gathering<K, U>>,
    /// When others are called.
    shared_from: Instant,
}

struct Gathering<K, U> {
    /// Absent while a member has it.
    map: Option<Results<K, U>>,
    /// Partitions that are finished and not in the map.
    finished: Vec<Pairs<(K, U)>>,
    /// How many partitions are not in `finished` yet.
    missing: usize,
    /// How many keys the finished ones had, whether or not they are in the map.
    keys: usize,
}

impl<K, V, A, U> Reducing<K, V, A, U> {
    pub(super) fn new(sets: Vec<Set<K, V, A>>, partitions: usize) -> Self {
        let mut parts: Vec<Vec<_>> = (0..partitions).map(|_| Vec::with_capacity(sets.len())).collect();
        for set in sets {
            parts.iter_mut().zip(set.into_partitions()).for_each(|(parts, part)| parts.push(part));
        }
        let keys = parts.iter().flatten().map(|part| part.table.len() + part.buffer.len()).sum::<usize>();
        // One of a few keys may take long to reduce.
        let alone = if keys > FEW { ALONE } else { Duration::ZERO };
        Self {
            partitions: parts.into_iter().map(Mutex::new).collect(),
            next: AtomicUsize::new(0),
            gathering: Mutex::new(Gathering {
                map: Some(Results(HashMap::new())),
                finished: Vec::new(),
                missing: partitions,
                keys: 0,
            }),
            shared_from: Instant::now() + alone,
        }
    }
}

impl<K, V, A, U> Reducing<K, V, A, U>
where
    K: Eq + Hash + 'static,
    U: 'static,
{
    /// Reduces one partition after the other. Gives all results to the member that has put in the last ones.
    pub(super) fn take_part<R, E, F, W>(
        &self,
        engine: &Engine<R, K, V, E, F, U>,
        member: &Member<'_, W>,
    ) -> Result<Option<HashMap<K, U>>, Ended<E>>
    where
        R: ?Sized,
        F: Form<V, Total = A>,
        W: Work,
    {
        while !member.is_stopped() {
            let next = self.next.fetch_add(1, Relaxed);
            let Some(partition) = self.partitions.get(next) else { break };
            if Instant::now() >= self.shared_from {
                member.call(self.partitions.len() - next - 1);
            }
            let parts = mem::take(&mut *partition.lock().unwrap_or_else(PoisonError::into_inner));
            let pairs = reduce(engine, parts, member)?;
            if let Some(all) = self.gather(engine, pairs, member)? {
                engine.progress.tell(|progress| progress.phase = Phase::Done);
                return Ok(Some(all));
            }
        }
        Ok(None)
    }

    fn gather<R, E, F, W>(
        &self,
        engine: &Engine<R, K, V, E, F, U>,
        pairs: Pairs<(K, U)>,
        member: &Member<'_, W>,
    ) -> Result<Option<HashMap<K, U>>, Ended<E>>
    where
        R: ?Sized,
        F: Form<V, Total = A>,
        W: Work,
    {
        let mut gathering = self.lock();
        gathering.keys += pairs.0.len();
        gathering.missing -= 1;
        gathering.finished.push(pairs);
        // A member that has it puts these in, too.
        let Some(mut map) = gathering.map.take() else { return Ok(None) };
        loop {
            let keys = gathering.keys;
            let finished = mem::take(&mut gathering.finished);
            let is_last = gathering.missing == 0;
            let expected = gathering.expected(self.partitions.len());
            drop(gathering);
            for pairs in finished {
                if member.is_stopped() {
                    return Ok(None);
                }
                put(engine, &mut map, pairs, expected)?;
            }
            engine.progress.tell(|progress| progress.keys = progress.keys.max(keys as u64));
            if is_last {
                return Ok(Some(map.into_inner()));
            }
            gathering = self.lock();
            if gathering.finished.is_empty() {
                gathering.map = Some(map);
                return Ok(None);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathering<K, U>> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, U> Gathering<K, U> {
    /// How many keys there will be in all, if the other partitions are like those that are finished.
    fn expected(&self, partitions: usize) -> usize {
        let finished = partitions - self.missing;
        if self.missing == 0 { self.keys } else { self.keys.div_ceil(finished).saturating_mul(partitions) }
    }
}

/// Joins what the workers have of a partition, and reduces its keys.
fn reduce<R, K, V, E, F, U, W>(
    engine: &Engine<R, K, V, E, F, U>,
    mut parts: Vec<Partition<K, V, F::Total>>,
    member: &Member<'_, W>,
) -> Result<Pairs<(K, U)>, Ended<E>>
where
    R: ?Sized,
    K: Eq + Hash + 'static,
    F: Form<V>,
    U: 'static,
    W: Work,
{
    let bytes: usize = parts.iter().map(|part| part.bytes).sum();
    let (form, seed) = (&engine.form, &engine.seed);
    // The largest takes in the others.
    parts.sort_by_key(|part| part.table.len());
    let Some(mut base) = parts.pop() else { return Ok(Pairs(Vec::new())) };
    let before = base.table.bytes();
    base.table.reserve(seed, base.buffer.len() + parts.iter().map(|part| part.buffer.len()).sum::<usize>());
    for part in parts {
        base.table.join_all(seed, part.table, |there, total| form.join(there, total));
        base.table.join_pairs(seed, part.buffer, form);
    }
    base.fold(seed, form);
    let grown = (base.table.bytes() - before) as u64;
    engine.charge(grown + (base.table.len() * size_of::<(K, U)>()) as u64)?;
    let mut pairs = Pairs(Vec::with_capacity(base.table.len()));
    let mut heap = 0;
    for (key, total) in base.table.drain().0.by_ref() {
        let (key, total) = (Kept::new(key), Kept::new(total));
        if member.is_stopped() {
            return Err(Ended::Stopped);
        }
        let result = engine.reducer.get()(key.get(), total.into_inner());
        heap += if engine.memory.is_some() { heap_of(key.get()) + heap_of(&result) } else { 0 };
        pairs.0.push((key.into_inner(), result));
    }
    drop(base);
    engine.release(bytes as u64 + grown);
    engine.charge(heap as u64)?;
    Ok(pairs)
}

/// Puts pairs into the map, whose keys are not there.
fn put<R, K, V, E, F, U>(
    engine: &Engine<R, K, V, E, F, U>,
    Results(map): &mut Results<K, U>,
    mut pairs: Pairs<(K, U)>,
    expected: usize,
) -> Result<(), Ended<E>>
where
    R: ?Sized,
    K: Eq + Hash,
    F: Form<V>,
{
    let keys = pairs.0.len();
    if map.capacity() - map.len() < keys {
        let wanted = expected.max(map.len() + keys);
        engine.charge(map_bytes::<K, U>(wanted))?;
        let before = map_bytes::<K, U>(map.capacity());
        map.reserve(wanted - map.len());
        engine.release(before);
    }
    while let Some((key, result)) = pairs.0.pop() {
        map.insert(key, result);
    }
    engine.release((keys * size_of::<(K, U)>()) as u64);
    Ok(())
}

/// What a map for so many keys takes: its table is of a power of two, and filled to seven eighths.
fn map_bytes<K, U>(keys: usize) -> u64 {
    let buckets = keys.saturating_mul(8).div_ceil(7).checked_next_power_of_two().unwrap_or(usize::MAX);
    if keys == 0 { 0 } else { buckets.saturating_mul(size_of::<(K, U)>() + 1) as u64 }
}
