//! Values that come later: one writer, any number who wait, and none of them left asleep.
//!
//! Several parts of a program need a value that one part is still working on: a configuration that is being read, the
//! answer to a request that others have made too, the result of a shutdown. By hand that is a `oneshot` channel made
//! many with `futures::future::Shared`, or a `Notify` beside a `Mutex<Option<T>>`.
//!
//! Both have holes. `Shared` is pulled by those who wait: whoever polls it does the work for all, so one that is
//! dropped between a wake-up and its next poll can leave the others asleep for ever, and one that panics tells only
//! itself. A `Notify` is easily waited for after it was called. Neither says that the writer is gone, or that nobody
//! waits any more.
//!
//! Here the value is pushed. Whoever settles a [`Promise`] writes the value once and wakes everybody; a
//! [`PromiseFuture`] does nothing for others and keeps nothing from them. A writer that is dropped breaks the promise,
//! a panic of the work is a value, and a writer [learns](Promise::abandoned) that nobody waits.
//!
//! # Which one?
//! - [`promise()`]: both ends, for a value that some other code will have.
//! - [`Promise::into_shared`]: several writers, of whom the first one wins.
//! - [`PromiseFuture::spawn`]: the value is computed by a future, in a task, from now on. [`Promise::settle_from`] for
//!   a task that somebody else owns.
//! - [`PromiseFuture::on_settled`], [`wait_blocking`](PromiseFuture::wait_blocking),
//!   [`try_get`](PromiseFuture::try_get): code that is not async.
//! - [`ResultFutureExt`]: what comes after a future of a result, whether it is a promise or not.
//! - [`settle_all()`], [`race()`], [`any()`], [`quorum()`], [`join_all_limit()`]: several at once.
//! - [`tokio::sync::oneshot`]: one value to one task. `tokio::sync::watch`: a value that changes.
//!
//! # Examples
//! ```
//! use futures::TryFutureExt;
//! use regatta::promise::{PromiseError, PromiseFuture, ResultFutureExt, any, promise};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (writer, config) = promise::<u16, &str>();
//! let server = tokio::spawn(config.clone().map_ok(|port| format!("listens on {port}")));
//! let log = tokio::spawn(config.map_ok(|port| format!("port={port}")));
//! writer.resolve(8080);
//! assert_eq!(server.await.unwrap().unwrap(), "listens on 8080");
//! assert_eq!(log.await.unwrap().unwrap(), "port=8080");
//!
//! // Two sources at once, the first success counts; a limit to both, and a value in any case.
//! let source = |answer: Result<u16, &'static str>| async move { answer }.into_promise();
//! let port = any([source(Err("down")), source(Ok(80))])
//!     .map_err(|_| "no source")
//!     .timeout_or(Duration::from_secs(1), || "too slow")
//!     .recover(|_| 0);
//! assert_eq!(port.await, 80);
//!
//! let broken = PromiseFuture::<u16, &str>::spawn(async { panic!("out of cheese") });
//! assert!(matches!(broken.await, Err(PromiseError::Panicked(_))));
//! # }
//! ```
//!
//! # The classical names
//! | classical | here | of | closure | begins |
//! |---|---|---|---|---|
//! | `then` on a value | `map_ok` | `futures` | sync, cannot fail | when awaited |
//! | | `and_then` | `futures` | async, can fail | when awaited |
//! | | [`then_ok`](ResultFutureExt::then_ok) | ours | async, cannot fail | when awaited |
//! | | [`and_try`](ResultFutureExt::and_try) | ours | sync, can fail | when awaited |
//! | `then` on both | `map` | `futures` | sync | when awaited |
//! | | [`on_settled`](PromiseFuture::on_settled) | ours | sync, runs where the promise is settled | with the promise |
//! | `catch` | [`recover`](ResultFutureExt::recover) | ours | sync, cannot fail | when awaited |
//! | | [`recover_with`](ResultFutureExt::recover_with) | ours | async, cannot fail | when awaited |
//! | | [`recover_if`](ResultFutureExt::recover_if) | ours | sync, for some errors | when awaited |
//! | | `or_else` | `futures` | async, can fail | when awaited |
//! | | `map_err`, [`then_err`](ResultFutureExt::then_err) | `futures`, ours | sync, async: another error | when awaited |
//! | `finally` | [`finally`](ResultFutureExt::finally) | ours | sync; also after a panic or a drop | when awaited |
//! | a timeout | [`timeout_or`](ResultFutureExt::timeout_or), [`deadline_or`](ResultFutureExt::deadline_or) | ours | sync: the error | when awaited |
//! | `new Promise(work)`, `supplyAsync` | [`into_promise`](ResultFutureExt::into_promise), [`PromiseFuture::spawn`] | ours | the chain so far | now, in a task |
//! | `Promise.all` | `try_join_all` | `futures` | | when awaited |
//! | | [`join_all_limit()`] | ours | | when awaited, each in a task |
//! | `Promise.allSettled` | [`settle_all()`] | ours | | when awaited |
//! | `Promise.race` | [`race()`] | ours | | when awaited |
//! | `Promise.any` | [`any()`], and [`quorum()`] for more than one | ours | | when awaited |
//!
//! The classical forms begin at once. Here a chain is lazy, as every future: it begins when it is awaited, runs in the
//! task of who awaits, and stops when it is dropped. `.into_promise()` at its end makes it eager.
//!
//! # Who owns the work
//! A task that was spawned for a promise belongs to those who wait: when the last of them is gone and no callback is
//! left, it is aborted. A writer that is no task of ours learns of it by [`abandoned`](Promise::abandoned) and decides
//! for itself.
//!
//! # Looking inside
//! All promises of a [registry](crate::observe::Registry) share one row, `promises`, which stays once it is there.
//! Accepted are those that were made, in flight those that are pending, done those that gave a value, failed those that
//! were rejected or whose work panicked, and discarded those that were broken, cancelled, or settled when nobody
//! waited.
//!
//! # Trade-offs
//! - Waiting by value clones: `T: Clone` and `E: Clone`. [`wait_ref`](PromiseFuture::wait_ref) needs neither. For
//!   errors that are not `Clone`, wrap them in an `Arc`.
//! - The value is seen from several threads, so it has to be `Sync` for the promise to be sent to one.
//! - Settling wakes everybody, and runs the callbacks, on the thread that settles.
//! - Combinators and adapters poll in the task of who awaits: a caller that does not poll lets all of them stand still.
//!   [`join_all_limit()`] and promises do not have that.
//! - A promise cannot be reset, and what was written stays as long as anybody holds an end.
//!
//! # Sources
//! The split into a writer that is consumed and futures that share, and the broken promise, are those of C++
//! ([`std::promise`](https://en.cppreference.com/w/cpp/thread/promise),
//! [`std::shared_future`](https://en.cppreference.com/w/cpp/thread/shared_future)); the combinators those of
//! [JavaScript](https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Promise), defined for
//! empty input; the partial `recover` that of
//! [Scala](https://www.scala-lang.org/api/current/scala/concurrent/Future.html). What `Shared` lacks is written down in
//! its [issue 2706](https://github.com/rust-lang/futures-rs/issues/2706).

