//! What is measured, one family a file.

mod actor;
mod cache;
mod observe;
mod parallel;
mod pipeline;
mod pool;
mod programs;
mod promise;
mod queue;
mod sync;
mod topic;

use crate::args::Args;
use crate::measure::Contest;

pub use actor::actor_memory;
pub use observe::observe_kameo;

/// All rows, in the order of the table.
pub(crate) fn contests(args: &Args) -> Vec<Contest> {
    let mut contests = queue::contests();
    contests.extend(pipeline::contests());
    contests.extend(pool::contests());
    contests.extend(parallel::contests());
    contests.extend(sync::contests());
    contests.extend(cache::contests());
    contests.extend(promise::contests());
    contests.extend(actor::contests());
    contests.extend(topic::contests());
    contests.extend(observe::contests());
    contests.extend(programs::contests(args));
    contests
}
