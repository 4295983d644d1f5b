//! Values that many tasks share: made once, read without locks, replaced as a whole, exchanged.
//!
//! # The problem
//! Some values are read on every request and change once an hour: configuration, routes, sessions, feature flags. The
//! usual way is a lock around them, and has its price:
//!
//! | by hand | what it costs |
//! |---|---|
//! | `RwLock<T>` | every reader writes to the lock's memory, so readers on several cores slow each other down by an order of magnitude; a guard that is held across an await stops the writer, and then everybody |
//! | `RwLock<Arc<T>>` | the same twice, lock and reference count; no version, no news of a change |
//! | `tokio::sync::watch` | news, but a lock in every read; two reads in one expression can deadlock |
//! | a map, copied on each write | reads are fine, a write costs the whole map |
//! | `tokio::sync::OnceCell` | a caller that is not polled any more, as in a `select!`, holds up all the others; one that is dropped loses its work; one that asks for itself hangs |
//!
//! # Ours
//! A reader takes the current version and keeps it; a writer makes a new one and swaps it in. No reader waits for a
//! writer, no writer for a reader, and what was read stays as it was.
//!
//! | I have… | use |
//! |---|---|
//! | a singleton | [`Lazy`], or [`OnceCell`] where the initialiser can fail |
//! | one value that is read much and replaced as a whole | [`Rcu`] |
//! | a table that is read much and changed entry by entry | [`RcuMap`] |
//! | one value that is exchanged only if it is what I think it is | [`CasCell`] |
//! | a number that many threads count up and down | [`CasCounter`] |
//! | old values whose destructor takes long | [`Reclaimer`] |
//!
//! # Examples
//! ```
//! use regatta::sync::{Rcu, RcuMap};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = Rcu::new(10);
//! let mut reader = limit.reader(); // one for each task
//! assert_eq!(*reader.get(), 10);
//! limit.update(|limit| limit * 2);
//! reader.changed().await?;
//! assert_eq!(*reader.get(), 20);
//!
//! let sessions = RcuMap::new();
//! sessions.extend([(1, "ada"), (2, "grace")]); // one publication
//! let before = sessions.snapshot();
//! sessions.remove(&1);
//! assert_eq!((before.len(), sessions.len()), (2, 1));
//! # Ok(()) }
//! ```
//!
//! # User code
//! Closures, and the `Hash`, `Eq`, `Clone` and `Drop` of your types, run without any lock: they may use the same cell, and
//! may panic. Only an async change may not publish to its own cell: that would never end, and panics. A panic of a change arrives at whoever asked for it, with nothing published. A panic in an initialiser is an
//! error for all who wait for it, and one in the destructor of an old value is logged.
//!
//! # Trade-offs
//! - A change copies: the whole value of a [`Rcu`], the path to an entry of a [`RcuMap`]. What is written as often as it is
//!   read is better off with a lock.
//! - An update closure may run more than once. The price of never blocking is that whoever was overtaken starts over.
//! - What is read is kept: a snapshot or an idle reader that stays for hours keeps its version in memory. The row of each
//!   cell in [`observe::snapshot`](crate::observe::snapshot) says how many old versions are `pinned`.
//! - Whoever is last to let go of an old version pays for its destructor, and that may be a reader: see [`Reclaimer`].
//! - A [`RcuMap`] has no guard into it and no entry API: a value is replaced, not changed in place.
//! - Initialisers run in tasks of their own, so they and their values must be `'static`.
//!
//! # Sources
//! - Read-copy-update: McKenney and Slingwine (1998), and [its rules in the Linux
//!   kernel](https://docs.kernel.org/RCU/whatisRCU.html). The pointer and its reclamation are
//!   [`arc-swap`](https://docs.rs/arc-swap)'s.
//! - The map: Bagwell, *Ideal Hash Trees* (2001), with broad leaves instead of small ones; see `docs/design/sync.md`.
//! - Double-checked initialisation: Schmidt and Harrison (1996).
//! - The checker that the map's tests use: Wing and Gong (1993), Lowe (2017).

mod books;
mod builder;
mod cas_builder;
mod cas_cell;
mod cas_counter;
mod cell;
pub(crate) mod circles;
mod core;
mod error;
mod loom;
mod map;
#[cfg(regatta_loom)]
pub mod model;
mod once;
mod rcu;
mod reader;
mod reclaimer;
mod snapshot;
mod table;
mod trie;
mod turns;
#[cfg(test)]
mod twin;
mod version;
mod wait;

pub use builder::RcuBuilder;
pub use cas_builder::CasCellBuilder;
pub use cas_cell::CasCell;
pub use cas_counter::CasCounter;
pub use error::{Conflict, InitError, InitFailure, Reentrant};
pub use map::{MapIter, MapSnapshot, RcuMap, RcuMapBuilder, RcuMapReader, Transaction};
pub use once::{Lazy, OnceCell};
pub use rcu::Rcu;
pub use reader::{RcuReader, ReaderChangedFuture};
pub use reclaimer::Reclaimer;
pub use snapshot::{Guard, Snapshot};
pub use wait::{ChangedFuture, SynchronizeFuture};
