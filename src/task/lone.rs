//! Tasks whose owner is not a group: one that can tell them to stop, and learns of their end, in a way of its own.
//!
//! An actor is owned by its handles: the last one that goes away, or any verb of one, ends it, and its end is something
//! to wait for. A [`TaskGroup`](super::TaskGroup) for each would be a second book of the same thing.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::observe::Registry;

/// Spawns a future that ends by itself when its owner says so, in the registry's scope of the caller.
///
/// The future catches the panics of what it runs and tells its owner how it has ended, also when it is dropped with the
/// runtime.
pub(crate) fn entrust(runtime: &Handle, future: impl Future<Output = ()> + Send + 'static) {
    // Two calls, not one future that is either, and a box: the scoped one would be three times as large.
    match Registry::scoped() {
        None => drop(runtime.spawn(future)),
        Some(registry) => {
            let future = Box::pin(future);
            drop(runtime.spawn(async move { registry.scope(future).await }));
        }
    }
}

/// Runs a closure that blocks on one of tokio's blocking threads, in the registry's scope of the caller.
///
/// The closure catches its panics by itself. Dropping the handle neither stops nor forgets it: it owns what it needs.
pub(crate) fn lend<R: Send + 'static>(runtime: &Handle, run: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    runtime.spawn_blocking(Registry::carried(run))
}
