//! Work handed over from async code: at most so many jobs at once, queued, placed, counted and stopped.
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
//!   resized, nor shut down and waited for, and a worker that waits runs somebody else's job, with the waiting one's locks
//!   in its hands.
//!
//! Async jobs have no better place: a semaphore and a [`JoinSet`](tokio::task::JoinSet) limit how many run, but the line
//! in front of them has no bound, no priorities, and nobody who drains it at the end.
//!
//! # These pools
//! [`CpuPool`] runs closures, [`TaskPool`] futures, with the same calls:
//!
//! | I want to… | call |
//! |---|---|
//! | hand over one job | [`submit`](CpuPool::submit), [`try_submit`](CpuPool::try_submit), [`submit_timeout`](CpuPool::submit_timeout) |
//! | choose its worker or its lane | [`submit_with`](CpuPool::submit_with), [`submit_to`](CpuPool::submit_to) |
//! | hand over many | [`map`](CpuPool::map), [`try_map`](CpuPool::try_map), [`map_unordered`](CpuPool::map_unordered), [`map_with`](CpuPool::map_with) a [`Schedule`] |
//! | take results as they come | [`as_completed`] |
//! | have jobs spawn more | [`CpuContext::spawn`] |
//! | keep a value with each worker | [`PoolBuilder::state`] |
//! | say what happens when the queue is full | [`PoolBuilder::overflow`] |
//! | change the limit while it runs | [`resize`](CpuPool::resize) |
//! | stop | [`close`](CpuPool::close), [`shutdown`](CpuPool::shutdown), [`abort`](CpuPool::abort) |
//! | look inside | [`stats`](CpuPool::stats), [`PoolBuilder::on_job`], [`observe::snapshot`](crate::observe::snapshot) |
//!
//! Neither owns threads. A worker of a `CpuPool` is a blocking thread borrowed from the runtime, one of a `TaskPool` is a
//! task: it comes when there is work, has a number from 0 up to the limit, and goes when there is none. Its own end is
//! last in, first out; workers that have nothing to do steal from the other end, the oldest first.
//!
//! # Which one?
//! - [`CpuPool`]: computations, from about 10 µs up to seconds. Below that the hand-over costs more than the work: do it
//!   in place, or many at once with [`CpuPool::map`].
//! - [`TaskPool`]: jobs that await, such as requests, of which only so many should be under way.
//! - [`TaskGroup::spawn_blocking`](crate::task::TaskGroup::spawn_blocking): closures that *wait*, as on a file or a
//!   lock. A job that waits takes a worker from those that compute.
//! - [`TaskGroup::spawn`](crate::task::TaskGroup::spawn): tasks without a limit, that belong to an owner.
//! - rayon: data-parallel iterators over borrowed data, in a program that is not async.
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
//! # Jobs that wait for jobs
//! A job that is awaited inside a job of the same pool, and has not begun, is run by the worker of the one that awaits it, see
//! [`JobHandle`]: so even a pool of one completes. `submit` does not wait for room inside a job of the same pool, since it
//! might wait for itself: it hands the job back as full. What no pool can mend is a job that waits for something that is
//! neither: a lock that a queued job is to release, a handle that it awaits in a task of its own, or, bound to one worker, a
//! job bound to another that waits for it.
//!
//! # Trade-offs
//! - A pool belongs to the runtime it was created in. When that is dropped, queued jobs are discarded and their handles
//!   resolve; on another runtime, use another pool ([`CpuPool::current`]).
//! - A closure that runs cannot be stopped, only asked ([`CpuContext::is_cancelled`]). It is waited for, or reported as
//!   still running; and a runtime that is dropped waits for it, as for every blocking thread.
//! - Borrowed threads are shared: where 512 blocking closures of others are stuck, the workers of a `CpuPool` wait with
//!   them.
//! - Jobs own what they work on (`'static`): lending borrowed data to another thread from async code cannot be made
//!   sound, because a future may be forgotten.
//! - While a worker of a `CpuPool` is out, tokio's paused clock does not advance by itself.
//! - Workers look for jobs for about 50 µs before they give a thread back: a burst ends with that much of a core each.
//!
//! # Sources
//! - The packed word that decides who calls a worker, and its models: `docs/design/pool.md`.
//! - “Scheduling Multithreaded Computations by Work Stealing” (Blumofe, Leiserson, 1999) for own ends and thieves.

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
mod local;
mod map;
mod meter;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub mod model;
mod owner;
mod party;
mod pile;
mod placement;
mod places;
mod rows;
mod run_stats;
mod schedule;
mod seat;
mod seating;
mod settled;
mod slot;
mod stats;
mod stopping;
mod submit;
mod task_chunk;
mod task_pool;
mod tasks;
mod team;
mod threads;
mod trace;
mod unordered;
mod word;
mod work;

pub use builder::{Naming, OfClosures, OfFutures, PoolBuilder};
pub(crate) use chunk::Quiet;
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
pub(crate) use team::{Member, Work, Workers};
pub use trace::{JobEvent, Source};
pub use unordered::{AsCompleted, as_completed};
