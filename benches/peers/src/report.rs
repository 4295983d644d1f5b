//! What was measured, for programs and for people.

use std::fmt;
use std::num::NonZeroUsize;

use serde::Serialize;

use crate::machine;
use crate::measure::{Bar, Unit};

/// Below this, the figures are called a smoke test.
const ROUNDS_MIN: usize = 7;

/// The figures of one row.
pub(crate) struct Row {
    /// What programs read.
    line: Line,
    /// The smallest and the largest ratio of a round.
    spread: (f64, f64),
    bar: Option<Bar>,
    unit: Unit,
    note: Option<String>,
}

/// The JSON line. Others rely on these fields and their order.
#[derive(Serialize)]
struct Line {
    scenario: &'static str,
    /// Median, for each item; for each run, if they are programs.
    ours_ns: f64,
    peer: &'static str,
    peer_ns: f64,
    /// Peer / ours, or ours / peer where more is better: above 1 we are ahead.
    ratio: f64,
    rounds: usize,
}

/// All rows of a run.
pub(crate) struct Report {
    header: String,
    rounds: usize,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Row {
    /// `samples` are ours and the peer's, one pair for each round.
    pub(crate) fn new(scenario: &'static str, peer: &'static str, unit: Unit, samples: &[(f64, f64)]) -> Self {
        let ratio = |ours: f64, theirs: f64| if matches!(unit, Unit::Percent) { ours / theirs } else { theirs / ours };
        let ours_ns = median(samples.iter().map(|&(ours, _)| ours).collect());
        let peer_ns = median(samples.iter().map(|&(_, theirs)| theirs).collect());
        let ratios = || samples.iter().map(|&(ours, theirs)| ratio(ours, theirs));
        let spread = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
        let (ratio, rounds) = (round(ratio(ours_ns, peer_ns), 3), samples.len());
        let line = Line { scenario, ours_ns: round(ours_ns, 2), peer, peer_ns: round(peer_ns, 2), ratio, rounds };
        Self { line, spread, bar: None, unit, note: None }
    }

    pub(crate) fn with_bar(self, bar: Option<Bar>) -> Self {
        Self { bar, ..self }
    }

    pub(crate) fn with_note(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.line).expect("strings and finite numbers are JSON")
    }

    fn cells(&self) -> [String; 8] {
        let Line { scenario, ours_ns, peer, peer_ns, ratio, .. } = &self.line;
        let (bar, verdict) = match self.bar {
            None => (String::new(), String::new()),
            Some(Bar::Ratio(bar)) => (format!("≥ {}", (bar * 100.0).round() / 100.0), verdict(*ratio, bar)),
            Some(Bar::Behind(points)) => (format!("≥ theirs - {points}"), verdict_behind(*ours_ns, peer_ns - points)),
        };
        let spread = format!("{:.2}..{:.2}", self.spread.0, self.spread.1);
        let ratio = format!("{ratio:.2}");
        let figure = |value: f64| match self.unit {
            Unit::Time => time(value),
            Unit::Bytes => format!("{value:.0} B"),
            Unit::Count => format!("{value:.2}"),
            Unit::Percent => format!("{value:.2} %"),
        };
        [format!("`{scenario}`"), (*peer).to_owned(), figure(*ours_ns), figure(*peer_ns), ratio, spread, bar, verdict]
    }
}

impl Report {
    pub(crate) fn new(rounds: NonZeroUsize) -> Self {
        // Before the first row, so that the load is not ours.
        Self { header: machine::describe(), rounds: rounds.get(), rows: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn add(&mut self, mut row: Row) {
        self.notes.extend(row.note.take());
        self.rows.push(row);
    }

    /// Notes, now and at the end, that a row is missing.
    pub(crate) fn skip(&mut self, title: &str, reason: &str) {
        let note = format!("SKIPPED {title}: {reason}");
        eprintln!("{note}");
        self.notes.push(note);
    }
}

/// Markdown, to be pasted into `docs/benchmarks.md`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 8] = ["scenario", "peer", "ours", "theirs", "ratio", "spread", "bar", ""];
        writeln!(f, "\n{}, {} rounds\n", self.header, self.rounds)?;
        if self.rounds < ROUNDS_MIN {
            writeln!(f, "FEWER THAN {ROUNDS_MIN} ROUNDS: a smoke test, not a measurement\n")?;
        }
        let cells: Vec<_> = self.rows.iter().map(Row::cells).collect();
        let head = HEAD.map(str::to_owned);
        let width = |column: usize| {
            let rows = std::iter::once(&head).chain(&cells);
            rows.map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        let rule: [String; 8] = std::array::from_fn(|column| match column {
            2..=4 => format!("{}:", "-".repeat(widths[column] - 1)),
            _ => "-".repeat(widths[column].max(1)),
        });
        for row in [&head, &rule].into_iter().chain(&cells) {
            write!(f, "|")?;
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                match column {
                    2..=4 => write!(f, " {cell:>width$} |")?,
                    _ => write!(f, " {cell:width$} |")?,
                }
            }
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "\n{note}"))
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

fn round(value: f64, places: i32) -> f64 {
    let unit = 10_f64.powi(places);
    (value * unit).round() / unit
}

pub(crate) fn time(ns: f64) -> String {
    match ns {
        ..10.0 => format!("{ns:.2} ns"),
        ..10_000.0 => format!("{ns:.0} ns"),
        ..10_000_000.0 => format!("{:.1} µs", ns / 1e3),
        _ => format!("{:.0} ms", ns / 1e6),
    }
}

fn verdict(ratio: f64, bar: f64) -> String {
    if ratio >= bar { "met".to_owned() } else { format!("missed by {:.0} %", (1.0 - ratio / bar) * 100.0) }
}

fn verdict_behind(ours: f64, least: f64) -> String {
    if ours >= least { "met".to_owned() } else { format!("missed by {:.2} points", least - ours) }
}
