//! Concurrency patterns for tokio services, each one ready for production: bounded work queues, pools for CPU work,
//! promises, pipelines, caches and values shared without locks — with one way to stop, one way to fail, and one way to look inside.
//!
//! # Choose a pattern
//! | I want to… | use |
//! |---|---|
//! | hand work to other tasks and know when all of it is finished | [`queue`] |
//! | run producers and consumers and get a report | [`queue::ProducerConsumer`] |
//! | run closures that take long, off the executor, at most *n* at once | [`pool::CpuPool`] |
//! | run async jobs, at most *n* at once | [`pool::TaskPool`] |
//! | sort, reduce, map and reduce, divide and conquer on many cores | [`parallel`] |
//! | owe one value to many, settle it once, chain what follows | [`promise`] |
//! | chain steps with limits, order, batches and error policies | [`pipeline`] |
//! | read a value from many tasks without locks, and replace it | [`sync::Rcu`], [`sync::RcuMap`] for a table |
//! | make a value once, whoever asks first and whoever leaves | [`sync::Lazy`], [`sync::OnceCell`] |
//! | exchange a value only if it is the one that was expected | [`sync::CasCell`], [`sync::CasCounter`] |
//! | keep what takes long to get, load it once however many ask | [`cache::Cache`] |
//! | start again what fails, in order, and give up when it fails too often | [`supervise::Supervisor`] |
//! | own state in a task, send it messages, and learn why it died | [`mod@actor`] |
//! | tell many what happens | [`actor::Topic`] |
//! | test code that calls actors | [`testing`] |
//! | own tasks: stop them, wait for them, learn of their panics | [`task::TaskGroup`] |
//! | see what all of these have done and still hold | [`observe::snapshot`] |
//! | be told what is wrong, in sentences | [`observe::Inspector`] |
//!
//! # An example
//! ```
//! use regatta::pipeline::{OnError, Pipeline};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::pipeline::PipelineError> {
//! let sum = Pipeline::from_iter(["1", "2", "three", "4"])
//!     .try_map(str::parse::<u64>).on_error(OnError::Skip) // skipped, counted, logged
//!     .map_async(8, |n| async move { n * 10 })            // eight at once, order kept
//!     .map_cpu(2, |n| n + 1)                              // off the executor
//!     .fold(0, |sum, n| sum + n)
//!     .await?;
//! assert_eq!(sum, 73);
//! # Ok(()) }
//! ```
//!
//! # One way to stop
//! The same three verbs hold for tasks, pools, pipelines and caches; a queue, which runs nothing itself, has `close` and
//! `close_now`:
//!
//! | verb | meaning |
//! |---|---|
//! | `close()` | accept nothing more; at once, any number of times |
//! | `shutdown(deadline).await` | close, finish what was accepted, abort what is left at the deadline, report |
//! | `abort()`, or dropping the owner | stop now; nothing is detached |
//!
//! # One way to fail
//! Five words, in [`error`]: `Full`, `Closed`, `Elapsed`, `Cancelled`, `Panicked`. The types beside each operation hand
//! the value back. A panic in user code is a value with its message and the name of the place; it kills no worker.
//!
//! # One way to look inside
//! Every pattern counts its items in one [`Flow`](observe::Flow), whose parts always add up, and is listed in
//! [`observe::snapshot`] while it lives; an [`Inspector`](observe::Inspector) says what is wrong: which stage limits a
//! pipeline, which actor is stuck. The crate `regatta-observer` shows both in a browser. Lifecycle and failures are `tracing` events under `regatta::…`.
//!
//! # Guide
//! [`guide::semantics`]: ordering, delivery, restart, stop and cancel, each with the test that holds it.
//! [`guide::observing`]: what is said of a program, and what looking costs.
//! [`guide::performance`]: what belongs off the executor, what each hand-over costs, how to measure.
//!
//! # Features
//! - `macros` (default): [`#[regatta::actor]`](macro@actor).
//! - `signal` (default): [`task::shutdown_signal`].
//! - `serde`: snapshots, rates and findings can be written and read.
//! - `metrics`: `observe::MetricsBridge` tells the facade of the crate `metrics`.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]

pub mod actor;
pub mod cache;
pub mod error;
pub mod guide;
pub mod observe;
pub mod parallel;
pub mod pipeline;
pub mod policy;
pub mod pool;
pub mod promise;
pub mod queue;
pub mod supervise;
pub mod sync;
pub mod task;
pub mod testing;

pub use error::BoxError;
#[cfg(feature = "macros")]
#[doc = include_str!("actor/attribute.md")]
pub use regatta_macros::actor;
pub use tokio_util::sync::CancellationToken;

/// The README's code, run as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
