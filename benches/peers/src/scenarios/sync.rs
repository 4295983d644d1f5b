//! Values that many threads read: cells, maps, and values that are made once.

mod cells;
mod maps;
mod once;
mod threads;

use crate::measure::Contest;

pub(super) use threads::{KEYS, contest, numbers, read};

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = cells::contests();
    contests.extend(maps::contests());
    contests.extend(once::contests());
    contests
}
