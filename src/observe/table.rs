//! A snapshot as a table, for a terminal or a log.

use std::fmt;

use super::flow::Flow;
use super::row::{Row, plain};
use super::snapshot::Snapshot;

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
            let name = format!("{}{}", "  ".repeat(depth), plain(&row.name));
            table.push([
                name,
                row.kind.to_string(),
                row.state.to_string(),
                accepted,
                done,
                failed,
                dropped,
                discarded,
                in_flight,
            ]);
            levels.push(details(row));
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

/// What stands behind the columns.
fn details(row: &Row) -> String {
    let gauges = row.gauges.iter().map(|gauge| format!("  {gauge}"));
    let counts = row.counts.iter().filter(|count| count.value > 0).map(|count| format!("  {count}"));
    let times = row.times.iter().map(|times| {
        let [busy, blocked, starved] = times.percent();
        format!("  busy {busy} %  blocked {blocked} %  starved {starved} %")
    });
    let timings = row.timings.iter().map(|timed| {
        let [median, p99] = [0.5, 0.99].map(|share| timed.durations.quantile(share));
        format!("  {} {median:.1?} (p99 {p99:.1?})", timed.name)
    });
    let doing = row.doing.iter().map(|message| format!("  in `{}`", plain(message)));
    let waits = row.waits_for.iter().map(|actor| format!("  waits for `{}`", plain(actor)));
    let note = row.note.iter().map(|note| format!("  {}", plain(note)));
    gauges.chain(counts).chain(times).chain(timings).chain(doing).chain(waits).chain(note).collect()
}
