//! How fast things go: what lies between two snapshots.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use super::row::{Row, RowId};
use super::snapshot::Snapshot;

/// What happened between two snapshots of one registry, for each component that is in both. A pipeline accepts what its first
/// stage does, and has done what its last has.
///
/// # Examples
/// ```
/// use regatta::observe::{Rates, Registry};
/// use regatta::queue;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let (producer, _consumer) = registry.enter(|| queue::bounded(8));
/// let before = registry.snapshot();
/// producer.send("hello").await?;
/// tokio::time::sleep(Duration::from_secs(2)).await;
/// let rates = Rates::between(&before, &registry.snapshot()).expect("one registry, one after the other");
/// assert_eq!(rates.rows[0].accepted, 0.5); // a second
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rates {
    /// How long the time between them was.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", with = "super::serial::nanos"))]
    pub window: Duration,
    /// In the order of the later snapshot.
    pub rows: Vec<RowRates>,
}

/// What one component did, in items a second, and the shares of its time.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RowRates {
    /// Which component.
    pub id: RowId,
    /// See [`Flow::accepted`](super::Flow::accepted); so are the others.
    pub accepted: f64,
    /// Finished as they should.
    pub done: f64,
    /// Failed.
    pub failed: f64,
    /// Dropped by an overflow policy.
    pub dropped: f64,
    /// Thrown away by a stop.
    pub discarded: f64,
    /// Its [counts](super::Row::counts).
    pub counts: Vec<Rate>,
    /// The share of the time in which it worked on something, of 1; absent where that is not known, as are the next.
    pub busy: Option<f64>,
    /// The share in which its results were not taken.
    pub blocked: Option<f64>,
    /// The share in which it had no input.
    pub starved: Option<f64>,
    /// The share of all that its workers could have done.
    pub utilisation: Option<f64>,
    /// What was sampled meanwhile.
    pub timings: Vec<WindowTiming>,
}

/// How fast something is counted.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rate {
    /// What is counted.
    pub name: Cow<'static, str>,
    /// So often a second.
    pub per_second: f64,
}

/// Durations that were sampled between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WindowTiming {
    /// What took so long.
    pub name: Cow<'static, str>,
    /// How many were sampled.
    pub samples: u64,
    /// Their mean.
    #[cfg_attr(feature = "serde", serde(rename = "mean_ns", with = "super::serial::nanos"))]
    pub mean: Duration,
    /// Half of them did not take longer.
    #[cfg_attr(feature = "serde", serde(rename = "p50_ns", with = "super::serial::nanos"))]
    pub p50: Duration,
    /// Ninety-nine in a hundred did not take longer.
    #[cfg_attr(feature = "serde", serde(rename = "p99_ns", with = "super::serial::nanos"))]
    pub p99: Duration,
    /// The longest, known to a quarter.
    #[cfg_attr(feature = "serde", serde(rename = "max_ns", with = "super::serial::nanos"))]
    pub max: Duration,
}

impl Rates {
    /// What happened from one snapshot to a later one. `None` unless both are of the same registry, the second is the
    /// later one, and time has passed between them: after a restart of the process nothing can be said.
    #[must_use]
    pub fn between(earlier: &Snapshot, later: &Snapshot) -> Option<Self> {
        let window = later.uptime.checked_sub(earlier.uptime)?;
        let is_later = earlier.registry == later.registry && earlier.sequence < later.sequence;
        if !is_later || window.is_zero() {
            return None;
        }
        let known: HashMap<RowId, &Row> = earlier.rows.iter().map(|row| (row.id, row)).collect();
        let rows = later.rows.iter().filter_map(|row| Some(RowRates::between(known.get(&row.id)?, row, window)));
        let mut rates = Self { window, rows: rows.collect() };
        rates.take_pipelines_as_wholes(later);
        Some(rates)
    }

    /// The flow of a pipeline is the sum of those of its stages; what it does is what its ends do.
    fn take_pipelines_as_wholes(&mut self, later: &Snapshot) {
        let places: HashMap<RowId, usize> = self.rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
        let mut ends: HashMap<RowId, (usize, usize)> = HashMap::new();
        for stage in later.of_kind("stage") {
            if let (Some(pipeline), Some(place)) = (stage.parent, places.get(&stage.id)) {
                ends.entry(pipeline).and_modify(|(_, last)| *last = *place).or_insert((*place, *place));
            }
        }
        for (pipeline, (first, last)) in ends {
            let (accepted, done) = (self.rows[first].accepted, self.rows[last].done);
            if let Some(place) = places.get(&pipeline) {
                (self.rows[*place].accepted, self.rows[*place].done) = (accepted, done);
            }
        }
    }

    /// Those of one component.
    #[must_use]
    pub fn row(&self, id: RowId) -> Option<&RowRates> {
        self.rows.iter().find(|row| row.id == id)
    }
}

impl RowRates {
    pub(crate) fn between(earlier: &Row, later: &Row, window: Duration) -> Self {
        let seconds = window.as_secs_f64();
        // Saturating: no counter falls, but what was read of two in turn may be out of step.
        let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
        let (old, new) = (&earlier.flow, &later.flow);
        let counts = later.counts.iter().map(|count| {
            let before = earlier.count_of(&count.name).unwrap_or(0);
            Rate { name: count.name.clone(), per_second: rate(before, count.value) }
        });
        let times = later.times.zip(earlier.times).map(|(after, before)| after.since(&before));
        let whole = times.map_or(0.0, |times| times.whole().as_secs_f64());
        let share = |part: Duration| (whole > 0.0).then(|| (part.as_secs_f64() / whole).min(1.0));
        // Of workers without a limit there is no share.
        let workers = later.gauge_of("workers").map_or(Some(1), |workers| workers.limit).filter(|workers| *workers > 0);
        let utilisation = times.zip(workers).and_then(|(times, workers)| share(times.worked.div_f64(workers as f64)));
        let timings = later.timings.iter().filter_map(|timed| {
            let durations = match earlier.timing_of(&timed.name) {
                Some(before) => timed.durations.since(before),
                None => timed.durations.clone(),
            };
            let [p50, p99] = [0.5, 0.99].map(|share| durations.quantile(share));
            let (samples, mean, max) = (durations.samples(), durations.mean(), durations.max());
            (samples > 0).then(|| WindowTiming { name: timed.name.clone(), samples, mean, p50, p99, max })
        });
        Self {
            id: later.id,
            accepted: rate(old.accepted, new.accepted),
            done: rate(old.done, new.done),
            failed: rate(old.failed, new.failed),
            dropped: rate(old.dropped, new.dropped),
            discarded: rate(old.discarded, new.discarded),
            counts: counts.collect(),
            busy: times.and_then(|times| share(times.busy)),
            blocked: times.and_then(|times| share(times.blocked)),
            starved: times.and_then(|times| share(times.starved)),
            utilisation,
            timings: timings.collect(),
        }
    }

    /// How fast this is counted; 0 where it is not.
    #[must_use]
    pub fn count_of(&self, name: &str) -> f64 {
        self.counts.iter().find(|rate| rate.name == name).map_or(0.0, |rate| rate.per_second)
    }
}
