//! Tasks with an owner: spawn, stop, wait, and learn of every panic.
//!
//! A bare `tokio::spawn` is detached: nobody waits for it at shutdown, its panic is a line on stderr, and it goes on
//! after whoever wanted it has left. A [`TaskGroup`] owns what is spawned through it. Its three verbs mean the same on
//! everything in this crate that runs:
//!
//! | verb | meaning |
//! |---|---|
//! | `close()` | accept nothing more; at once, any number of times |
//! | `shutdown(deadline).await` | close, let finish what was accepted, abort what is left at the deadline, report |
//! | `abort()`, or dropping the owner | stop now; `aborted().await` also waits until it has stopped |
//!
//! # Which one?
//! - [`TaskGroup`]: tasks of different kinds that belong to one owner, as a server's.
//! - [`tokio::task::JoinSet`]: tasks of one output type, whose results are collected in order of completion.
//! - `tokio_util::task::TaskTracker`: counts tasks without being able to stop them, and keeps no panics.
//!
//! # Examples
//! ```
//! use regatta::task::TaskGroup;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let group = TaskGroup::new("server");
//! let stop = group.token();
//! group.spawn("ticker", async move { stop.cancelled().await })?;
//! group.spawn("broken", async { panic!("out of cheese") })?;
//!
//! let report = group.shutdown(Duration::from_secs(5)).await;
//! assert_eq!(report.finished, 1);
//! assert_eq!(report.panicked[0].to_string(), "task `server/broken` panicked: out of cheese");
//! # Ok(()) }
//! ```

use futures::FutureExt;

mod blocking;
mod caught;
mod error;
mod group;
mod handle;
mod ledger;
mod lone;
mod park;
mod report;
#[cfg(feature = "signal")]
mod signal;
mod tracked;
mod waiters;

pub(crate) use caught::Caught;
pub use error::{SpawnError, TaskError};
pub use group::{Spawner, TaskGroup};
pub use handle::TaskHandle;
pub(crate) use lone::{entrust, lend};
pub(crate) use park::{block_on, block_on_timeout};
pub use report::ShutdownReport;
#[cfg(feature = "signal")]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
pub use signal::shutdown_signal;
pub(crate) use waiters::{Ticket, Waiters};

/// Waits for `end` until `limit` from now; tells whether it came. Where it is there already, no timer is needed.
///
/// # Panics
/// On a runtime without timers, where there is something to wait for.
pub(crate) async fn within(limit: std::time::Duration, end: impl Future<Output = ()>) -> bool {
    let mut end = std::pin::pin!(end);
    end.as_mut().now_or_never().is_some() || tokio::time::timeout(limit, end).await.is_ok()
}

/// The runtime we are called in.
///
/// # Panics
/// Outside a runtime, at the line of whoever called `what`.
#[track_caller]
pub(crate) fn runtime(what: &str) -> tokio::runtime::Handle {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => handle,
        Err(_) => panic!("{what} needs a tokio runtime: add #[tokio::main], or enter one with Handle::enter()"),
    }
}
