//! Computations on many cores, from async code: data in by value, result out by value.
//!
//! # The problem
//! A sort of ten million numbers takes a third of a second of one core, and half of that of two, if the work is cut well. Async
//! code has two ways to it, and each has its price:
//!
//! - **rayon** lends slices to its own threads, so it blocks whoever calls it. From a task that is a runtime worker that stands
//!   still; behind [`spawn_blocking`](tokio::task::spawn_blocking) or a channel it is two kinds of threads that compete for the
//!   cores. It cannot be cancelled, a panic in what was spawned ends the process, and a worker that waits runs somebody else's
//!   job with its own locks in hand.
//! - **Tasks by hand**, a chunk each, is a join, a channel, a merge, a flag and a `catch_unwind` for each place that needs it.
//!
//! # These functions
//! They work on a [`CpuPool`]: the default one of the runtime, or another with `.on(&pool)`. All are awaited: dropping what is
//! awaited stops the work, a panic in a closure is an error, and the executor's threads are left alone. (What they return
//! becomes a future by `.await` or `into_future()`: a task is `tokio::spawn(async move { sort(list).await })`.)
//!
//! | I want to… | use |
//! |---|---|
//! | sort | [`sort`], [`sort_by`], [`sort_by_key`], [`sort_by_cached_key`]: stable |
//! | fold many elements into one value | [`reduce`] |
//! | bring together what belongs to a key, as in counting words | [`MapReduce`] |
//! | cut data in chunks, work on each, and gather the results, perhaps not all | [`scatter_gather`] |
//! | solve a problem by halves, or in parts | [`bisect`], [`divide_and_conquer`] |
//! | a result of each element, in order or as they come | [`CpuPool::map`], [`CpuPool::map_unordered`] |
//!
//! # Examples
//! ```
//! use regatta::parallel::{Emit, MapReduce, Text, sort_by_key};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = "the quick brown fox jumps over the lazy dog the end";
//! let counts = MapReduce::new()
//!     .map_emit(|piece: &str, emit: &mut Emit<'_, String, u32>| {
//!         piece.split_whitespace().for_each(|word| emit.by_ref(word, 1));
//!     })
//!     .combine(|count: &mut u32, more| *count += more)
//!     .run(Text::from(text));
//! let counts: Vec<(String, u32)> = counts.await?.into_iter().collect();
//! let counts = sort_by_key(counts, |(word, count)| (std::cmp::Reverse(*count), word.clone())).await?;
//! assert_eq!(counts[0], ("the".to_owned(), 3));
//! # Ok(()) }
//! ```
//!
//! # How they work
//! One job begins, on one worker; while there is more to do than it is at, it calls others, which come as they are free. Nobody
//! waits for a part: whoever ends the last one goes on with what comes after. So all of them work on a pool of one, and inside
//! a job of the same pool, where the job that awaits them does the work itself. How many workers come, and when, changes
//! how long it takes and nothing else. Each member of the team is a job in the pool's
//! [`stats`](crate::pool::PoolStats). Several processes instead of threads are not what this is for: closures and values stay
//! in one.
//!
//! # Trade-offs
//! - Values are owned (`'static`). Lending a slice to other threads from async code cannot be made sound, because a future
//!   may be forgotten; what all workers read is shared in [`Items`].
//! - A closure that runs is not interrupted. Work stops between pieces, elements or nodes, as each function says. A sort stops
//!   between its segments: one that is dropped may keep its workers nearly until its end.
//! - The first member waits for a place in the pool's queue, whatever its overflow policy; the others come only if there is one.
//! - Work that takes less than some 20 µs is done sooner in place. See [`guide::performance`](crate::guide::performance).
//!
//! # Sources
//! - “MapReduce: simplified data processing on large clusters” (Dean, Ghemawat, OSDI 2004).
//! - “Heartbeat scheduling: provable efficiency for nested parallelism” (Acar, Charguéraud, Guatto, Rainey, Sieczkowski, PLDI
//!   2018), for parts that are handed over only when somebody asks.
//! - What was decided, rejected and measured: `docs/design/parallel.md`.
//!
//! [`CpuPool`]: crate::pool::CpuPool
//! [`CpuPool::map`]: crate::pool::CpuPool::map
//! [`CpuPool::map_unordered`]: crate::pool::CpuPool::map_unordered

mod items;
mod loom;
mod map_reduce;
mod pieces;
mod recursion;
mod reduce;
mod scatter;
mod sort;

pub use items::Items;
pub use map_reduce::{
    Emit, IntoRecords, MapReduce, MapReduceError, MemoryLimit, OnRecordError, Phase, Progress, Skipped, Text,
};
#[cfg(regatta_loom)]
#[doc(hidden)]
pub use recursion::model;
pub use recursion::{Bisect, DivideAndConquer, bisect, divide_and_conquer};
pub use reduce::{Reduce, reduce};
pub use scatter::{Gathered, Missing, ScatterError, ScatterGather, ScatterGatherPartly, scatter_gather};
pub use sort::{Sort, SortError, sort, sort_by, sort_by_cached_key, sort_by_key};
