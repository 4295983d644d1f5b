//! A part of a cache: its tables, which anybody reads, and its books, which writers change under a lock.
//!
//! Invariants:
//! 1. An entry is in a table exactly as long as it is in the policy's lists. Between two holds of the lock their weight is at
//!    most the shard's capacity, and what is sent away is out of its table before what takes its room is in one.
//! 2. `inserted = live + removed`, by cause, under the lock.
//! 3. No user code runs under the lock. Where a whole hash is the same, keys are compared without it, and it is looked again
//!    whether the entry is still there; what leaves goes out through [`Left`], and is told and dropped after.

use std::borrow::Borrow;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::clock::{Moment, NEVER};
use super::directory::{Directory, Tables};
use super::entry::Entry;
use super::flight::Flight;
use super::loom::{Mutex, MutexGuard, lock};
use super::policy::Policy;
use super::rules::{Age, Cause, Left, Rules};
use super::seats::Seats;
use crate::error::drop_quietly;

/// How many entries whose time is over a write takes out at the most: more than it puts in.
const TIDY: usize = 8;

/// Those who were sent away lie in their tables until these are written next, or until there are more of them than this part
/// of the entries.
const LINGERING: usize = 2;

pub(super) struct Shard<K, V> {
    pub(super) directory: Directory<K, V>,
    pages: Apart<Mutex<Pages<K, V>>>,
    capacity: u64,
    /// Then whoever is sent away is out of its table at once: the limit is of memory.
    is_weighted: bool,
}

/// On lines of memory of its own, so that readers don't wait for what writers write.
#[repr(align(128))]
struct Apart<T>(T);

pub(super) struct Pages<K, V> {
    policy: Policy<Arc<Entry<K, V>>>,
    pub(super) tables: Tables<K, V>,
    pub(super) seats: Seats<K, V>,
    /// Under which moment which place is to be looked at. An entry that was read meanwhile gets another moment then.
    deadlines: BTreeSet<(Moment, u32)>,
    pub(super) is_closed: bool,
    pub(super) counts: Counts,
    /// How many were ever sent away for want of room.
    pub(super) sent_away_count: u64,
    /// In which segment those are who were sent away and may still lie there, and which version it had then.
    lingering: VecDeque<(usize, u64)>,
    /// Kept for its room.
    sent_away: Vec<Arc<Entry<K, V>>>,
}

/// What has happened in a shard.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) inserted: u64,
    /// By [`Cause::index`].
    pub(super) removed: [u64; 4],
    /// Refused, because the cache was closed.
    pub(super) refused: u64,
    pub(super) loads: u64,
    /// Of those, how many were to replace a value that could still be had.
    pub(super) refreshes: u64,
    pub(super) loads_ended: u64,
    pub(super) loads_failed: u64,
    pub(super) coalesced: u64,
    /// How often a failure was given that had happened before.
    pub(super) negative_hits: u64,
    pub(super) load_time: Duration,
    pub(super) load_longest: Duration,
}

/// What a shard has of a key, and the lock.
pub(super) struct Located<'a, K, V> {
    pub(super) pages: MutexGuard<'a, Pages<K, V>>,
    pub(super) entry: Option<Arc<Entry<K, V>>>,
    /// Whose seat it is, and until when.
    pub(super) flight: Option<(Arc<Flight<K, V>>, Moment)>,
}

/// What has the hash of a key, and was compared with it. It may be the last to have something, so it is dropped without the
/// lock.
pub(super) struct Compared<K, V> {
    entries: Alike<Entry<K, V>>,
    flights: Alike<Flight<K, V>>,
}

/// Those of other keys, and the one that it is.
struct Alike<T> {
    strangers: Vec<Arc<T>>,
    own: Option<Arc<T>>,
}

