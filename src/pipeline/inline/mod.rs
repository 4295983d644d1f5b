//! Pipelines that run in one task, and so may borrow.
//!
//! The stages are the same state machines as in a pipeline with tasks: windows, batches, buckets and policies decide, and
//! only what drives them is another. A driver polls *all* stages on every wake-up, also those of whose results it wants none
//! yet ([`Chain::poll_progress`](super::segment::Chain::poll_progress)): so no future that was started stands still because
//! another stage is busy.

mod ahead;
mod attempt;
mod builder;
mod concurrent;
mod crew;
mod fan_in;
mod gathered;
#[cfg(regatta_loom)]
pub mod model;
mod results;
mod run;
mod slots;
mod stages;
mod throttled;
mod upstream;

pub use builder::Inline;
pub use run::InlineRun;

/// How many items a stage draws, and how many futures may end in it, in one turn in which nothing is wanted of it. Then the
/// task has its next turn, behind those of others.
const AHEAD: usize = 32;
