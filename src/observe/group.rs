//! Many components in one row: what lives is added up when somebody looks, what has ended was added when it did.
//!
//! Invariants:
//! 1. No member is missing from a sum, and none is in it twice, whenever it ends: a sum only rises. A member that ends is
//!    first entered in the past and then taken off the registry; in between it is `leaving`, and a look that has it from
//!    the past passes over it among the living. One that ends during a look is put aside for that look, which adds it
//!    unless it has met it alive.
//! 2. A member that ends without saying so, because its runtime went away, takes its numbers along.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::row::{Count, Gauge, Row, RowId, Timed};

/// So many groups are told apart; names without end come into one that is called `other`.
const KNOWN: usize = 1000;

/// One row for many.
pub(super) struct Group {
    id: RowId,
    past: Mutex<Past>,
}

struct Past {
    /// Of those that have ended.
    row: Row,
    leaving: HashSet<RowId>,
    /// By the number of the look: who has ended during it.
    aside: BTreeMap<u64, Vec<Row>>,
}

/// The groups of a registry; they live as long as it does, whether somebody is in them or not.
#[derive(Default)]
pub(super) struct Groups(Mutex<ByName>);

/// By kind and name.
type ByName = BTreeMap<(&'static str, Arc<str>), Arc<Group>>;

/// The rows of all groups, being added up by one look.
pub(super) struct Sums {
    sums: BTreeMap<RowId, Sum>,
}

struct Sum {
    aside: Aside,
    row: Row,
    members: u64,
    /// In the past already when the look began.
    leaving: HashSet<RowId>,
    met: HashSet<RowId>,
}

/// Where those are put that end during a look; not any longer when this is dropped.
struct Aside {
    look: u64,
    group: Arc<Group>,
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, ByName> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, kind: &'static str, name: &Arc<str>, id: impl FnOnce() -> u64) -> Arc<Group> {
        let mut groups = self.lock();
        let other = (groups.len() >= KNOWN && !groups.contains_key(&(kind, name.clone()))).then(|| Arc::from("other"));
        let name = other.as_ref().unwrap_or(name);
        let found = groups.entry((kind, name.clone())).or_insert_with(|| {
            let id = RowId(id());
            let row = Row::new(id, None, kind, name.clone());
            let past = Mutex::new(Past { row, leaving: HashSet::new(), aside: BTreeMap::new() });
            Arc::new(Group { id, past })
        });
        found.clone()
    }

    /// Begins to add up. Looks have numbers of their own.
    pub(super) fn begin(&self, look: u64, age: Duration) -> Sums {
        let groups: Vec<Arc<Group>> = self.lock().values().cloned().collect();
        let sums = groups.into_iter().map(|group| (group.id, Sum::begin(group, look, age)));
        Sums { sums: sums.collect() }
    }
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a member has counted to its end; it is taken off the registry next.
    pub(super) fn keep(&self, mut last: Row) {
        last.gauges.clear();
        let mut past = self.lock();
        past.row.absorb(&last);
        past.leaving.insert(last.id);
        past.aside.values_mut().for_each(|aside| aside.push(last.clone()));
    }

    /// A member is off the registry.
    pub(super) fn has_left(&self, member: RowId) {
        self.lock().leaving.remove(&member);
    }
}

impl Sum {
    fn begin(group: Arc<Group>, look: u64, age: Duration) -> Self {
        let (mut row, leaving) = {
            let mut past = group.lock();
            past.aside.insert(look, Vec::new());
            (past.row.clone(), past.leaving.clone())
        };
        row.age = age;
        Self { aside: Aside { look, group }, row, members: 0, leaving, met: HashSet::new() }
    }

    fn meet(&mut self, row: &Row) {
        if !self.leaving.contains(&row.id) {
            self.members += 1;
            self.met.insert(row.id);
            self.row.absorb(row);
        }
    }

    fn end(mut self) -> Row {
        for ended in self.aside.take().iter().filter(|ended| !self.met.contains(&ended.id)) {
            self.row.absorb(ended);
        }
        self.row.set_state("group");
        self.row.level("members", self.members, None);
        self.row
    }
}

impl Aside {
    fn take(&self) -> Vec<Row> {
        self.group.lock().aside.remove(&self.look).unwrap_or_default()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.take();
    }
}

impl Sums {
    /// A member that lives.
    pub(super) fn meet(&mut self, group: &Group, row: &Row) {
        // One that is newer than the look is for the next.
        if let Some(sum) = self.sums.get_mut(&group.id) {
            sum.meet(row);
        }
    }

    pub(super) fn end(self) -> impl Iterator<Item = Row> {
        self.sums.into_values().map(Sum::end)
    }
}

impl Row {
    /// Adds the numbers of another component of the same kind.
    fn absorb(&mut self, other: &Row) {
        self.flow += other.flow;
        if other.note.is_some() {
            self.note.clone_from(&other.note);
        }
        for Count { name, value } in &other.counts {
            match self.counts.iter_mut().find(|count| count.name == *name) {
                Some(count) => count.value += value,
                None => self.counts.push(Count { name: name.clone(), value: *value }),
            }
        }
        for Gauge { name, value, limit } in &other.gauges {
            match self.gauges.iter_mut().find(|gauge| gauge.name == *name) {
                Some(gauge) => {
                    gauge.value += value;
                    gauge.limit = gauge.limit.zip(*limit).map(|(ours, theirs)| ours.saturating_add(theirs));
                }
                None => self.gauges.push(Gauge { name: name.clone(), value: *value, limit: *limit }),
            }
        }
        for Timed { name, durations } in &other.timings {
            match self.timings.iter_mut().find(|timed| timed.name == *name) {
                Some(timed) => timed.durations.merge(durations),
                None => self.timings.push(Timed { name: name.clone(), durations: durations.clone() }),
            }
        }
    }
}