impl<K, V> Shard<K, V> {
    pub(super) fn new(capacity: u64, is_weighted: bool) -> Self {
        let entries = if is_weighted { 0 } else { capacity };
        let lingering =
            if is_weighted { 1024 } else { usize::try_from(capacity).unwrap_or(usize::MAX).clamp(16, 1024) };
        let directory = Directory::new(entries);
        let pages = Pages {
            policy: Policy::new(capacity),
            tables: Tables::of(&directory),
            seats: Seats::new(lingering),
            deadlines: BTreeSet::new(),
            is_closed: false,
            counts: Counts::default(),
            sent_away_count: 0,
            lingering: VecDeque::new(),
            sent_away: Vec::new(),
        };
        Self { directory, pages: Apart(Mutex::new(pages)), capacity, is_weighted }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Pages<K, V>> {
        lock(&self.pages.0)
    }

    /// How many segments there are when nobody is splitting one.
    pub(super) fn len_settled(&self) -> usize {
        let _pages = self.lock();
        self.directory.len()
    }

    /// Tells whether an entry can be kept at all.
    pub(super) fn can_keep(&self, entry: &Entry<K, V>, now: Moment) -> Result<(), Cause> {
        if entry.expires <= now {
            Err(Cause::Expired)
        } else if entry.weight > self.capacity {
            Err(Cause::Capacity)
        } else {
            Ok(())
        }
    }

    /// Finds what there is of a key, and holds the lock. What it compares it with is kept for longer than that.
    pub(super) fn locate<'a, Q: Eq + ?Sized>(
        &'a self,
        hash: u64,
        key: &Q,
        Compared { entries, flights }: &mut Compared<K, V>,
    ) -> Located<'a, K, V>
    where
        K: Borrow<Q>,
    {
        loop {
            let pages = self.lock();
            let table = pages.tables.at(self.directory.number(hash));
            let entry = table.and_then(|table| table.likely(hash, &entries.strangers)).cloned();
            let seat = pages.seats.find(hash, &flights.strangers).map(|seat| (seat.flight.clone(), seat.until));
            let is_known = entry.as_ref().is_none_or(|entry| entries.is_own(entry))
                && seat.as_ref().is_none_or(|(flight, _)| flights.is_own(flight));
            if is_known {
                return Located { pages, entry, flight: seat };
            }
            drop(pages);
            entry.into_iter().for_each(|entry| entries.note(entry, |entry| entry.key.borrow() == key));
            seat.into_iter().for_each(|(flight, _)| flights.note(flight, |flight| flight.is_of(key)));
        }
    }

    /// Puts an entry in, in the place of what was there of its key.
    pub(super) fn put(
        &self,
        pages: &mut Pages<K, V>,
        entry: &Arc<Entry<K, V>>,
        old: Option<Arc<Entry<K, V>>>,
        now: Moment,
        rules: &Rules<K, V>,
        left: &mut Left<K, V>,
    ) {
        self.tidy(pages, now, rules, left);
        // It may have been too old just now.
        let old = old.filter(|old| pages.has(old));
        pages.counts.inserted += 1;
        if let Err(cause) = self.can_keep(entry, now) {
            if let Some(old) = old {
                self.remove(pages, &old, cause_of(&old, Cause::Replaced, now, rules), left);
            }
            pages.counts.removed[cause.index()] += 1;
            left.push(entry.clone(), cause);
            return;
        }
        let mut sent_away = std::mem::take(&mut pages.sent_away);
        let place = match &old {
            None => pages.policy.admit(entry.clone(), &mut sent_away),
            Some(old) => {
                pages.deadlines.remove(&(old.due(), old.place()));
                pages.policy.replace(old.place(), entry.clone(), &mut sent_away);
                old.place()
            }
        };
        entry.set_place(place);
        for gone in sent_away.drain(..) {
            self.send_away(pages, gone, cause_of_capacity(now, rules), left);
        }
        pages.sent_away = sent_away;
        self.directory.put(&mut pages.tables, entry, old.as_ref(), &mut left.retired);
        self.directory.grow(&mut pages.tables, pages.policy.len(), &mut left.retired);
        if let Some(old) = old {
            let cause = cause_of(&old, Cause::Replaced, now, rules);
            pages.counts.removed[cause.index()] += 1;
            left.push(old, cause);
        }
        pages.watch(entry, rules.end(entry));
    }

    /// Takes an entry out that is in.
    pub(super) fn remove(
        &self,
        pages: &mut Pages<K, V>,
        entry: &Arc<Entry<K, V>>,
        cause: Cause,
        left: &mut Left<K, V>,
    ) {
        if let Some(entry) = pages.policy.remove(entry.place()) {
            self.forget(pages, entry, |_| cause, left);
        }
    }

    /// Takes out some of the entries whose time is over. Tells how many.
    pub(super) fn tidy(
        &self,
        pages: &mut Pages<K, V>,
        now: Moment,
        rules: &Rules<K, V>,
        left: &mut Left<K, V>,
    ) -> usize {
        for step in 0..TIDY {
            match pages.deadlines.first() {
                Some((due, place)) if *due <= now => {
                    let due = (*due, *place);
                    pages.deadlines.remove(&due);
                    let Some(entry) = pages.policy.at(due.1).cloned() else { continue };
                    entry.set_due(NEVER);
                    match rules.age(&entry, now) {
                        Age::Dead => self.remove(pages, &entry, Cause::Expired, left),
                        // It was read.
                        Age::Fresh | Age::Stale => pages.watch(&entry, rules.end(&entry)),
                    }
                }
                _ => return step,
            }
        }
        TIDY
    }

