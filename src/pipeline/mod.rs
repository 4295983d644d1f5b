//! Chained stages that work in parallel, keep order where asked, and cannot deadlock.
//!
//! # The problem
//! `stream.map(fetch).buffered(8)` looks like eight fetches at once. It is, while somebody polls the stream. While the
//! loop body that took an item awaits something else, nobody does: the seven others stand still in the middle of
//! whatever they do. Their timeouts fire although nothing was slow, connections they hold stay taken, and when one of
//! them holds a lock that the loop body wants, the program stops for good. Putting channels and tasks between the
//! stages by hand moves the problem into each stage, and adds new ones: a panic that looks like the end of the stream,
//! a reorder buffer without a bound, a partial batch that is lost at shutdown, tasks that outlive their result.
//!
//! # Ours
//! A [`Pipeline`] is described first and run later. Each concurrent stage has tasks of its own that each hold one item
//! and finish it whatever happens around them; synchronous stages are fused into their neighbours and cost no hop. What
//! a stage holds is bounded, its results too. A panic is an error with the stage's name. The end has an owner: a
//! [`PipelineHandle`] drains, aborts, waits and counts.
//!
//! ```
//! use regatta::pipeline::{Concurrency, OnError, Pipeline};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::pipeline::PipelineError> {
//! let words = ["1", "2", "drei", "4"];
//! let batches: Vec<Vec<u32>> = Pipeline::from_iter(words)
//!     .try_map(str::parse::<u32>).named("parse").on_error(OnError::Skip) // fused: no task, no hop
//!     .map_async(8, |n| async move { n * 10 })                           // eight at once, order kept
//!     .map_cpu(Concurrency::unordered(2), |n| n + 1)                     // on the CPU pool, as they come
//!     .batch(100, Duration::from_millis(50))
//!     .collect()
//!     .await?;
//! assert_eq!(batches.concat().len(), 3); // "drei" was skipped, and is counted as failed
//! # Ok(()) }
//! ```
//!
//! # Which one?
//! | you have | use |
//! |---|---|
//! | a few futures, polled together, and nothing else to do meanwhile | `futures::stream::StreamExt::buffered` |
//! | steps that borrow from the caller, or have to run the same each time | a pipeline, [`inline`](Inline) |
//! | one queue and workers that finish or give back what they take | [`queue`](crate::queue) |
//! | a batch of computations whose results you want at once | [`CpuPool::map`](crate::pool::CpuPool::map) |
//! | several steps, different limits, order, batches, one end | a pipeline |
//!
//! # Stages
//! | stage | runs | holds at most |
//! |---|---|---|
//! | [`map`](Pipeline::map), [`try_map`](Pipeline::try_map), [`filter`](Pipeline::filter), [`flat_map`](Pipeline::flat_map) | fused, in order, one at a time | the item at hand |
//! | [`map_async`](Pipeline::map_async), [`try_map_async`](Pipeline::try_map_async) | up to *n* tasks | *n* in work and max(*n*, 16) results |
//! | the same with [`Concurrency::keyed`] | up to *n* tasks, those of a key one after the other | its [window](Keyed::window) |
//! | [`map_cpu`](Pipeline::map_cpu), [`try_map_cpu`](Pipeline::try_map_cpu) | up to *n* jobs on the CPU pool | 64 *n* in work and 64 *n* results |
//! | [`buffer`](Pipeline::buffer) | one task | its capacity |
//! | [`scan`](Pipeline::scan), [`try_scan`](Pipeline::try_scan), [`take`](Pipeline::take), [`take_while`](Pipeline::take_while), [`inspect`](Pipeline::inspect), [`flatten`](Pipeline::flatten) | fused | the item at hand, and the state |
//! | [`window`](Pipeline::window) | fused | the items of a window |
//! | [`batch`](Pipeline::batch), [`batch_weighted`](Pipeline::batch_weighted) | one task | the batch it gathers and one that waits |
//! | [`debounce`](Pipeline::debounce), [`conflate`](Pipeline::conflate) | one task | one item, and one that waits |
//! | [`throttle`](Pipeline::throttle) | one task | 16 that have passed |
//! | [`merge`](Pipeline::merge), [`merge_all`](Pipeline::merge_all), [`chain`](Pipeline::chain) | fused, both sides in one task | nothing |
//! | [`zip`](Pipeline::zip), [`merge_sorted`](Pipeline::merge_sorted), [`merge_sorted_by`](Pipeline::merge_sorted_by) | fused, both sides in one task | an item of each side |
//! | [`broadcast`](Pipeline::broadcast), [`broadcast_lossy`](Pipeline::broadcast_lossy), [`partition`](Pipeline::partition), [`balance`](Pipeline::balance) | one task for all branches | its capacity, for each branch |
//!
//! # Order
//! Fused stages, buffers, batches and `map_async(n, …)` keep the order of the input; [`Concurrency::unordered`] gives it
//! up. [`for_each`](Pipeline::for_each) hands items to its tasks in order.
//!
//! With [`Concurrency::keyed`] items leave in order for each key.
//!
//! # What fails
//! Each stage has a policy of its own, [`on_error`](Pipeline::on_error): the pipeline stops (as it is told nothing), the item is
//! skipped, the stage begins anew, or the item becomes a [dead letter](OnError::dead_letter). Before that, stages that await
//! futures may [bound](Pipeline::timeout) and [repeat](Pipeline::retry) an attempt. What has ended a stage can be
//! [seen](PipelineStats::failure) at once, and is told when everything before it has left.
//!
//! # Branches
//! A pipeline that was fanned out has one handle, as any other: bring its branches together, by fan in or at their ends, with
//! [`Run::and`] and [`Run::all`], or drop those you do not want. A diamond cannot deadlock as long as what brings the
//! branches together takes from whichever has something, as [`merge`](Pipeline::merge) and [`Run::and`] do, or all branches
//! move in step: a [`broadcast`](Pipeline::broadcast) whose branches give one item for each, into a
//! [`zip`](Pipeline::zip). What waits for one branch in particular stands still for good if that one needs input which the
//! other, being full, holds back: [`zip`](Pipeline::zip), [`merge_sorted`](Pipeline::merge_sorted) and
//! [`chain`](Pipeline::chain) behind a [`partition`](Pipeline::partition), or behind branches that filter or gather.
//!
//! # How it ends
//! | | what is inside | result |
//! |---|---|---|
//! | the source ends, or [`drain`](PipelineHandle::drain) | is finished; partial batches leave | `Ok` |
//! | a closure fails, [`OnError::Stop`] | see there | `Err` with the stage and the cause |
//! | [`shutdown(deadline)`](PipelineHandle::shutdown) | is finished until the deadline, then dropped and counted | a report, then the result |
//! | [`abort`](PipelineHandle::abort), or dropping the handle | is dropped and counted | [`PipelineError::Cancelled`] |
//!
//! When a handle resolves, nothing of the pipeline runs any more, and what its closures captured is gone; with one
//! exception that nobody can stop: code that does not return, be it a closure on the CPU pool or the poll of a future. After
//! an abort it is waited for a second, and then reported as still running.
//!
//! # In one task
//! [`inline`](Pipeline::inline) right behind a source runs the stages that follow in the task that awaits the end. Nothing is
//! spawned: closures, futures and items may borrow, and need not be `Send`. Stages, limits, policies and results are the same;
//! what needs tasks or an owner is not there: CPU stages, fan out, and the handle. Every stage is polled on every wake-up, so futures in flight go on while a later stage is busy;
//! and under paused time each run does the same in the same order.
//!
//! ```
//! use regatta::pipeline::Pipeline;
//! use std::cell::RefCell;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::pipeline::PipelineError> {
//! let (names, greeted) = (["ann", "bob"], RefCell::new(Vec::new()));
//! Pipeline::from_iter(&names)
//!     .inline()
//!     .map_async(8, async |name| format!("hello {name}"))
//!     .for_each(1, async |greeting| greeted.borrow_mut().push(greeting))
//!     .await?;
//! assert_eq!(greeted.into_inner(), ["hello ann", "hello bob"]);
//! # Ok(()) }
//! ```
//!
//! # Trade-offs
//! - Items and closures are `Send + 'static`: they live in tasks; unless the pipeline runs [in one](#in-one-task).
//! - A hop between tasks costs some hundred nanoseconds. Fuse what is cheap, and [`batch`](Pipeline::batch) before a
//!   stage that does little for each item.
//! - A stage that stops on an error still finishes what comes before it: an ordered stage what is ahead of the failed
//!   item, an unordered one all that was started. Its error arrives after that.
//!
//! # Sources
//! The trouble with futures that were started and are not polled:
//! [“Barbara battles buffered streams”](https://rust-lang.github.io/wg-async/vision/submitted_stories/status_quo/barbara_battles_buffered_streams.html).
//! Demand and termination follow the rules of [Reactive Streams](https://github.com/reactive-streams/reactive-streams-jvm).