mod abandoned;
mod aggregate;
mod any;
mod blocking;
mod callback;
mod cancel_on;
mod catch_panic;
mod cell;
mod child;
mod error;
mod ext;
mod finally;
mod future;
mod join_all_limit;
mod ledger;
mod loom;
mod quorum;
mod race;
mod recover;
mod settle_all;
mod shared;
mod steps;
mod then;
mod timeout_or;
mod wait_ref;
mod work;
mod writer;

pub use abandoned::AbandonedFuture;
pub use aggregate::AggregateError;
pub use any::{AnyFuture, any};
pub use cancel_on::CancelOnFuture;
pub use catch_panic::CatchPanicFuture;
pub use error::PromiseError;
pub use ext::ResultFutureExt;
pub use finally::FinallyFuture;
pub use future::PromiseFuture;
pub use join_all_limit::join_all_limit;
pub use quorum::{QuorumFuture, quorum};
pub use race::{RaceFuture, race};
pub use recover::{AndTryFuture, RecoverFuture, RecoverIfFuture};
pub use settle_all::{SettleAllFuture, settle_all};
pub use shared::SharedPromise;
pub use then::{RecoverWithFuture, ThenErrFuture, ThenOkFuture};
pub use timeout_or::TimeoutOrFuture;
pub use wait_ref::WaitRefFuture;
pub use work::SettleFuture;
pub use writer::{Promise, promise};
