//! The tables of one shard, found by hash: an array that grows by one segment at a time, and that readers never wait for.
//!
//! It is linear hashing (Litwin 1980) over immutable tables. A table knows by its mask which hashes it covers; so a reader
//! that came with an old size, and finds a table that was split meanwhile, goes on to where its half went.
//!
//! Invariants:
//! 1. Writers hold the shard's lock, under which the [`Tables`] are. Readers hold nothing: every table they can reach is whole.
//! 2. Each entry is in one segment, the one that covers its hash, except that a split publishes the upper half before it cuts
//!    it off the lower: no reader misses an entry that is there.
//! 3. A table that was replaced is dropped by the caller, without the lock: it may be the last that has an entry.
//! 4. A segment's version is odd from before its table is swapped until after. So whoever has seen the new table sees another
//!    version than before; and whoever sees the same even version before and after has seen its table.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwapOption, Guard};

use super::entry::Entry;
use super::table::{Retired, Table};

/// How many entries a segment has in the middle. A write copies them.
const FILL: usize = 4;

/// How many segments there are at most before there is an entry: a large limit costs nothing by itself.
const FIRST: usize = 2048;

/// How often the array can double.
const CHUNKS: usize = 40;

pub(super) struct Directory<K, V> {
    /// A power of two.
    first: Chunk<K, V>,
    /// Each doubles what was there before it.
    later: [OnceLock<Chunk<K, V>>; CHUNKS],
    /// How many segments are in use.
    len: AtomicUsize,
}

type Chunk<K, V> = Box<[Segment<K, V>]>;

struct Segment<K, V> {
    version: AtomicU64,
    /// Absent as long as nothing was ever put there.
    table: ArcSwapOption<Table<K, V>>,
}

/// A table that a reader holds.
pub(super) type Loan<K, V> = Guard<Option<Arc<Table<K, V>>>>;

/// The tables of all segments at one moment.
pub(super) type Cut<K, V> = Box<[Option<Arc<Table<K, V>>>]>;

/// What writers know of the segments, under the shard's lock: the same tables, one for each. Taking them from there costs nothing, and
/// disturbs no reader.
pub(super) struct Tables<K, V>(Vec<Option<Arc<Table<K, V>>>>);

impl<K, V> Directory<K, V> {
    /// Makes room for so many entries, or some of it.
    pub(super) fn new(entries: u64) -> Self {
        let wanted = usize::try_from(entries).unwrap_or(usize::MAX) / FILL;
        let first = wanted.clamp(1, FIRST);
        // Down to a power of two: what is missing grows.
        let first = 1 << first.ilog2();
        Self { first: segments(first), later: [const { OnceLock::new() }; CHUNKS], len: AtomicUsize::new(first) }
    }

    /// How many segments there are.
    pub(super) fn len(&self) -> usize {
        // Acquire: of the writer that published the newest segment before it raised the number.
        self.len.load(Ordering::Acquire)
    }

    /// The table that covers a hash; none where nothing was ever put.
    #[inline]
    pub(super) fn load(&self, hash: u64) -> Loan<K, V> {
        self.load_from(self.number(hash), hash)
    }

    /// The same for a reader that has counted the segments some time ago.
    #[inline]
    fn load_from(&self, mut segment: usize, hash: u64) -> Loan<K, V> {
        loop {
            let table = self.segment(segment).table.load();
            match &*table {
                Some(found) if !covers(hash, segment, found.mask()) => segment = moved_to(hash, segment, found.mask()),
                _ => return table,
            }
        }
    }

    /// The number of the segment that covers a hash, as far as the size tells.
    #[inline]
    pub(super) fn number(&self, hash: u64) -> usize {
        number(hash, self.len())
    }

    /// What a segment has now.
    pub(super) fn table(&self, segment: usize) -> Option<Arc<Table<K, V>>> {
        self.segment(segment).table.load_full()
    }

    /// The version of a segment; odd while it is replaced.
    #[inline]
    pub(super) fn version(&self, segment: usize) -> u64 {
        // Acquire: of the writer that swapped the table before.
        self.segment(segment).version.load(Ordering::Acquire)
    }

    /// Publishes an entry beside the others of its segment, or in the place of one.
    pub(super) fn put(
        &self,
        tables: &mut Tables<K, V>,
        entry: &Arc<Entry<K, V>>,
        old: Option<&Arc<Entry<K, V>>>,
        retired: &mut Retired<K, V>,
    ) {
        let at = self.number(entry.hash);
        let next = match (tables.at(at), old) {
            (Some(table), Some(old)) => table.replacing(old, entry),
            (Some(table), None) => table.with(entry.clone()),
            (None, _) => Table::empty(mask(at, self.len())).with(entry.clone()),
        };
        self.publish(tables, at, next, retired);
    }

    /// Takes an entry out.
    pub(super) fn remove(&self, tables: &mut Tables<K, V>, entry: &Arc<Entry<K, V>>, retired: &mut Retired<K, V>) {
        let at = self.number(entry.hash);
        if let Some(table) = tables.at(at) {
            let next = table.without(entry);
            self.publish(tables, at, next, retired);
        }
    }

    /// Takes those out of a segment that were sent away.
    pub(super) fn tidy(&self, tables: &mut Tables<K, V>, at: usize, retired: &mut Retired<K, V>) {
        if let Some(table) = tables.at(at) {
            let next = table.tidied();
            self.publish(tables, at, next, retired);
        }
    }

