//! Promises, of which only is known how many are pending, and how many of these for long.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::super::finding::{Finding, Severity, Topic};
use super::super::row::{Row, RowId};

/// Those that are pending for ever, such as that of the program's end, are no news after this time.
const NEWS: Duration = Duration::from_secs(60);
/// The moments kept are so far apart.
const APART: Duration = Duration::from_millis(900);

/// How many were pending for long at a moment.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Pending {
    at: Duration,
    long: u64,
}

pub(super) fn pending(row: &Row, now: Duration, memory: &mut HashMap<RowId, VecDeque<Pending>>) -> Option<Finding> {
    let long = row.gauge_of("pending for 30 s")?.value;
    let past = memory.entry(row.id).or_default();
    while past.front().is_some_and(|first| now.saturating_sub(first.at) > NEWS) {
        past.pop_front();
    }
    let is_more = long > past.iter().map(|then| then.long).min().unwrap_or(0);
    if past.back().is_none_or(|last| now.saturating_sub(last.at) >= APART) {
        past.push_back(Pending { at: now, long });
    }
    let text = format!(
        "{long} promises have been pending for more than 30 s, of {} in all. Their writers live and do not settle them: wait \
         with a timeout to learn which, or give the work one.",
        row.flow.in_flight
    );
    (long > 0 && is_more).then(|| Finding::new(Severity::Warning, Topic::Promises, row, &text))
}
