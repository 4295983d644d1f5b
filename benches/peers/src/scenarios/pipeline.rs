//! Stages that do next to nothing, so that what is measured is the way between them; and stages that wait.

mod chained;
mod fused;
mod keyed;
mod timer;

use crate::measure::Contest;

/// Items in work at once, at each stage.
pub(super) const CONCURRENCY: usize = 8;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = chained::contests();
    contests.extend(fused::contests());
    contests.extend(timer::contests());
    contests.extend(keyed::contests());
    contests
}

pub(super) async fn increment(item: u64) -> u64 {
    item + 1
}
