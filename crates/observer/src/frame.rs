//! One look as JSON: what the page shows, and what a saved file holds.
//!
//! The field `snapshot` is a [`Snapshot`](regatta::observe::Snapshot) with the rows that are shown.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regatta::observe::{Finding, Gone, Machine, Row, RowId, RowRates, Verdict};
use serde::Serialize;

use crate::sampler::Tick;
use crate::select::{Selection, select};
use crate::view::View;

#[derive(Serialize)]
struct Frame<'a> {
    snapshot: Shown<'a>,
    rates: Option<ShownRates<'a>>,
    findings: &'a [Finding],
    judged: bool,
    verdicts: Vec<&'a Verdict>,
    totals: Totals<'a>,
    runtime: Runtime,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    registry: u64,
    sequence: u64,
    captured_at_ns: u64,
    uptime_ns: u64,
    machine: &'a Machine,
    rows: Vec<&'a Row>,
    gone: &'a [Gone],
    gone_total: u64,
}

#[derive(Serialize)]
struct ShownRates<'a> {
    window_ns: u64,
    rows: Vec<&'a RowRates>,
}

#[derive(Serialize)]
struct Totals<'a> {
    rows: usize,
    matching: usize,
    shown: usize,
    findings: usize,
    done_per_second: f64,
    kinds: Vec<Kind<'a>>,
}

#[derive(Serialize, Default)]
struct Kind<'a> {
    kind: &'a str,
    rows: usize,
    in_flight: u64,
    done_per_second: f64,
}

#[derive(Serialize)]
struct Runtime {
    workers: Option<usize>,
    busy: Option<f64>,
    tasks: Option<usize>,
    global_queue: Option<usize>,
}

/// The rows of a view.
pub(crate) fn shown(tick: &Tick, view: &View) -> Vec<RowId> {
    selection(tick, &rates_of(tick), view).rows.iter().map(|row| row.id).collect()
}

pub(crate) fn json(tick: &Tick, view: &View) -> String {
    let rates = rates_of(tick);
    let selection = selection(tick, &rates, view);
    let snapshot = &tick.snapshot;
    let shown_rates = tick.rates.as_ref().map(|all| ShownRates {
        window_ns: nanos(all.window),
        rows: selection.rows.iter().filter_map(|row| rates.get(&row.id).copied()).collect(),
    });
    let machine = &snapshot.machine;
    let shown: HashSet<RowId> = selection.rows.iter().map(|row| row.id).collect();
    let verdicts = tick.diagnosis.verdicts.iter().filter(|verdict| shown.contains(&verdict.pipeline));
    let frame = Frame {
        rates: shown_rates,
        findings: findings(tick, view),
        judged: tick.diagnosis.is_complete,
        verdicts: verdicts.collect(),
        totals: totals(tick, &rates, &selection),
        runtime: Runtime {
            workers: machine.workers,
            busy: tick.busy,
            tasks: machine.tasks,
            global_queue: machine.queued,
        },
        snapshot: Shown {
            schema: snapshot.schema,
            registry: snapshot.registry,
            sequence: snapshot.sequence,
            captured_at_ns: unix_nanos(snapshot.captured_at),
            uptime_ns: nanos(snapshot.uptime),
            machine,
            rows: selection.rows,
            gone: &snapshot.gone,
            gone_total: snapshot.gone_total,
        },
    };
    // Nothing in it can fail: its keys are words, its numbers finite.
    serde_json::to_string(&frame).unwrap_or_else(|_| "{}".to_owned())
}

fn rates_of(tick: &Tick) -> HashMap<RowId, &RowRates> {
    tick.rates.iter().flat_map(|rates| &rates.rows).map(|rates| (rates.id, rates)).collect()
}

/// The worst come first.
fn findings<'a>(tick: &'a Tick, view: &View) -> &'a [Finding] {
    let all = &tick.diagnosis.findings;
    &all[..all.len().min(view.findings)]
}

/// What a finding is about is shown, so that one can go there.
fn selection<'a>(tick: &'a Tick, rates: &HashMap<RowId, &RowRates>, view: &View) -> Selection<'a> {
    let needed: HashSet<RowId> = findings(tick, view).iter().map(|finding| finding.row).collect();
    select(&tick.snapshot, rates, view, &needed)
}

fn totals<'a>(tick: &'a Tick, rates: &HashMap<RowId, &RowRates>, selection: &Selection<'_>) -> Totals<'a> {
    let mut kinds: BTreeMap<&str, Kind<'_>> = BTreeMap::new();
    for row in &tick.snapshot.rows {
        let kind = kinds.entry(&row.kind).or_default();
        kind.kind = &row.kind;
        kind.rows += 1;
        kind.in_flight += row.flow.in_flight;
        kind.done_per_second += rates.get(&row.id).map_or(0.0, |rates| rates.done);
    }
    // What stages and workers do is in what their pipelines and pools do.
    let is_whole = |kind: &&Kind<'_>| !matches!(kind.kind, "stage" | "worker");
    Totals {
        rows: tick.snapshot.rows.len(),
        matching: selection.matching,
        shown: selection.rows.len(),
        findings: tick.diagnosis.findings.len(),
        done_per_second: kinds.values().filter(is_whole).map(|kind| kind.done_per_second).sum(),
        kinds: kinds.into_values().collect(),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn unix_nanos(moment: SystemTime) -> u64 {
    nanos(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}
