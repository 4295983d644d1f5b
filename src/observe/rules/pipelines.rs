//! Which stage limits a pipeline.
//!
//! The utilisation law: what is busy all the time limits the rate. So the stage with the highest utilisation is the one,
//! when that is nine tenths and a neighbour bears witness: what comes before it is held up, or what comes after it starves.
//! A stage that is a fifth slower than its neighbour blocks it a fifth of the time, no more. If `x` items a second take a
//! share `u` of what a stage can do, it can do `x / u`: the next smallest of these is what the pipeline would do without
//! its limit, as long as stages do not share what they lack, which is why a busy machine is another verdict.

use std::collections::HashMap;
use std::time::Duration;

use super::super::finding::{Finding, Limit, Severity, Topic, Verdict};
use super::super::inspector::{WINDOWS, Windows};
use super::super::rates::RowRates;
use super::super::row::{Row, RowId, plain};
use super::super::snapshot::Snapshot;
use super::rate;

/// A stage of that utilisation is at its limit.
const BUSY: f64 = 0.9;
/// Who is held up or starved for that share of the time bears witness.
const WITNESS: f64 = 0.1;
/// A queue as full as that does, too.
const FULL: f64 = 0.8;
/// The machine is at its limit.
const CPU: f64 = 0.95;
/// Below, a stage says nothing about how fast it could be.
const LITTLE: f64 = 0.005;

/// A stage with tasks of its own in one window.
struct Node<'a> {
    row: &'a Row,
    rates: RowRates,
    utilisation: f64,
    blocked: f64,
    starved: f64,
    /// How full the queue behind it is.
    fill: f64,
    /// Items that wait for another of their key.
    waiting: u64,
}

/// What limits a pipeline in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Idle,
    Source,
    Nothing,
    Stage(RowId),
    /// A stage that one key keeps from using its workers.
    Key(RowId),
    /// The end, which runs in nobody's time.
    End(RowId),
}

pub(super) fn judge(now: &Snapshot, windows: &Windows<'_>) -> Vec<Verdict> {
    let mut stages: HashMap<RowId, Vec<&Row>> = HashMap::new();
    for stage in now.of_kind("stage") {
        if let Some(pipeline) = stage.parent {
            stages.entry(pipeline).or_default().push(stage);
        }
    }
    let running = now.of_kind("pipeline").filter(|pipeline| pipeline.state != "ended");
    running.map(|pipeline| of_one(pipeline, stages.get(&pipeline.id).map_or(&[][..], Vec::as_slice), windows)).collect()
}

/// What is worth a finding.
pub(super) fn finding(now: &Snapshot, verdict: &Verdict) -> Option<Finding> {
    let topic = match verdict.limit {
        Limit::Stage => Topic::Bottleneck,
        Limit::Alternating => Topic::Alternating,
        Limit::CpuBound => Topic::CpuBound,
        _ => return None,
    };
    let pipeline = now.row(verdict.pipeline)?;
    Some(Finding::new(Severity::Warning, topic, pipeline, &verdict.text))
}

