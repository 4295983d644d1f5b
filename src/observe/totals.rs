//! Numbers by name instead of by component, for systems that keep series of them.
//!
//! Components come and go, and some have numbers for names; a series for each would be without end, and one that stops is
//! taken for a fall. So those of one kind and one name are added up, what is gone stays in the sum, and a number at the
//! end of a name that was made up (`queue#17`) is left out.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::histogram::Histogram;
use super::row::{Row, RowId, Timed};
use super::snapshot::Snapshot;

/// So many names are told apart; the others are one, called `other`.
const NAMES: usize = 1000;

/// Adds up what the snapshots of one registry say, by kind and name.
///
/// # Examples
/// ```
/// use regatta::observe::{Registry, Totals};
/// use regatta::queue;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let mut totals = Totals::new();
/// for _ in 0..3 {
///     let (producer, _consumer) = registry.enter(|| queue::bounded(8)); // queue#1, queue#2, …
///     producer.send("hello").await?;
///     totals.note(&registry.snapshot());
/// }
/// let series = totals.series().next().expect("one for all of them");
/// assert_eq!((series.kind, series.name), ("queue", "queue"));
/// assert_eq!(series.counts.iter().find(|(name, _)| name == "accepted"), Some(&("accepted".into(), 3)));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Totals {
    registry: u64,
    /// The number of the last snapshot.
    last: Option<u64>,
    names: BTreeMap<(Cow<'static, str>, Arc<str>), Sum>,
    /// What was last known of those that live.
    alive: HashMap<RowId, Known>,
}

/// What is known of all components of one kind and name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Series<'a> {
    /// What they are.
    pub kind: &'a str,
    /// What they are called.
    pub name: &'a str,
    /// How many there are now.
    pub components: u64,
    /// What only rises: the parts of their [`Flow`](super::Flow) but the one in flight, and their counts.
    pub counts: &'a [(Cow<'static, str>, u64)],
    /// Levels of the moment, with their limits.
    pub levels: &'a [(Cow<'static, str>, u64, Option<u64>)],
    /// Busy, blocked and starved, in nanoseconds.
    pub times: Option<[u64; 3]>,
    /// Durations that were sampled.
    pub timings: &'a [(Cow<'static, str>, Histogram)],
}

