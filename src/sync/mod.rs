//! Values that many tasks share: made once, read without locks, replaced as a whole, exchanged.

mod books;
mod builder;
mod cas_cell;
mod cas_counter;
mod cell;
mod core;
mod error;
mod loom;
mod map;
mod once;
mod rcu;
mod reader;
mod reclaimer;
mod snapshot;
mod table;
mod trie;
#[cfg(test)]
mod twin;
mod version;
mod wait;

pub use builder::RcuBuilder;
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
