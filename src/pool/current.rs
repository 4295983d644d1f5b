//! One default pool for each runtime.
//!
//! Invariants:
//! 1. A runtime's pool is in the map until the runtime is dropped, and not after: a task on the runtime takes it out
//!    when it is dropped.
//! 2. No pool is dropped and no task is spawned under the map's lock: either may run destructors that take it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};

use super::cpu::CpuPool;
use crate::observe::Registry;

static DEFAULTS: LazyLock<Mutex<HashMap<Id, CpuPool>>> = LazyLock::new(Mutex::default);

/// Takes the pool of a runtime out of the map when dropped.
struct Forget(Id);

pub(super) fn of_runtime(runtime: &Handle) -> CpuPool {
    let id = runtime.id();
    if let Some(pool) = defaults().get(&id) {
        return pool.clone();
    }
    // In the global registry, whoever asks first: the pool outlives the scope it is first used in.
    let fresh = Registry::global().enter(|| CpuPool::builder().build());
    let pool = fresh.clone();
    let known = match defaults().entry(id) {
        Entry::Occupied(known) => Some(known.get().clone()),
        Entry::Vacant(vacant) => {
            vacant.insert(fresh);
            None
        }
    };
    if let Some(known) = known {
        return known;
    }
    // On a runtime that is shutting down, the task is dropped at once and the entry is gone again.
    pool.until_runtime_ends("default", Forget(id));
    pool
}

fn defaults() -> MutexGuard<'static, HashMap<Id, CpuPool>> {
    DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Forget {
    fn drop(&mut self) {
        let pool = defaults().remove(&self.0);
        drop(pool);
    }
}
