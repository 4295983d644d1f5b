//! Promises, of which only the numbers made and settled are known.
//!
//! Of those that were pending a while ago, at most as many have been settled since as were settled at all: the rest is
//! pending still. That is a bound from below, and costs a promise nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::super::finding::{Finding, Severity, Topic};
use super::super::row::{Row, RowId};
use super::seconds;

/// From here on a promise is pending for long.
const LONG: Duration = Duration::from_secs(30);
/// Those that are pending for ever, such as that of the program's end, are no news after this time.
const NEWS: Duration = Duration::from_secs(60);
/// The moments kept are so far apart.
const APART: Duration = Duration::from_millis(900);

/// What was pending at a moment.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Pending {
    at: Duration,
    pending: u64,
    settled: u64,
    /// At least so many were pending for long.
    long: u64,
}

pub(super) fn pending(row: &Row, now: Duration, memory: &mut HashMap<RowId, VecDeque<Pending>>) -> Option<Finding> {
    let past = memory.entry(row.id).or_default();
    let (pending, settled) = (row.flow.in_flight, row.flow.accepted - row.flow.in_flight);
    let then = past.iter().rev().find(|then| now.saturating_sub(then.at) >= LONG);
    let long = then.map_or(0, |then| then.pending.saturating_sub(settled - then.settled.min(settled)));
    let known = past.iter().filter(|then| now.saturating_sub(then.at) <= NEWS).map(|then| then.long).min();
    let is_more = long > known.unwrap_or(0);
    if past.back().is_none_or(|last| now.saturating_sub(last.at) >= APART) {
        past.push_back(Pending { at: now, pending, settled, long });
        while past.front().is_some_and(|first| now.saturating_sub(first.at) > NEWS) {
            past.pop_front();
        }
    }
    let text = format!(
        "at least {long} promises have been pending for more than {}, of {pending} in all. Their writers live and do not \
         settle them: wait with a timeout to learn which, or give the work one.",
        seconds(LONG)
    );
    (long > 0 && is_more).then(|| Finding::new(Severity::Warning, Topic::Promises, row, text))
}