    /// Splits one segment, if so many entries call for it.
    pub(super) fn grow(&self, tables: &mut Tables<K, V>, entries: usize, retired: &mut Retired<K, V>) {
        let len = self.len();
        if entries <= len.saturating_mul(FILL) {
            return;
        }
        // Each segment in turn, from the first; then again, twice as many.
        let low = len - (1 << len.ilog2());
        let chunk = (len / self.first.len()).ilog2() as usize;
        if chunk >= CHUNKS {
            return;
        }
        self.later[chunk].get_or_init(|| segments(self.first.len() << chunk));
        let mask = ((1 << len.ilog2()) << 1) - 1;
        let halves = match tables.at(low) {
            Some(table) => table.split(mask as u64),
            None => (Table::empty(mask as u64), Table::empty(mask as u64)),
        };
        self.publish(tables, len, halves.1, retired);
        self.publish(tables, low, halves.0, retired);
        // Release: whoever comes with the new size finds the segment.
        self.len.store(len + 1, Ordering::Release);
    }

    fn publish(&self, tables: &mut Tables<K, V>, at: usize, table: Table<K, V>, retired: &mut Retired<K, V>) {
        let (segment, table) = (self.segment(at), Some(Arc::new(table)));
        // Relaxed: writers take turns.
        let version = segment.version.load(Ordering::Relaxed);
        // The swap, which releases, comes after it: whoever finds the new table finds this, too.
        segment.version.store(version + 1, Ordering::Relaxed);
        segment.table.swap(table.clone()).into_iter().for_each(|old| retired.push(old));
        tables.set(at, table);
        // Release: whoever finds this finds the new table.
        segment.version.store(version + 2, Ordering::Release);
    }

    #[inline]
    fn segment(&self, at: usize) -> &Segment<K, V> {
        let first = self.first.len();
        match self.first.get(at) {
            Some(segment) => segment,
            None => {
                let chunk = (at / first).ilog2() as usize;
                match self.later[chunk].get() {
                    Some(segments) => &segments[at - (first << chunk)],
                    None => unreachable!("a segment is made before it is counted"),
                }
            }
        }
    }
}

impl<K, V> Tables<K, V> {
    pub(super) fn of(directory: &Directory<K, V>) -> Self {
        Self(vec![None; directory.len()])
    }

    pub(super) fn at(&self, segment: usize) -> Option<&Table<K, V>> {
        self.0.get(segment)?.as_deref()
    }

    /// What a snapshot keeps.
    pub(super) fn all(&self) -> Cut<K, V> {
        self.0.iter().cloned().collect()
    }

    fn set(&mut self, segment: usize, table: Option<Arc<Table<K, V>>>) {
        match self.0.get_mut(segment) {
            Some(place) => *place = table,
            None => self.0.push(table),
        }
    }
}

/// The segment of a hash among so many.
#[inline]
pub(super) fn number(hash: u64, len: usize) -> usize {
    let wide = len.next_power_of_two() as u64 - 1;
    let at = home(hash, wide);
    // Not split yet: it is where the lower half is.
    if at < len { at } else { home(hash, wide >> 1) }
}

/// What a segment covers, among so many.
fn mask(at: usize, len: usize) -> u64 {
    let wide = len.next_power_of_two() as u64 - 1;
    let half = (wide as usize >> 1) + 1;
    let is_split = at >= half || at + half < len;
    if is_split { wide } else { wide >> 1 }
}

/// Tells whether a table with this mask, of this segment, covers a hash that its segment has covered before.
#[inline]
pub(super) fn covers(hash: u64, segment: usize, mask: u64) -> bool {
    home(hash, mask) == segment
}

/// Where a hash went by the first split of its segment that moved it. There may have been other splits since, which the table
/// there knows.
#[inline]
pub(super) fn moved_to(hash: u64, segment: usize, mask: u64) -> usize {
    let moved = home(hash, mask) ^ segment;
    // Segments are split by one bit after the other, from the lowest.
    segment + (moved & moved.wrapping_neg())
}

#[inline]
fn home(hash: u64, mask: u64) -> usize {
    (hash & mask) as usize
}

fn segments<K, V>(count: usize) -> Chunk<K, V> {
    (0..count).map(|_| Segment { version: AtomicU64::new(0), table: ArcSwapOption::const_empty() }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::clock::NEVER;
    use super::super::entry::Entry;
    use super::super::table::Retired;
    use super::{Directory, Tables, number};

    /// Whatever was split since a reader has counted the segments, it finds what it looks for.
    #[test]
    fn a_reader_that_comes_late_finds_every_entry() {
        let directory = Directory::new(0);
        let (mut tables, mut retired) = (Tables::of(&directory), Retired::new());
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..500 {
            let entry = Arc::new(Entry::new(hash(n), n, (), 1, NEVER));
            directory.put(&mut tables, &entry, None, &mut retired);
            directory.grow(&mut tables, n as usize + 1, &mut retired);
            for old in 1..=directory.len() {
                for n in 0..=n {
                    let table = directory.load_from(number(hash(n), old), hash(n));
                    assert!(table.as_deref().is_some_and(|table| table.find(hash(n), &n).is_some()), "{n} of {old}");
                }
            }
        }
        assert!(directory.len() > 100);
    }
}
