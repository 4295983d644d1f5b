//! A cache: values by key, read without locks, loaded once however many ask, seen as a whole at one moment.
//!
//! # The problem
//! What takes long to get and changes rarely is kept for the next one who asks. By hand that is a map behind a lock, and
//! soon a bug:
//!
//! | by hand | what goes wrong |
//! |---|---|
//! | `RwLock<HashMap>` | it grows for ever; readers write to the lock's memory and slow each other down |
//! | look, and load if it is not there | a thousand who ask at once load a thousand times |
//! | the first one loads, the others wait for it | it leaves, as in a `select!` or at a timeout, or is not polled any more: then the others begin again one by one, or wait for ever |
//! | `invalidate` while somebody loads | what was read before the change is put in after it, and stays |
//! | a task that looks for old entries | it has to be stopped, and tests have to wait for it |
//!
//! # Ours
//! A [`Cache`] holds at most so many entries, or so much weight. [`get`](Cache::get) takes no lock;
//! [`get_or_load`](Cache::get_or_load) asks a loader, in a task of the cache's own, once for all who want the key at that time.
//! [`snapshot`](Cache::snapshot) shows everything at one moment, while others go on writing.
//!
//! | I want to… | use |
//! |---|---|
//! | read what is there | [`get`](Cache::get), or a [`reader`](Cache::reader) for each task, which gives references |
//! | load what is not there | [`get_or_load`](Cache::get_or_load), [`try_get_or_load`](Cache::try_get_or_load) where that can fail |
//! | give values up after a time | [`time_to_live`](CacheBuilder::time_to_live), [`time_to_idle`](CacheBuilder::time_to_idle), [`expiry`](CacheBuilder::expiry) for each |
//! | let nobody wait when they are too old | [`refresh_ahead`](CacheBuilder::refresh_ahead), [`stale_while_revalidate`](CacheBuilder::stale_while_revalidate) |
//! | stop what takes too long | [`load_timeout`](CacheBuilder::load_timeout) |
//! | not ask again what has just failed | [`negative_time_to_live`](CacheBuilder::negative_time_to_live) |
//! | limit memory | a [`weigher`](CacheBuilder::weigher) |
//! | take out what has changed | [`invalidate`](Cache::invalidate), [`invalidate_if`](Cache::invalidate_if) |
//! | know whether it pays | [`stats`](Cache::stats), and the row in [`observe::snapshot`](crate::observe::snapshot) |
//! | copy it, count it, write it to a file | [`snapshot`](Cache::snapshot) |
//!
//! # Examples
//! ```
//! use regatta::cache::Cache;
//! use std::time::Duration;
//!
//! # async fn look_up(name: String) -> Result<u16, std::io::Error> { Ok(name.len() as u16) }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::cache::LoadError> {
//! let ports: Cache<String, u16> = Cache::builder(10_000)
//!     .time_to_live(Duration::from_secs(300))
//!     .stale_while_revalidate(Duration::from_secs(60))
//!     .build();
//!
//! // A thousand who ask at once: one of them looks it up.
//! let asking: Vec<_> = (0..1000)
//!     .map(|_| {
//!         let ports = ports.clone();
//!         tokio::spawn(async move { ports.try_get_or_load("http", look_up).await })
//!     })
//!     .collect();
//! for told in asking {
//!     assert_eq!(told.await.expect("no panic")?, 4);
//! }
//! assert_eq!(ports.stats().loads, 1);
//! # Ok(()) }
//! ```
//!
//! # What is promised
//! 1. A key is loaded once at a time, until it is written or taken out, or the load is given up. Who asks meanwhile waits for that load, and gets the same
//!    value or the same error.
//! 2. A load ends for all who wait: a value, an error, a panic as a value, or closed. It depends on none of them.
//! 3. When `insert` or `invalidate` has returned, nobody who begins to read gets what was there before; and no load that had
//!    begun before puts its value in.
//! 4. There are never more entries, nor more weight, than the capacity.
//! 5. `inserted = entries + removed`, by cause; the listener is told of each that is removed, once.
//! 6. Errors and panics are not kept, unless the cache was told to.
//!
//! # User code
//! Closures, and the `Hash`, `Eq`, `Clone` and `Drop` of your types, run without any lock: they may use the same cache, and may
//! panic. Loaders run in tasks; the weigher, the expiry and the listener run in whoever puts in or takes out, and should be
//! quick. A value that is replaced while somebody reads it is dropped by the last who has it, and that may be a reader.
//!
//! # Trade-offs
//! - A write makes a new table of a handful of entries, and costs three to five times what it costs in a cache with locks. What
//!   is written as often as it is read is better off with one of those.
//! - What is sent away for want of room stays in memory, unseen, until its table is written next: mostly up to a fifth of the
//!   entries besides the capacity, at the very most a half, and eight for each shard. With a [`weigher`](CacheBuilder::weigher), which is there to limit
//!   memory, it goes at once.
//! - A [`snapshot`](Cache::snapshot), and what a [`reader`](Cache::reader) has read, stay in memory as long as these are kept.
//! - Values are cloned by [`get`](Cache::get): use an `Arc` for large ones.
//! - What is too old is not given to anybody, but stays in memory until its shard is written to, or
//!   [`remove_expired`](Cache::remove_expired) is called: no task ticks.
//! - The parts of the capacity belong to shards. A cache of a hundred entries is exact in what it keeps; one of ten thousand
//!   keeps them by sixteen policies of 625 each.
//!
//! # Choose another when
//! - most accesses write: [`quick_cache`](https://docs.rs/quick_cache), which has locks for its shards, and takes half the memory;
//! - entries need a fair admission by how often they were asked for over a long time, or listeners that are async:
//!   [`moka`](https://docs.rs/moka);
//! - all entries fit and never expire: [`RcuMap`](crate::sync::RcuMap), whose snapshots cost nothing;
//! - there is one value: [`Lazy`](crate::sync::Lazy) or [`Rcu`](crate::sync::Rcu).
//!
//! # Sources
//! - The policy: Yang and others, [*FIFO queues are all you need for cache eviction*](https://dl.acm.org/doi/10.1145/3600006.3613147)
//!   (SOSP 2023), changed as `docs/design/cache.md` says.
//! - The tables: linear hashing, Litwin (1980), over versions that are published by
//!   [`arc-swap`](https://docs.rs/arc-swap).
//! - The optimum that tests compare with: Belady, *A study of replacement algorithms* (1966).
//! - Stale while revalidate: [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861).

mod builder;
mod clock;
mod core;
mod directory;
mod entry;
mod error;
mod flight;
mod ghost;
mod handle;
mod leader;
mod loading;
mod loom;
#[cfg(regatta_loom)]
pub mod model;
mod policy;
mod reader;
mod rules;
mod seats;
mod shard;
mod snapshot;
mod stats;
mod table;
#[cfg(test)]
#[expect(clippy::expect_used, reason = "it is a test")]
mod twin;

pub use builder::CacheBuilder;
pub use error::{LoadError, LoadFailure};
pub use flight::Abandoned;
pub use handle::{Cache, WeakCache};
pub use reader::CacheReader;
pub use rules::Cause;
pub use snapshot::CacheSnapshot;
pub use stats::{CacheStats, Removed};
