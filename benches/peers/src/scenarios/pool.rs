//! Pools: handing over tiny closures and futures, spreading uneven work, waiting, and doing nothing.

mod hand_over;
mod idle;
mod spread;
mod tasks;

pub(super) use hand_over::start_rayon;

use crate::measure::Contest;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = hand_over::contests();
    contests.extend(spread::contests());
    contests.extend(tasks::contests());
    contests.push(idle::contest());
    contests
}
