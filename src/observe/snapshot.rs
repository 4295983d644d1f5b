//! What a look inside gives: rows of numbers, and a table of them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::flow::Flow;

/// Identifies a component among those of one registry, in the order of creation; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub(crate) u64);

/// Everything that was alive in a [`Registry`](super::Registry) when it was asked.
///
/// `Display` prints a table, parts below the whole they belong to; see [`observe`](crate::observe) for what the numbers
/// promise.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// The version of this shape; a number is added or changes its meaning only with a new version.
    pub schema: u32,
    /// Counts the snapshots of this registry, from 0.
    pub sequence: u64,
    /// When the snapshot was taken.
    pub captured_at: SystemTime,
    /// How long the registry has existed.
    pub uptime: Duration,
    /// One row for each component, in the order of creation.
    pub rows: Vec<Row>,
}

/// The numbers of one component.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Row {
    /// Which component.
    pub id: RowId,
    /// The component it is a part of, as a stage is of its pipeline.
    pub parent: Option<RowId>,
    /// What it is: `queue`, `pool`, `pipeline`, `stage`, `tasks`, `promises`, `rcu`, `rcu map`, `reclaimer`,
    /// `supervisor`, `actor`, `cache`.
    pub kind: &'static str,
    /// Its name: the one it was given, else its kind and a number.
    pub name: Arc<str>,
    /// What it is doing: `open`, `closed`, …
    pub state: &'static str,
    /// What became of its items.
    pub flow: Flow,
    /// Levels of the moment.
    pub gauges: Vec<Gauge>,
}

/// One level of the moment, such as how many items are queued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauge {
    /// What is measured.
    pub name: &'static str,
    /// How much of it there is.
    pub value: u64,
    /// How much there can be, where that is bounded.
    pub limit: Option<u64>,
}

impl Snapshot {
    /// The version of the shape that this crate writes.
    pub const SCHEMA: u32 = 1;

    /// The rows of one kind, in the order of creation.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }

    /// The first row with this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| &*row.name == name)
    }

    /// The rows with their depth, each part below the whole it belongs to.
    fn tree(&self) -> Vec<(usize, &Row)> {
        let listed: HashSet<RowId> = self.rows.iter().map(|row| row.id).collect();
        // Last first: the stack gives them back in order.
        let mut parts: HashMap<Option<RowId>, Vec<&Row>> = HashMap::new();
        for row in self.rows.iter().rev() {
            let parent = row.parent.filter(|parent| listed.contains(parent));
            parts.entry(parent).or_default().push(row);
        }
        let mut open: Vec<(usize, &Row)> = Vec::new();
        open.extend(parts.remove(&None).into_iter().flatten().map(|row| (0, row)));
        let mut tree = Vec::with_capacity(self.rows.len());
        while let Some((depth, row)) = open.pop() {
            tree.push((depth, row));
            open.extend(parts.remove(&Some(row.id)).into_iter().flatten().map(|part| (depth + 1, part)));
        }
        tree
    }
}

impl Row {
    pub(crate) fn new(id: RowId, parent: Option<RowId>, kind: &'static str, name: Arc<str>) -> Self {
        Self { id, parent, kind, name, state: "", flow: Flow::default(), gauges: Vec::new() }
    }

    pub(crate) fn gauge(&mut self, name: &'static str, value: usize, limit: Option<usize>) {
        // A bound of `usize::MAX` is how callers spell “no bound”.
        let limit = limit.filter(|limit| *limit != usize::MAX).map(|limit| limit as u64);
        self.gauges.push(Gauge { name, value: value as u64, limit });
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEADER: [&str; 9] =
            ["name", "kind", "state", "accepted", "done", "failed", "dropped", "discarded", "in flight"];
        let mut table: Vec<[String; 9]> = vec![HEADER.map(String::from)];
        let mut levels = vec![String::new()];
        for (depth, row) in self.tree() {
            let Flow { accepted, done, failed, dropped, discarded, in_flight } = row.flow;
            let [accepted, done, failed, dropped, discarded, in_flight] =
                [accepted, done, failed, dropped, discarded, in_flight].map(|count| count.to_string());
            let name = format!("{}{}", "  ".repeat(depth), row.name);
            table.push([
                name,
                row.kind.into(),
                row.state.into(),
                accepted,
                done,
                failed,
                dropped,
                discarded,
                in_flight,
            ]);
            levels.push(row.gauges.iter().map(|gauge| format!("  {gauge}")).collect());
        }
        let widths: [usize; 9] =
            std::array::from_fn(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (cells, levels) in table.iter().zip(&levels) {
            for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:width$}")?,
                    1 | 2 => write!(f, "  {cell:width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f, "{levels}")?;
        }
        Ok(())
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
