//! Which rows are shown: the first of an order, and what belongs to them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use regatta::observe::{Row, RowId, RowRates, Snapshot};

use crate::view::{Sort, View};

/// The rows of a view, in its order.
pub(crate) struct Selection<'a> {
    pub(crate) rows: Vec<&'a Row>,
    /// How many there would be without the limit.
    pub(crate) matching: usize,
}

/// Rows that are needed in any case are in it too.
pub(crate) fn select<'a>(
    snapshot: &'a Snapshot,
    rates: &HashMap<RowId, &RowRates>,
    view: &View,
    needed: &HashSet<RowId>,
) -> Selection<'a> {
    let mut matching: Vec<&Row> = snapshot.rows.iter().filter(|row| matches(row, &view.filter)).collect();
    order(&mut matching, rates, view.sort, needed);
    let count = matching.len();
    let mut shown: HashSet<RowId> = matching.iter().take(view.top).map(|row| row.id).collect();
    shown.extend(needed);
    // A stage says nothing without the others of its pipeline, nor a worker without those of its pool.
    let wholes: HashSet<RowId> = snapshot
        .rows
        .iter()
        .filter(|row| shown.contains(&row.id) && is_part(row))
        .filter_map(|row| row.parent)
        .chain(snapshot.rows.iter().filter(|row| shown.contains(&row.id) && is_whole(row)).map(|row| row.id))
        .collect();
    let belongs = |row: &&Row| is_part(row) && row.parent.is_some_and(|whole| wholes.contains(&whole));
    shown.extend(snapshot.rows.iter().filter(belongs).map(|row| row.id));
    shown.extend(wholes);
    let mut rows: Vec<&Row> = snapshot.rows.iter().filter(|row| shown.contains(&row.id)).collect();
    order(&mut rows, rates, view.sort, needed);
    Selection { rows, matching: count }
}

fn is_part(row: &Row) -> bool {
    row.kind == "stage" || row.kind == "worker"
}

fn is_whole(row: &Row) -> bool {
    row.kind == "pipeline" || row.kind == "pool"
}

fn matches(row: &Row, filter: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(filter);
    filter.is_empty() || has(&row.name) || has(&row.kind) || has(&row.state)
}

/// Stages stay in the order of their pipeline: nothing that is equal changes places.
fn order(rows: &mut [&Row], rates: &HashMap<RowId, &RowRates>, sort: Sort, needed: &HashSet<RowId>) {
    let rate = |row: &Row| rates.get(&row.id).map_or(0.0, |rates| rates.done);
    let falling = |a: f64, b: f64| b.total_cmp(&a);
    match sort {
        // What is wrong first: who stands still does nothing.
        Sort::Activity => rows.sort_by(|a, b| {
            let [a_is_needed, b_is_needed] = [a, b].map(|row| needed.contains(&row.id));
            let by_rate = falling(rate(a), rate(b)).then_with(|| depth(b).cmp(&depth(a)));
            b_is_needed.cmp(&a_is_needed).then(by_rate)
        }),
        Sort::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        Sort::Kind => rows.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.name.cmp(&b.name))),
        Sort::State => rows.sort_by(|a, b| a.state.cmp(&b.state)),
        Sort::Depth => rows.sort_by_key(|row| Reverse(depth(row))),
        Sort::Rate => rows.sort_by(|a, b| falling(rate(a), rate(b))),
        Sort::P99 => {
            let p99 = |row: &Row| row.timings.iter().map(|timed| timed.durations.quantile(0.99)).max();
            rows.sort_by_cached_key(|row| Reverse(p99(row)));
        }
        Sort::Restarts => rows.sort_by_key(|row| Reverse(row.count_of("restarts").unwrap_or(0))),
        Sort::Failed => rows.sort_by_key(|row| Reverse(row.flow.failed)),
        Sort::Age => rows.sort_by_key(|row| Reverse(row.age)),
    }
}

fn depth(row: &Row) -> u64 {
    let in_batch = row.gauge_of("in hand").map_or(0, |hand| hand.value.saturating_sub(1));
    row.gauge_of("queued").map_or(row.flow.in_flight, |queued| queued.value + in_batch)
}
