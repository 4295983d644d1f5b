//! What an observer answers, as far as it is shown here.

use std::collections::{HashMap, HashSet};

use regatta::observe::{Finding, Rates, Row, RowId, Snapshot, Verdict};
use serde::Deserialize;

/// One look at another program.
#[derive(Debug, Deserialize)]
pub(crate) struct Look {
    pub(crate) snapshot: Snapshot,
    /// From the second look on.
    pub(crate) rates: Option<Rates>,
    /// The worst first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) totals: Totals,
    pub(crate) runtime: Runtime,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Totals {
    /// Of the whole program; the snapshot may have fewer.
    pub(crate) rows: usize,
    pub(crate) done_per_second: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Runtime {
    pub(crate) workers: Option<usize>,
    /// The share of their time, of 1.
    pub(crate) busy: Option<f64>,
    pub(crate) tasks: Option<usize>,
}

impl Look {
    /// The rows in the observer's order, each part below the whole it belongs to, and how deep.
    pub(crate) fn tree(&self) -> Vec<(usize, &Row)> {
        let rows = &self.snapshot.rows;
        let listed: HashSet<RowId> = rows.iter().map(|row| row.id).collect();
        let mut parts: HashMap<Option<RowId>, Vec<&Row>> = HashMap::new();
        for row in rows {
            parts.entry(row.parent.filter(|parent| listed.contains(parent))).or_default().push(row);
        }
        // In the order of creation, which for stages is that of the pipeline.
        parts.iter_mut().filter(|(whole, _)| whole.is_some()).for_each(|(_, parts)| parts.sort_by_key(|row| row.id));
        let mut tree = Vec::with_capacity(rows.len());
        let mut open: Vec<(usize, &Row)> = Vec::new();
        let mut put = |open: &mut Vec<_>, depth, whole: Option<RowId>| {
            // The last is taken first.
            open.extend(parts.remove(&whole).into_iter().flatten().rev().map(|row| (depth, row)));
        };
        put(&mut open, 0, None);
        while let Some((depth, row)) = open.pop() {
            tree.push((depth, row));
            put(&mut open, depth + 1, Some(row.id));
        }
        tree
    }
}