fn of_one(pipeline: &Row, stages: &[&Row], windows: &Windows<'_>) -> Verdict {
    let name = &*pipeline.name;
    let verdict = |(limit, stages, text): (_, _, String)| {
        // The names in it are the user's, and may have anything in them.
        let text = plain(&text).into_owned();
        Verdict { pipeline: pipeline.id, limit, stages, rate: None, expected: None, text }
    };
    let mut nodes: Vec<Vec<Node<'_>>> = (0..WINDOWS).map_while(|window| nodes_in(stages, windows, window)).collect();
    if stages.iter().all(|stage| stage.times.is_none()) {
        let text = format!("pipeline `{name}` runs all its stages in one task: none of them can wait for another.");
        return verdict((Limit::Balanced, Vec::new(), text));
    }
    if !windows.are_complete() || nodes.len() < WINDOWS {
        let text = format!("pipeline `{name}` is being measured: a verdict takes {WINDOWS} s.");
        return verdict((Limit::Measuring, Vec::new(), text));
    }
    let causes: Vec<Cause> = nodes.iter().map(|nodes| cause(nodes, stages)).collect();
    // What takes seconds is not finished in every window: rates are those of all of them.
    for place in 0..nodes[0].len() {
        nodes[0][place].rates.done = nodes.iter().map(|nodes| nodes[place].rates.done).sum::<f64>() / WINDOWS as f64;
    }
    let latest = &nodes[0];
    let limiting: Vec<RowId> = causes.iter().filter_map(Cause::stage).collect();
    if limiting.len() < WINDOWS {
        return verdict(without_limit(name, &causes, latest));
    }
    if limiting.iter().any(|stage| *stage != limiting[0]) {
        return verdict(in_turn(name, limiting, stages));
    }
    let stage = limiting[0];
    if let (Some(cpu), Cause::Stage(_)) = (cpu_share(windows), causes[0])
        && cpu >= CPU
    {
        let text = format!(
            "pipeline `{name}` is limited by the machine: its cores are busy {:.0} % of the time, most of it for `{}`. More \
             workers will not help; less work for each item will.",
            cpu * 100.0,
            name_of(stage, stages)
        );
        return verdict((Limit::CpuBound, vec![stage], text));
    }
    let limited = verdict((Limit::Stage, vec![stage], limited_text(name, causes[0], latest, stages)));
    let node = latest.iter().find(|node| node.row.id == stage && causes[0] == Cause::Stage(stage));
    let rate = node.map(|node| node.rates.done);
    let expected = node.and_then(|node| gain(node, latest)).map(|(expected, _)| expected);
    Verdict { rate, expected, ..limited }
}

/// Not limited by a stage in all windows: a burst, or not much to do.
fn without_limit(name: &str, causes: &[Cause], latest: &[Node<'_>]) -> (Limit, Vec<RowId>, String) {
    let rate = rate(latest.last().map_or(0.0, |node| node.rates.done));
    let (limit, text) = if causes.iter().all(|cause| *cause == Cause::Idle) {
        (Limit::Idle, format!("pipeline `{name}` has nothing to do."))
    } else if causes.iter().all(|cause| matches!(cause, Cause::Source | Cause::Idle)) {
        let text = format!("pipeline `{name}` is limited by its source: {rate} come, and every stage waits for more.");
        (Limit::SourceLimited, text)
    } else {
        (Limit::Balanced, format!("pipeline `{name}` is balanced at {rate}: no stage in particular limits it."))
    };
    (limit, Vec::new(), text)
}

fn in_turn(name: &str, mut limiting: Vec<RowId>, stages: &[&Row]) -> (Limit, Vec<RowId>, String) {
    limiting.sort_unstable();
    limiting.dedup();
    let names: Vec<String> = limiting.iter().map(|id| format!("`{}`", name_of(*id, stages))).collect();
    let text = format!(
        "pipeline `{name}` is limited now by one stage, now by another: {}. Larger queues between them even bursts out; if \
         both are slow, both need more workers.",
        names.join(" and ")
    );
    (Limit::Alternating, limiting, text)
}

fn name_of<'a>(id: RowId, stages: &[&'a Row]) -> &'a str {
    stages.iter().find(|stage| stage.id == id).map_or("?", |stage| &stage.name)
}

impl Cause {
    /// The stage that limits, if one does.
    fn stage(&self) -> Option<RowId> {
        match self {
            Self::Stage(id) | Self::Key(id) | Self::End(id) => Some(*id),
            Self::Idle | Self::Source | Self::Nothing => None,
        }
    }
}