mod builder;
mod chained;
mod concurrency;
mod cpu;
mod drive;
mod early;
mod error;
mod fan_out;
mod fused;
mod gather;
mod gathering;
mod handle;
mod head;
mod hub;
mod inline;
mod intake;
mod joint;
mod keys;
mod letters;
mod loom;
mod merge;
mod meter;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub mod model;
mod on_error;
mod outlet;
mod plan;
mod quiet;
mod relay;
mod retry;
mod routes;
mod rules;
mod seat;
mod segment;
mod shaping;
mod shared;
mod sliding;
mod sorted;
mod source;
mod split;
mod stage;
mod state;
mod steps;
mod stop;
mod stream;
mod terminal;
mod throttle;
mod times;
mod trunk;
#[cfg(test)]
mod twin;
mod window;
mod worker;
mod zip;

#[doc(hidden)]
pub use builder::Fallible;
pub use builder::Pipeline;
pub use concurrency::{Concurrency, Concurrent};
#[doc(hidden)]
pub use concurrency::{Layout, Unkeyed};
pub use error::PipelineError;
#[doc(hidden)]
pub use fused::{Filter, FlatMap, Map, TryMap};
pub use handle::{PipelineHandle, PipelineStats};
pub use inline::{Inline, InlineRun};
pub use keys::Keyed;
#[doc(hidden)]
pub use keys::{Sort, Unsorted};
#[doc(hidden)]
pub use letters::{Letters, Policy, Unhandled};
#[doc(hidden)]
pub use on_error::Failure;
pub use on_error::{DeadLetter, DeadLetters, OnError};
#[doc(hidden)]
pub use outlet::{Awaited, Outlet, Relayed, Worked};
#[doc(hidden)]
pub use retry::Attempted;
#[doc(hidden)]
pub use rules::Rules;
pub use segment::Segment;
#[doc(hidden)]
pub use segment::{Chain, Halt, Payload};
#[doc(hidden)]
pub use sliding::Sliding;
#[doc(hidden)]
pub use source::{IterSource, StreamSource};
#[doc(hidden)]
pub use stage::Stage;
pub use stage::StageStats;
#[doc(hidden)]
pub use steps::{Scan, Take, TakeWhile};
pub use stream::PipelineStream;
pub use terminal::Run;
pub use times::Times;
