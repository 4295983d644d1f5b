//! CPU patterns: sorting, map-reduce, recursion, sums.

mod sort;

use crate::measure::Contest;

pub(crate) fn contests() -> Vec<Contest> {
    sort::contests()
}
