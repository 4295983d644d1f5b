//! CPU patterns: sorting, map-reduce, recursion, sums.

mod map_reduce;

use crate::measure::Contest;

pub(crate) fn contests() -> Vec<Contest> {
    map_reduce::contests()
}
