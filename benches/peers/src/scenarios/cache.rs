//! Caches of numbers by number: reads that hit, writes in between, loads, and how often a read hits at all.

mod hit;
mod load;
mod made;
mod mixed;
mod optimum;
mod ratio;
mod tasks;
mod traces;

use crate::measure::Contest;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = hit::contests();
    contests.extend(mixed::contests());
    contests.extend(load::contests());
    contests.extend(ratio::contests());
    contests
}