/// The stages that have tasks, from the source on; `None` when one was not there yet.
fn nodes_in<'a>(stages: &[&'a Row], windows: &Windows<'a>, window: usize) -> Option<Vec<Node<'a>>> {
    let (after, before) = (windows.ends.get(window)?, windows.ends.get(window + 1)?);
    let length = after.uptime.saturating_sub(before.uptime);
    let find = |snapshot: &&'a Snapshot, id: RowId| {
        let place = snapshot.rows.binary_search_by_key(&id, |row| row.id).ok()?;
        Some(&snapshot.rows[place])
    };
    let with_times = stages.iter().filter(|stage| stage.times.is_some());
    with_times.map(|stage| Some(Node::new(find(before, stage.id)?, find(after, stage.id)?, length))).collect()
}

impl<'a> Node<'a> {
    fn new(before: &Row, after: &'a Row, window: Duration) -> Self {
        let rates = RowRates::between(before, after, window);
        let share = |share: Option<f64>| share.unwrap_or(0.0);
        let fill = after.depth().map_or(0.0, |(queued, limit)| queued as f64 / limit.unwrap_or(u64::MAX).max(1) as f64);
        Self {
            row: after,
            utilisation: share(rates.utilisation),
            blocked: share(rates.blocked),
            starved: share(rates.starved),
            fill,
            waiting: after.gauge_of("waiting").map_or(0, |waiting| waiting.value),
            rates,
        }
    }

    fn workers(&self) -> f64 {
        self.row.gauge_of("workers").and_then(|workers| workers.limit).unwrap_or(1) as f64
    }
}