    /// Marks an entry that the policy has sent away; its table is tidied when it is written next.
    fn send_away(
        &self,
        pages: &mut Pages<K, V>,
        entry: Arc<Entry<K, V>>,
        cause: impl FnOnce(&Entry<K, V>) -> Cause,
        left: &mut Left<K, V>,
    ) {
        if self.is_weighted {
            return self.forget(pages, entry, cause, left);
        }
        pages.sent_away_count += 1;
        entry.send_away(pages.sent_away_count);
        let at = self.directory.number(entry.hash);
        pages.gone(entry, cause, left);
        pages.lingering.push_back((at, self.directory.version(at)));
        if pages.lingering.len() > 8 + pages.len() / LINGERING
            && let Some((at, version)) = pages.lingering.pop_front()
            && self.directory.version(at) == version
        {
            self.directory.tidy(&mut pages.tables, at, &mut left.retired);
        }
    }

    /// Takes an entry that the policy has let go out of its table.
    fn forget(
        &self,
        pages: &mut Pages<K, V>,
        entry: Arc<Entry<K, V>>,
        cause: impl FnOnce(&Entry<K, V>) -> Cause,
        left: &mut Left<K, V>,
    ) {
        self.directory.remove(&mut pages.tables, &entry, &mut left.retired);
        pages.gone(entry, cause, left);
    }
}

impl<K, V> Compared<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: Alike::new(), flights: Alike::new() }
    }

    /// Flights that have lost their seats, to be dropped as well.
    pub(super) fn keep(&mut self, flights: impl IntoIterator<Item = Arc<Flight<K, V>>>) {
        self.flights.strangers.extend(flights);
    }
}

impl<T> Alike<T> {
    fn new() -> Self {
        Self { strangers: Vec::new(), own: None }
    }

    fn is_own(&self, one: &Arc<T>) -> bool {
        self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, one))
    }

    fn note(&mut self, one: Arc<T>, is_it: impl FnOnce(&T) -> bool) {
        if self.is_own(&one) {
            return;
        }
        // In the list first: a comparison may panic.
        self.strangers.push(one);
        if self.strangers.last().is_some_and(|one| is_it(one)) {
            // Who was it before is no longer there, and not looked for again.
            let before = std::mem::replace(&mut self.own, self.strangers.pop());
            self.strangers.extend(before);
        }
    }
}

/// A destructor may panic, which is no business of whoever compared.
impl<T> Drop for Alike<T> {
    fn drop(&mut self) {
        // Mostly there is nobody, and this is on the way of every write.
        self.own.take().into_iter().for_each(drop_quietly);
        if !self.strangers.is_empty() {
            self.strangers.drain(..).for_each(drop_quietly);
        }
    }
}

impl<K, V> Pages<K, V> {
    pub(super) fn len(&self) -> usize {
        self.policy.len()
    }

    pub(super) fn weight(&self) -> u64 {
        self.policy.weight()
    }

    /// Tells whether an entry is in.
    pub(super) fn has(&self, entry: &Arc<Entry<K, V>>) -> bool {
        self.policy.at(entry.place()).is_some_and(|other| Arc::ptr_eq(other, entry))
    }

    /// Counts an entry that is no longer in.
    fn gone(&mut self, entry: Arc<Entry<K, V>>, cause: impl FnOnce(&Entry<K, V>) -> Cause, left: &mut Left<K, V>) {
        self.deadlines.remove(&(entry.due(), entry.place()));
        let cause = cause(&entry);
        self.counts.removed[cause.index()] += 1;
        left.push(entry, cause);
    }

    /// Looks at an entry again when it may be over.
    fn watch(&mut self, entry: &Entry<K, V>, due: Moment) {
        if due != NEVER {
            entry.set_due(due);
            self.deadlines.insert((due, entry.place()));
        }
    }
}

/// What is over has expired, whoever takes it out.
pub(super) fn cause_of<K, V>(entry: &Entry<K, V>, cause: Cause, now: Moment, rules: &Rules<K, V>) -> Cause {
    match rules.age(entry, now) {
        Age::Dead => Cause::Expired,
        Age::Fresh | Age::Stale => cause,
    }
}

fn cause_of_capacity<K, V>(now: Moment, rules: &Rules<K, V>) -> impl Fn(&Entry<K, V>) -> Cause {
    move |entry| cause_of(entry, Cause::Capacity, now, rules)
}
