//! What a look at one component gives: its numbers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::flow::Flow;
use super::histogram::Histogram;
use super::times::Times;

/// Identifies a component among those of one registry, in the order of creation; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RowId(pub(crate) u64);

/// The numbers of one component.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Row {
    /// Which component.
    pub id: RowId,
    /// The component it is a part of, as a stage is of its pipeline.
    pub parent: Option<RowId>,
    /// What it is: `queue`, `pool`, `worker`, `pipeline`, `stage`, `tasks`, `promises`, `rcu`, `rcu map`, `cas cell`,
    /// `reclaimer`, `supervisor`, `actor`, `topic`, `cache`.
    pub kind: Cow<'static, str>,
    /// Its name: the one it was given, else its kind and a number.
    pub name: Arc<str>,
    /// What it is doing: `open`, `closed`, …
    pub state: Cow<'static, str>,
    /// How long it has existed.
    #[cfg_attr(feature = "serde", serde(rename = "age_ns", with = "super::serial::nanos"))]
    pub age: Duration,
    /// What became of its items.
    pub flow: Flow,
    /// What it has counted besides; these numbers only rise.
    pub counts: Vec<Count>,
    /// Levels of the moment.
    pub gauges: Vec<Gauge>,
    /// Where its time went, if it takes note of that: stages with tasks of their own do.
    pub times: Option<Times>,
    /// What it samples: how long its handler runs, how long its jobs wait.
    pub timings: Vec<Timed>,
    /// The message in hand, by its name: what an actor that has one in flight is at.
    pub doing: Option<Cow<'static, str>>,
    /// Whom that message waits for, by an ask.
    pub waits_for: Option<Arc<str>>,
    /// What else is worth knowing, in words.
    pub note: Option<Arc<str>>,
}

/// Something that is counted and never taken back, such as how often an actor was restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Count {
    /// What is counted.
    pub name: Cow<'static, str>,
    /// How many there were.
    pub value: u64,
}

/// One level of the moment, such as how many items are queued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Gauge {
    /// What is measured.
    pub name: Cow<'static, str>,
    /// How much of it there is.
    pub value: u64,
    /// How much there can be, where that is bounded.
    pub limit: Option<u64>,
}

/// Durations of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Timed {
    /// What takes that long: `handler`, `wait`, `run`, `load`.
    pub name: Cow<'static, str>,
    /// How long.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub durations: Histogram,
}

/// A component that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Gone {
    /// The row it had.
    pub id: RowId,
    /// What it was.
    pub kind: Cow<'static, str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it ended, on the registry's own clock: compare with [`Snapshot::uptime`](super::Snapshot::uptime).
    #[cfg_attr(feature = "serde", serde(rename = "ended_at_ns", with = "super::serial::nanos"))]
    pub ended_at: Duration,
    /// How long it had existed.
    #[cfg_attr(feature = "serde", serde(rename = "age_ns", with = "super::serial::nanos"))]
    pub age: Duration,
    /// Why, in words.
    pub reason: Arc<str>,
    /// Whether that was a failure.
    pub is_failure: bool,
}

impl RowId {
    /// The number, as it appears in other forms of a snapshot.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// A name or a reason on one line: they are the user's, and may have anything in them.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => text.replace(char::is_control, "\u{fffd}").into(),
        false => text.into(),
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Row {
    pub(crate) fn new(id: RowId, parent: Option<RowId>, kind: &'static str, name: Arc<str>) -> Self {
        Self {
            id,
            parent,
            kind: Cow::Borrowed(kind),
            name,
            state: Cow::Borrowed(""),
            age: Duration::ZERO,
            flow: Flow::default(),
            counts: Vec::new(),
            gauges: Vec::new(),
            times: None,
            timings: Vec::new(),
            doing: None,
            waits_for: None,
            note: None,
        }
    }

    /// The value of a count, if the component has one of that name.
    #[must_use]
    pub fn count_of(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|count| count.name == name).map(|count| count.value)
    }

    /// The gauge of that name, if the component has one.
    #[must_use]
    pub fn gauge_of(&self, name: &str) -> Option<&Gauge> {
        self.gauges.iter().find(|gauge| gauge.name == name)
    }

    /// The durations of that name, if the component samples them.
    #[must_use]
    pub fn timing_of(&self, name: &str) -> Option<&Histogram> {
        self.timings.iter().find(|timed| timed.name == name).map(|timed| &timed.durations)
    }

    pub(crate) fn set_state(&mut self, state: &'static str) {
        self.state = Cow::Borrowed(state);
    }

    pub(crate) fn gauge(&mut self, name: &'static str, value: usize, limit: Option<usize>) {
        // A bound of `usize::MAX` is how callers spell “no bound”.
        let limit = limit.filter(|limit| *limit != usize::MAX).map(|limit| limit as u64);
        self.level(name, value as u64, limit);
    }

    pub(crate) fn level(&mut self, name: &'static str, value: u64, limit: Option<u64>) {
        self.gauges.push(Gauge { name: Cow::Borrowed(name), value, limit });
    }

    pub(crate) fn count(&mut self, name: &'static str, value: u64) {
        self.counts.push(Count { name: Cow::Borrowed(name), value });
    }

    pub(crate) fn timing(&mut self, name: &'static str, durations: Histogram) {
        if durations.samples() > 0 {
            self.timings.push(Timed { name: Cow::Borrowed(name), durations });
        }
    }

    /// The items that wait here, and how many can, where the component says so.
    pub(crate) fn depth(&self) -> Option<(u64, Option<u64>)> {
        self.gauge_of("queued").map(|queued| (queued.value, queued.limit))
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "{} {}/{limit}", self.name, self.value),
            None => write!(f, "{} {}", self.name, self.value),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)
    }
}
