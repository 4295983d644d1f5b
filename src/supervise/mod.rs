//! Supervision: one tree over everything that has to keep running.
//!
//! A service is made of things that should always be there: servers, consumers, pipelines, actors. `tokio::spawn` gives
//! each a life, and when one ends, by a panic at night, nobody notices. The naive remedy, a loop around it, never gives up
//! and knows nothing of those who rely on the one that is gone.
//!
//! A [`Supervisor`] starts its children in order, starts them again when they fail, gives up when they fail too often,
//! and stops them in reverse. A child is any closure that gives a future, or a supervisor with children of its own. The
//! rules are those that have kept telephone exchanges up: OTP's.
//!
//! # Examples
//! ```
//! use regatta::supervise::{ChildSpec, Intensity, Strategy, Supervisor};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = ChildSpec::new("store", |cx| async move { cx.cancelled().await; Ok(()) });
//! let import = ChildSpec::new("import", |cx| async move {
//!     if cx.incarnation() == 1 {
//!         return Err("the file is not there yet".into());
//!     }
//!     cx.cancelled().await;
//!     Ok(())
//! });
//! let tree = Supervisor::builder()
//!     .strategy(Strategy::RestForOne) // `import` needs `store`
//!     .intensity(Intensity::new(5, Duration::from_secs(10)))
//!     .child(store)
//!     .child(import)
//!     .start("app")
//!     .await?;
//! println!("{}", tree.tree());
//!
//! let report = tree.shutdown(Duration::from_secs(5)).await;
//! assert!(report.is_clean());
//! # Ok(()) }
//! ```
//!
//! # The rules
//! - **Starting.** One after the other; each is [started](ChildSpec::starting) before the next one's turn. If one cannot be
//!   started at first, those before it are stopped again, and so the supervisor is not started.
//! - **Ending.** [`Restart`] says whether a child is started again, [`Strategy`] with whom. The others concerned are
//!   stopped first, the last first.
//! - **Trying again.** A child whose restart fails is tried again, each try counting as a failure, and requests are served
//!   in between. With a [`Backoff`](crate::policy::Backoff) it waits longer and longer.
//! - **Giving up.** At one failure more than the [`Intensity`] allows the supervisor stops its children and ends. If it
//!   is itself a permanent child, it is started again, and that counts above. So the limits of a tree multiply, and what
//!   cannot be mended reaches the root, whose [`wait_stopped`](SupervisorRef::wait_stopped) says why.
//! - **Stopping.** [`Shutdown`] says how, for each child: asked, waited for, aborted. Strictly in reverse, the next when
//!   nothing of the one before is left.
//!
//! # Where this differs from OTP
//! - The window of failures is exact, not in whole seconds; the default is 3 restarts within 5 s, not 1
//!   ([`Intensity::OTP`]).
//! - A start has a limit of 30 s.
//! - A child may have a [limit](ChildSpec::intensity) and a [backoff](ChildSpec::backoff) of its own, and can
//!   [retire](ChildContext::retire).
//! - A request that would wait for the one who makes it is an error, not a deadlock.
//! - There is no form for a thousand children of one kind: any supervisor can have them, and stops them one by one.
//!
//! # Trade-offs
//! - A child's state is made anew in each life: what should survive belongs to somebody else, or into a store.
//! - A panic is caught where tasks are polled. `panic = "abort"` leaves nothing to supervise.
//! - A child that blocks its thread can be neither stopped nor aborted, and its supervisor waits for it, up to the
//!   deadline of the whole tree's [`shutdown`](Supervisor::shutdown).
//!
//! # Sources
//! OTP's [supervisor](https://www.erlang.org/doc/apps/stdlib/supervisor.html) and its
//! [principles](https://www.erlang.org/doc/system/sup_princ.html); Joe Armstrong, *Making reliable distributed systems in
//! the presence of software errors*, 2003.

mod board;
mod builder;
mod command;
mod context;
mod engine;
mod error;
mod event;
mod exit;
mod handle;
mod intensity;
mod life;
mod policy;
mod roster;
mod serve;
mod spec;
mod start;
mod stop;
mod supervisor;
mod tree;

pub use board::{ChildInfo, ChildState};
pub use builder::SupervisorBuilder;
pub use context::ChildContext;
pub use error::{ChildError, StartError};
pub use event::{Event, EventKind};
pub use exit::{Exit, GaveUp, Ignored};
pub use handle::SupervisorRef;
pub use intensity::Intensity;
pub(crate) use intensity::Window;
pub(crate) use life::{Carried, Kin};
pub use policy::{AutoShutdown, Restart, Shutdown, Strategy};
pub use spec::ChildSpec;
pub(crate) use spec::Lasting;
pub use supervisor::Supervisor;
pub use tree::Tree;
