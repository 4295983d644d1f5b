//! What a look inside gives: rows of numbers.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::machine::Machine;
use super::row::{Gone, Row, RowId};

/// Everything that was alive in a [`Registry`](super::Registry) when it was asked.
///
/// `Display` prints a table, parts below the whole they belong to; see [`observe`](crate::observe) for what the numbers
/// promise. With the feature `serde` it can be written and read; durations are whole nanoseconds there.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The version of this shape; a number is added or changes its meaning only with a new version.
    pub schema: u32,
    /// Tells registries apart, and those of one process from those of the next.
    pub registry: u64,
    /// Counts the snapshots of this registry, from 0.
    pub sequence: u64,
    /// When the snapshot was taken.
    #[cfg_attr(feature = "serde", serde(rename = "captured_at_ns", with = "super::serial::unix_nanos"))]
    pub captured_at: SystemTime,
    /// How long the registry has existed. Tokio's clock.
    #[cfg_attr(feature = "serde", serde(rename = "uptime_ns", with = "super::serial::nanos"))]
    pub uptime: Duration,
    /// The runtime and the process.
    pub machine: Machine,
    /// One row for each component, in the order of creation.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::serial::in_order"))]
    pub rows: Vec<Row>,
    /// Actors and supervisors that have ended: the last 256, the latest last.
    pub gone: Vec<Gone>,
    /// How many there have been.
    pub gone_total: u64,
}

impl Snapshot {
    /// The version of the shape that this crate writes.
    pub const SCHEMA: u32 = 2;

    /// The rows of one kind, in the order of creation.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }

    /// The first row with this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| &*row.name == name)
    }

    /// The row with this id.
    #[must_use]
    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The rows with their depth, each part below the whole it belongs to.
    pub(super) fn tree(&self) -> Vec<(usize, &Row)> {
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
