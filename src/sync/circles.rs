//! Which initialiser, or loader of a cache, waits for which: a wait that would close a circle is refused.
//!
//! Each has a number of its own. Code knows in which attempt it runs by a task-local value, so what an initialiser spawns elsewhere and waits for is not
//! seen. The lock is taken only by code that waits inside an initialiser.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

tokio::task_local! {
    /// The attempt whose initialiser runs here.
    static INSIDE: u64;
}

/// From an attempt to those that it waits for.
static WAITS: LazyLock<Mutex<HashMap<u64, Vec<u64>>>> = LazyLock::new(Mutex::default);

/// One attempt waits for another, until this is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    from: u64,
    to: u64,
}

/// The wait would never end.
#[derive(Debug)]
pub(crate) struct Circle;

/// A number for an attempt that no other has.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: the numbers have only to differ.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Runs the initialiser of an attempt.
pub(crate) fn inside<R>(attempt: u64, run: impl FnOnce() -> R) -> R {
    INSIDE.sync_scope(attempt, run)
}

/// Polls the initialiser of an attempt.
pub(crate) fn inside_future<F: Future>(attempt: u64, future: F) -> impl Future<Output = F::Output> {
    INSIDE.scope(attempt, future)
}

/// Enters a wait for an attempt; nothing to enter outside every initialiser. It takes at most as long as there are waits
/// inside initialisers.
pub(crate) fn wait_for(to: u64) -> Result<Option<Wait>, Circle> {
    let Ok(from) = INSIDE.try_with(|attempt| *attempt) else { return Ok(None) };
    let mut waits = lock();
    if leads(&waits, to, from) {
        return Err(Circle);
    }
    waits.entry(from).or_default().push(to);
    Ok(Some(Wait { from, to }))
}

/// Tells whether `from` is `to`, or waits for it by way of others.
fn leads(waits: &HashMap<u64, Vec<u64>>, from: u64, to: u64) -> bool {
    // Most attempts wait for nobody.
    let (mut open, mut seen) = (vec![from], HashSet::new());
    while let Some(attempt) = open.pop() {
        if attempt == to {
            return true;
        }
        // Each once, however many ways lead there.
        if let Some(targets) = waits.get(&attempt)
            && seen.insert(attempt)
        {
            open.extend(targets);
        }
    }
    false
}

fn lock() -> MutexGuard<'static, HashMap<u64, Vec<u64>>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waits = lock();
        if let Some(targets) = waits.get_mut(&self.from) {
            if let Some(at) = targets.iter().position(|to| *to == self.to) {
                targets.swap_remove(at);
            }
            if targets.is_empty() {
                waits.remove(&self.from);
            }
        }
    }
}