#[derive(Debug, Default)]
struct Sum {
    components: u64,
    counts: Vec<(Cow<'static, str>, u64)>,
    levels: Vec<(Cow<'static, str>, u64, Option<u64>)>,
    times: Option<[u64; 3]>,
    timings: Vec<(Cow<'static, str>, Histogram)>,
}

#[derive(Debug)]
struct Known {
    counts: Vec<(Cow<'static, str>, u64)>,
    times: Option<[u64; 3]>,
    timings: Vec<Timed>,
}

impl Totals {
    /// Nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one more snapshot; not one that is older than the last: of two who look at once the later may come first. What a
    /// component did between the last one and its end is not in the sums.
    pub fn note(&mut self, snapshot: &Snapshot) {
        if self.registry != snapshot.registry {
            *self = Self { registry: snapshot.registry, ..Self::default() };
        }
        if self.last.is_some_and(|last| snapshot.sequence <= last) {
            return;
        }
        self.last = Some(snapshot.sequence);
        for sum in self.names.values_mut() {
            sum.components = 0;
            sum.levels.clear();
        }
        let mut before = std::mem::take(&mut self.alive);
        for row in &snapshot.rows {
            let known = Known { counts: counts_of(row), times: times_of(row), timings: row.timings.clone() };
            let (mut known, earlier) = (known, before.remove(&row.id));
            known.keeps(earlier.as_ref());
            let sum = self.sum_of(row);
            sum.rise(earlier.as_ref(), &known);
            sum.components += 1;
            sum.add_levels(row);
            self.alive.insert(row.id, known);
        }
    }

    /// One for each kind and name, in their order; also of those of which none is left.
    pub fn series(&self) -> impl Iterator<Item = Series<'_>> {
        self.names.iter().map(|((kind, name), sum)| Series {
            kind,
            name,
            components: sum.components,
            counts: &sum.counts,
            levels: &sum.levels,
            times: sum.times,
            timings: &sum.timings,
        })
    }

    fn sum_of(&mut self, row: &Row) -> &mut Sum {
        let key = (row.kind.clone(), Arc::from(without_number(&row.name)));
        let is_one_too_many = self.names.len() >= NAMES && !self.names.contains_key(&key);
        let key = if is_one_too_many { (row.kind.clone(), Arc::from("other")) } else { key };
        self.names.entry(key).or_default()
    }
}

impl Known {
    /// What is read while it changes may be a little less than before; else it would be counted twice.
    fn keeps(&mut self, earlier: Option<&Self>) {
        for (name, value) in &mut self.counts {
            let before = earlier.and_then(|earlier| earlier.counts.iter().find(|(count, _)| count == name));
            *value = before.map_or(*value, |(_, before)| *before.max(value));
        }
    }
}

impl Sum {
    fn rise(&mut self, before: Option<&Known>, now: &Known) {
        let known = |name: &str| {
            before.and_then(|known| known.counts.iter().find(|(count, _)| count == name)).map_or(0, |(_, value)| *value)
        };
        for (name, value) in &now.counts {
            let more = value.saturating_sub(known(name));
            match self.counts.iter_mut().find(|(count, _)| count == name) {
                Some((_, total)) => *total += more,
                None => self.counts.push((name.clone(), more)),
            }
        }
        if let Some(times) = now.times {
            let earlier = before.and_then(|known| known.times).unwrap_or_default();
            let totals = self.times.get_or_insert_default();
            for (total, (time, earlier)) in totals.iter_mut().zip(times.into_iter().zip(earlier)) {
                *total += time.saturating_sub(earlier);
            }
        }
        for timed in &now.timings {
            let earlier = before.and_then(|known| known.timings.iter().find(|earlier| earlier.name == timed.name));
            let more = earlier.map(|earlier| timed.durations.since(&earlier.durations));
            let more = more.as_ref().unwrap_or(&timed.durations);
            match self.timings.iter_mut().find(|(name, _)| *name == timed.name) {
                Some((_, durations)) => durations.merge(more),
                None => self.timings.push((timed.name.clone(), more.clone())),
            }
        }
    }

    fn add_levels(&mut self, row: &Row) {
        let in_flight = (Cow::Borrowed("in flight"), row.flow.in_flight, None);
        let gauges = row.gauges.iter().map(|gauge| (gauge.name.clone(), gauge.value, gauge.limit));
        for (name, value, limit) in std::iter::once(in_flight).chain(gauges) {
            match self.levels.iter_mut().find(|(level, ..)| *level == name) {
                Some((_, total, of)) => {
                    *total += value;
                    *of = of.zip(limit).map(|(ours, theirs)| ours.saturating_add(theirs));
                }
                None => self.levels.push((name, value, limit)),
            }
        }
    }
}

fn counts_of(row: &Row) -> Vec<(Cow<'static, str>, u64)> {
    let flow = &row.flow;
    let parts = [
        ("accepted", flow.accepted),
        ("done", flow.done),
        ("failed", flow.failed),
        ("dropped", flow.dropped),
        ("discarded", flow.discarded),
    ];
    let counts = row.counts.iter().map(|count| (count.name.clone(), count.value));
    parts.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).chain(counts).collect()
}

fn times_of(row: &Row) -> Option<[u64; 3]> {
    let times = row.times?;
    // Five centuries fit.
    Some([times.busy, times.blocked, times.starved].map(|time| time.as_nanos() as u64))
}

/// `queue` of `queue#17`, `Worker-` of no such name.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((word, number)) if !word.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => word,
        _ => name,
    }
}
