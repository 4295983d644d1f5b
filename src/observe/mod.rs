//! Looking inside: what every queue, pool and pipeline has taken in, finished, lost and still holds.
//!
//! Each pattern counts its items in one [`Flow`], whose parts add up, and enters itself in a [`Registry`] for as
//! long as it lives. A [`Snapshot`] reads them all and prints as a table:
//!
//! ```
//! use regatta::queue;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (producer, consumer) = queue::Builder::new(8).name("mails").build();
//! producer.send("hello").await?;
//! println!("{}", regatta::observe::snapshot());
//! # drop(consumer);
//! # Ok(()) }
//! ```
//!
//! Everything else is made of snapshots: [`Rates`] of two that follow each other, sentences about what is wrong by an
//! [`Inspector`], sums by name in [`Totals`]. The crate `regatta-observer` shows all of it in a browser.
//! [`guide::observing`](crate::guide::observing) tells what is said when, and what looking costs.
//!
//! # Trade-offs
//! - The registry holds weak references: it keeps nothing alive, and what is gone is gone from the next snapshot. How actors and
//!   supervisors have ended is kept, of the last 256. Two kinds of rows stay: that of all [promises](crate::promise) together,
//!   which are too short-lived for a row each, and those of [groups](crate::actor::Builder::observed_as).
//! - How far the counters of one row belong together depends on how they are kept. Queues, task groups and pipeline
//!   stages with workers are read under the lock that guards their counters: one instant. A [pool](crate::pool) and an actor count
//!   without a lock: a job that has just ended may still be counted as in flight, and gauges
//!   are read at another moment than the flow. While senders wait for room in a mailbox, what its actor has accepted may lag
//!   behind by as many as wait. A stage that runs inside another's loop enters its counts when
//!   that loop pauses. At rest every row is exact.
//! - Rows are read one after another: a snapshot is not one instant of the whole program.
//! - What a row counts only rises. Durations are sampled: they say of how many samples they are made.
//! - A snapshot costs a few short locks for each live component, none of them held for another. Nothing is paid while nobody looks,
//!   but for counting.

mod finding;
mod flow;
mod graveyard;
mod group;
mod histogram;
mod inspector;
mod machine;
mod members;
#[cfg(feature = "metrics")]
mod metrics_bridge;
mod rates;
mod registry;
mod row;
mod rules;
#[cfg(feature = "serde")]
mod serial;
mod snapshot;
mod table;
mod times;
mod totals;
mod words;

pub use finding::{Diagnosis, Finding, Limit, Severity, Topic, Verdict};
pub use flow::Flow;
pub use histogram::Histogram;
pub(crate) use histogram::Samples;
pub use inspector::Inspector;
pub use machine::Machine;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use metrics_bridge::MetricsBridge;
pub use rates::{Rate, Rates, RowRates, WindowTiming};
pub use registry::Registry;
pub(crate) use registry::{Ending, Observe, Presence, Registration};
pub use row::{Count, Gauge, Gone, Row, RowId, Timed};
pub use snapshot::Snapshot;
pub use times::Times;
pub use totals::{Series, Totals};
pub(crate) use words::Word;

/// Reads everything that lives in the current registry: [`Registry::current`], then [`Registry::snapshot`].
#[must_use]
pub fn snapshot() -> Snapshot {
    Registry::current().snapshot()
}
