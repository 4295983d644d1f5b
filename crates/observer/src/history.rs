//! The last two minutes of each component, for the curves of a page that was just opened.

use std::collections::{HashMap, VecDeque};

use regatta::observe::{Rates, RowId};
use serde::Serialize;

/// So many points are kept, one a second.
const POINTS: usize = 120;

#[derive(Debug, Default)]
pub(crate) struct History(HashMap<RowId, VecDeque<f32>>);

/// The curve of one component.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    id: RowId,
    points: Vec<f32>,
}

impl History {
    /// What is gone is forgotten.
    pub(crate) fn note(&mut self, rates: &Rates) {
        let mut before = std::mem::take(&mut self.0);
        for row in &rates.rows {
            let mut points = before.remove(&row.id).unwrap_or_default();
            if points.len() == POINTS {
                points.pop_front();
            }
            points.push_back(row.done as f32);
            self.0.insert(row.id, points);
        }
    }

    pub(crate) fn curves(&self, rows: impl IntoIterator<Item = RowId>) -> Vec<Curve> {
        let known = rows.into_iter().filter_map(|id| Some((id, self.0.get(&id)?)));
        known.map(|(id, points)| Curve { id, points: points.iter().copied().collect() }).collect()
    }
}
