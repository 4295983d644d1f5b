//! Promises through their public API. Futures are polled by hand and clocks are paused: no test sleeps.

mod abandoned;
mod adapters;
mod blocking;
mod callbacks;
mod combinators;
mod hazards;
mod hostile;
mod join_all_limit;
mod observed;
mod settling;
mod textbook;
mod work;

use std::fmt::Debug;
use std::task::Waker;
use std::time::Duration;

use futures::task::noop_waker;
use regatta::promise::{Promise, PromiseError, PromiseFuture};

const SECOND: Duration = Duration::from_secs(1);

/// The ends of a promise of a number, with an error that is a text.
fn promise() -> (Promise<u32, &'static str>, PromiseFuture<u32, &'static str>) {
    regatta::promise::promise()
}

/// What a promise that has to be settled by now was settled with.
fn settled<T: Clone + Debug, E: Clone + Debug>(future: &PromiseFuture<T, E>) -> Result<T, PromiseError<E>> {
    future.try_get().expect("it is settled").cloned().map_err(Clone::clone)
}

/// Polls with this waker; tells whether it is ready.
fn is_ready<F: Future + Unpin>(future: &mut F, waker: &Waker) -> bool {
    std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(waker)).is_ready()
}

/// Polls once for nobody; tells whether it is ready.
fn is_ready_now<F: Future + Unpin>(future: &mut F) -> bool {
    is_ready(future, &noop_waker())
}
