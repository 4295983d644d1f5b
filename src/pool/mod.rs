//! CPU work for async code: at most so many closures at once, on threads that the runtime has already.
//!
//! # The problem
//! A closure that computes for a millisecond on a runtime worker delays every task on that worker by a millisecond. So
//! it has to go elsewhere, and the two usual places have their price:
//!
//! - [`tokio::task::spawn_blocking`] for each item. Its queue is unbounded, and it takes a thread for each job that
//!   finds none idle: up to 512 threads compete for a few cores, and file and DNS lookups wait behind them. A job
//!   cannot be cancelled once it is in hand, and nothing counts or names what goes on.
//! - rayon from async code. A second set of threads competes with the runtime's. `install` and `join` block the caller;
//!   `spawn` needs a channel for the result, has no bound, and a panic in it aborts the process. The pool cannot be
//!   shut down and waited for.
//!
//! # This pool
//! [`CpuPool`] owns no threads. When there is work it borrows blocking threads of the runtime, at most `limit` at a
//! time; each works off the queue, and goes back to the runtime when it stays empty. The queue is bounded, so pressure
//! travels to the submitter. A panic is a value, a queued job can be cancelled, and the pool stops as everything here
//! does: [`close`](CpuPool::close), [`shutdown`](CpuPool::shutdown), [`abort`](CpuPool::abort).
//!
//! # Which one?
//! - [`CpuPool`]: computations, from about 10 µs up to seconds. Below that the hand-over costs more than the work: do it
//!   in place, or many at once with [`CpuPool::map`].
//! - [`TaskGroup::spawn_blocking`](crate::task::TaskGroup::spawn_blocking): closures that *wait*, as on a file or a
//!   lock. A job that waits takes a worker from those that compute, and one that waits for another job of the same pool
//!   may wait for ever.
//! - rayon: data-parallel iterators over borrowed data, in a program that is not async.
//! - [`TaskGroup::spawn`](crate::task::TaskGroup::spawn): everything that awaits.
//!
//! # Examples
//! ```
//! use regatta::pool::{CpuPool, JobError};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = CpuPool::builder().limit(2).name("digits").build();
//! let sums = pool.map([12, 345, 6789_u32], |n| n.to_string().bytes().map(|d| u32::from(d - b'0')).sum::<u32>());
//! assert_eq!(sums.await?, [3, 12, 30]);
//!
//! let broken = pool.submit(|| "x".parse::<u32>().unwrap()).await?;
//! let Err(JobError::Panicked(panicked)) = broken.await else { panic!("`x` is no number") };
//! assert_eq!(&*panicked.place, "job of pool `digits`");
//!
//! let report = pool.shutdown(Duration::from_secs(5)).await;
//! assert_eq!((report.finished, report.panicked_count), (3, 1)); // `map` took a job for each of three short chunks
//! # Ok(()) }
//! ```
//!
//! # Trade-offs
//! - A pool belongs to the runtime it was created in. When that is dropped, queued jobs are discarded and their handles
//!   resolve; on another runtime, use another pool ([`CpuPool::current`]).
//! - A closure that runs cannot be stopped. It is waited for, or reported as still running; and a runtime that is
//!   dropped waits for it, as for every blocking thread.
//! - Borrowed threads are shared: where 512 blocking closures of others are stuck, the pool's workers wait with them.
//! - Jobs own what they work on (`'static`): lending borrowed data to another thread from async code cannot be made
//!   sound, because a future may be forgotten.
//! - While a worker is out, tokio's paused clock does not advance by itself.
//!
//! # Sources
//! - The packed word that decides who calls a worker, and its models: `docs/design/pool.md`.
//! - “Dynamic Circular Work-Stealing Deque” (Chase, Lev, 2005), by way of
//!   [crossbeam-deque](https://docs.rs/crossbeam-deque), whose injector is the queue.

mod atomics;
mod board;
mod body;
mod books;
mod builder;
mod chunk;
mod context;
mod core;
mod cpu;
mod crew;
mod current;
mod entry;
mod error;
mod face;
mod floor;
mod handle;
mod here;
mod injector;
mod job;
mod lanes;
mod lending;
mod map;
mod meter;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub mod model;
mod owner;
mod pile;
mod placement;
mod rows;
mod run_stats;
mod schedule;
mod seat;
mod settled;
mod slot;
mod stats;
mod stopping;
mod submit;
mod task_chunk;
mod task_pool;
mod tasks;
mod threads;
mod trace;
mod unordered;
mod word;

pub use builder::{Naming, OfClosures, OfFutures, PoolBuilder};
pub use context::{CpuContext, TaskContext};
pub use cpu::CpuPool;
pub use error::{JobError, SubmitError};
pub use handle::JobHandle;
pub use map::MapError;
pub use placement::{JobOptions, Placement};
pub use run_stats::RunStats;
pub use schedule::Schedule;
pub use stats::{PoolStats, Timing, WorkerStats};
pub use submit::SubmitFuture;
pub use task_pool::TaskPool;
pub use trace::{JobEvent, Source};
pub use unordered::{AsCompleted, as_completed};
