//! Looking inside: what every queue, pool and pipeline has taken in, finished, lost and still holds.
//!
//! Each pattern counts its items in one [`Flow`], whose parts always add up, and enters itself in a [`Registry`] for as
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
//! # Trade-offs
//! - The registry holds weak references: it keeps nothing alive, and what is gone is gone from the next snapshot.
//! - Counters of one row are consistent with each other, because each pattern fills its row under the lock that guards
//!   them. Rows are read one after another: a snapshot is not one instant of the whole program.
//! - A snapshot costs one short lock for each live component. Nothing is paid while nobody looks.

mod flow;
mod registry;
mod snapshot;

pub use flow::Flow;
pub use registry::Registry;
pub(crate) use registry::{Observe, Registration};
pub use snapshot::{Gauge, Row, RowId, Snapshot};

/// Reads everything that lives in the current registry: [`Registry::current`], then [`Registry::snapshot`].
#[must_use]
pub fn snapshot() -> Snapshot {
    Registry::current().snapshot()
}