fn cause(nodes: &[Node<'_>], stages: &[&Row]) -> Cause {
    // What has ended before it has left it all that there is.
    let holds_back =
        |before: &Node<'_>| before.blocked >= WITNESS || before.fill >= FULL || before.row.state == "ended";
    let is_held_up = |place: usize| place.checked_sub(1).is_none_or(|before| holds_back(&nodes[before]));
    // What comes first has nobody before it: then those after it must have less to do, if there are any.
    let has_rest = |node: &Node<'_>| node.starved >= WITNESS || node.utilisation < BUSY;
    let starves_rest = |place: usize| place > 0 || nodes[1..].iter().all(has_rest);
    let busiest = (0..nodes.len()).max_by(|a, b| nodes[*a].utilisation.total_cmp(&nodes[*b].utilisation));
    if let Some(place) = busiest.filter(|place| nodes[*place].utilisation >= BUSY)
        && is_held_up(place)
        && starves_rest(place)
    {
        return Cause::Stage(nodes[place].row.id);
    }
    let by_key = |place: &usize| {
        let node = &nodes[*place];
        node.waiting > 0 && node.blocked < WITNESS && node.starved < WITNESS && is_held_up(*place)
    };
    if let Some(place) = (0..nodes.len()).find(by_key) {
        return Cause::Key(nodes[place].row.id);
    }
    // What ends it has no time of its own, or is a reader of the stream: then the last stage knows no more.
    if let (Some(last), Some(end)) = (nodes.last(), stages.last())
        && (last.blocked >= 0.5 || (last.blocked >= WITNESS && last.fill >= FULL))
    {
        return Cause::End(end.id);
    }
    let moved: f64 = nodes.iter().map(|node| node.rates.accepted + node.rates.done).sum();
    let inside: u64 = nodes.iter().map(|node| node.row.flow.in_flight).sum();
    match (moved == 0.0 && inside == 0, nodes.iter().all(|node| node.starved >= WITNESS || node.utilisation < BUSY)) {
        (true, _) => Cause::Idle,
        (false, true) if nodes.iter().all(|node| node.blocked < WITNESS) => Cause::Source,
        _ => Cause::Nothing,
    }
}

/// The share of the machine that the process used over all windows.
fn cpu_share(windows: &Windows<'_>) -> Option<f64> {
    let (after, before) = (windows.ends.first()?, windows.ends.last()?);
    after.machine.cpu_share(&before.machine, after.uptime.saturating_sub(before.uptime))
}

fn limited_text(name: &str, cause: Cause, nodes: &[Node<'_>], stages: &[&Row]) -> String {
    let Some(id) = cause.stage() else { unreachable!("it is limited by a stage") };
    let stage = name_of(id, stages);
    let place = nodes.iter().position(|node| node.row.id == id);
    if let Cause::End(_) = cause {
        let held = nodes.last();
        let blocked = held.map_or(0.0, |node| node.blocked * 100.0);
        let end = if place.is_none() { format!("its end `{stage}`") } else { "whoever takes its results".to_owned() };
        return format!(
            "pipeline `{name}` is limited by {end}: stage `{}` waits {blocked:.0} % of the time for its results to be taken. \
             Move the work that is done with them into a stage with workers.",
            held.map_or("?", |node| &node.row.name)
        );
    }
    let Some((place, node)) = place.map(|place| (place, &nodes[place])) else {
        unreachable!("what limits it was found among those with tasks")
    };
    let upstream = place.checked_sub(1).map(|before| &nodes[before]);
    let held_up = upstream.map_or(String::new(), |before| {
        let (queued, limit) = before.row.depth().unwrap_or_default();
        let limit = limit.map_or(String::new(), |limit| format!(" of {limit}"));
        format!(
            ", {queued}{limit} results of `{0}` wait for it, and `{0}` is blocked {1:.0} % of the time",
            before.row.name,
            before.blocked * 100.0
        )
    });
    if let Cause::Key(_) = cause {
        return format!(
            "pipeline `{name}` is limited by one key of stage `{stage}`: {:.1} of {} workers are at work, and {} items wait \
             for another of their key{held_up}. Workers do not help; a finer key does.",
            node.utilisation * node.workers(),
            node.workers(),
            node.waiting
        );
    }
    let workers = match node.workers() as u64 {
        1 => "its one worker is".to_owned(),
        many => format!("its {many} workers are"),
    };
    format!(
        "pipeline `{name}` is limited by stage `{stage}`{} at {}: {workers} busy {:.0} % of the time{held_up}. {} Give it more \
         workers, or less to do.",
        fused_before(id, stages),
        rate(node.rates.done),
        node.utilisation * 100.0,
        gain_text(node, nodes)
    )
}

/// Stages without tasks run in the time of the next one that has some.
fn fused_before(id: RowId, stages: &[&Row]) -> String {
    let place = stages.iter().position(|stage| stage.id == id).unwrap_or(0);
    let fused: Vec<String> = stages[..place]
        .iter()
        .rev()
        .take_while(|stage| stage.times.is_none())
        .map(|stage| format!("`{}`", stage.name))
        .collect();
    match fused.is_empty() {
        true => String::new(),
        false => format!(" (with {} in its time)", fused.into_iter().rev().collect::<Vec<_>>().join(", ")),
    }
}

/// What the pipeline would do without this limit, and which stage would limit it then.
fn gain<'n>(node: &Node<'_>, nodes: &'n [Node<'n>]) -> Option<(f64, &'n Node<'n>)> {
    let others = nodes.iter().filter(|other| other.row.id != node.row.id && other.utilisation > LITTLE);
    let next = others.max_by(|a, b| a.utilisation.total_cmp(&b.utilisation))?;
    Some((node.rates.done / next.utilisation, next))
}

fn gain_text(node: &Node<'_>, nodes: &[Node<'_>]) -> String {
    match gain(node, nodes) {
        None => "What it would do without that limit cannot be told: nothing else has much to do.".to_owned(),
        Some((_, next)) if next.utilisation >= BUSY => format!(
            "Stage `{}` is as busy: both are at their limit, and may share what they lack, such as a disk or a connection.",
            next.row.name
        ),
        Some((expected, next)) => format!(
            "Without that limit it would run at about {}, as far as its source gives so much, and be limited by `{}`.",
            rate(expected),
            next.row.name
        ),
    }
}
