//! The numbers of a pool.

use super::core::Core;
use crate::observe::Flow;

/// What a pool has done and what it holds; made by [`CpuPool::stats`](super::CpuPool::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// What became of the jobs: `failed` are those that panicked, `discarded` those that never began. A job is counted
    /// before its handle resolves.
    ///
    /// `in_flight` is what these leave of `accepted`, so [`is_conserved`](Flow::is_conserved) says nothing of a pool that
    /// is not so by itself. Check that it is 0 once the pool has shut down, or against the handles that are out.
    pub flow: Flow,
    /// How many places of the queue are taken; also by cancelled jobs that no worker has come across yet.
    pub queued: usize,
    /// How many workers are out: running a closure, looking for one, or on their way.
    pub active: usize,
    /// How many closures may run at once.
    pub limit: usize,
    /// How many places the queue has.
    pub capacity: usize,
}

impl PoolStats {
    pub(super) fn of(core: &Core) -> Self {
        let levels = core.levels();
        Self {
            flow: core.books().flow(),
            queued: levels.queued() as usize,
            active: levels.active(),
            limit: levels.limit(),
            capacity: core.capacity(),
        }
    }
}
