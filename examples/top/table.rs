//! One line for each component.

use regatta::observe::{Row, RowRates};

use crate::look::Look;
use crate::words::{cut, duration, rate};

const HEADER: [&str; 9] = ["name", "kind", "state", "depth", "done/s", "busy", "p99", "restarts", "doing"];
/// No name is shown longer.
const NAME: usize = 40;

/// The lines, with the header first.
pub(crate) fn lines(look: &Look) -> Vec<String> {
    let rates = |row: &Row| look.rates.as_ref().and_then(|rates| rates.row(row.id));
    let cells = look.tree().into_iter().map(|(depth, row)| cells(depth, row, rates(row)));
    let table: Vec<[String; 9]> = [HEADER.map(str::to_owned)].into_iter().chain(cells).collect();
    let width = |column: usize| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 9] = std::array::from_fn(width);
    table.iter().map(|cells| line(cells, &widths)).collect()
}

fn line(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let pad = |column: usize| {
        let (cell, width) = (&cells[column], widths[column]);
        if (3..8).contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
    };
    let cells: [String; 9] = std::array::from_fn(pad);
    cells.join("  ").trim_end().to_owned()
}

fn cells(depth: usize, row: &Row, rates: Option<&RowRates>) -> [String; 9] {
    let or_blank = |cell: Option<String>| cell.unwrap_or_default();
    let share = rates.and_then(|rates| rates.utilisation.or(rates.busy));
    let p99 = rates.and_then(|rates| rates.timings.iter().map(|timing| timing.p99).max());
    let restarts = row.count_of("restarts").filter(|restarts| *restarts > 0);
    [
        cut(&format!("{}{}", "  ".repeat(depth), row.name), NAME),
        row.kind.to_string(),
        row.state.to_string(),
        filling(row),
        or_blank(rates.map(|rates| rate(rates.done))),
        or_blank(share.map(|share| format!("{:.0} %", share * 100.0))),
        or_blank(p99.map(duration)),
        or_blank(restarts.map(|restarts| restarts.to_string())),
        doing(row),
    ]
}

/// What waits, and how much can; else all that is inside.
fn filling(row: &Row) -> String {
    match row.gauge_of("queued") {
        Some(queued) => queued.limit.map_or(queued.value.to_string(), |limit| format!("{}/{limit}", queued.value)),
        None => row.flow.in_flight.to_string(),
    }
}

fn doing(row: &Row) -> String {
    let doing = row.doing.iter().map(|message| format!("`{message}`"));
    let waits = row.waits_for.iter().map(|actor| format!("waits for `{actor}`"));
    let note = row.note.iter().map(|note| note.to_string());
    doing.chain(waits).chain(note).collect::<Vec<_>>().join(", ")
}
