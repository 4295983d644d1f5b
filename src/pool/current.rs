//! One default pool for each runtime.
//!
//! Invariants:
//! 1. A runtime's pool is in the map until the runtime is dropped, or another is put in its place because it was
//!    closed, and not after: a task on the runtime takes it out when it is dropped, it and no other.
//! 2. A pool that is replaced lives until its last job has ended: closing it did not abort it.
//! 3. No pool is dropped and no task is spawned under the map's lock: either may run destructors that take it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::{Handle, Id};

use super::core::Core;
use super::cpu::CpuPool;
use crate::observe::Registry;

static DEFAULTS: LazyLock<Mutex<HashMap<Id, CpuPool>>> = LazyLock::new(Mutex::default);

/// Takes a pool out of the map when dropped.
struct Forget {
    runtime: Id,
    core: Weak<Core>,
}

pub(super) fn of_runtime(runtime: &Handle) -> CpuPool {
    let id = runtime.id();
    if let Some(pool) = defaults().get(&id)
        && !pool.is_closed()
    {
        return pool.clone();
    }
    // In the global registry, whoever asks first: the pool outlives the scope it is first used in.
    let fresh = Registry::global().enter(|| CpuPool::builder().build());
    let pool = fresh.clone();
    let replaced = {
        let mut defaults = defaults();
        match defaults.entry(id) {
            // Somebody else was first. What is fresh is dropped after the lock: it was declared before it.
            Entry::Occupied(known) if !known.get().is_closed() => return known.get().clone(),
            Entry::Occupied(mut known) => Some(known.insert(fresh)),
            Entry::Vacant(vacant) => {
                vacant.insert(fresh);
                None
            }
        }
    };
    if let Some(replaced) = replaced {
        replaced.owner().clone().until_idle();
    }
    // On a runtime that is shutting down, the task is dropped at once and the entry is gone again.
    let core = Arc::downgrade(pool.owner().core());
    pool.owner().until_runtime_ends("default", Forget { runtime: id, core });
    pool
}

fn defaults() -> MutexGuard<'static, HashMap<Id, CpuPool>> {
    DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Forget {
    fn drop(&mut self) {
        let pool = match defaults().entry(self.runtime) {
            Entry::Occupied(known) if Arc::as_ptr(known.get().owner().core()) == self.core.as_ptr() => {
                Some(known.remove())
            }
            _ => None,
        };
        drop(pool);
    }
}
