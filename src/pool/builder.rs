//! Settings of a pool.

use std::num::NonZero;
use std::sync::Arc;

use super::cpu::CpuPool;
use super::word::LIMIT_MAX;
use crate::error::refuse_zero;

/// Settings of a [`CpuPool`]; made by [`CpuPool::builder`].
///
/// # Examples
/// ```
/// use regatta::pool::CpuPool;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let pool = CpuPool::builder().limit(2).capacity(64).name("thumbnails").build();
/// assert_eq!((pool.stats().limit, pool.stats().capacity), (2, 64));
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing exists before `build`"]
pub struct CpuPoolBuilder {
    limit: usize,
    capacity: usize,
    name: Option<Arc<str>>,
}

impl CpuPoolBuilder {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { limit: cores, capacity: 1024, name: None }
    }

    /// Sets how many closures run at once, at most 32767. Default: one for each core that the process may use.
    ///
    /// The runtime's `max_blocking_threads` (default 512) limits them, too.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        refuse_zero("CpuPool", "limit", limit);
        self.limit = limit;
        self
    }

    /// Sets how many jobs may be queued, at most `u32::MAX`. Default: 1024. Nothing is allocated ahead.
    ///
    /// # Panics
    /// When `capacity` is zero.
    #[track_caller]
    pub fn capacity(mut self, capacity: usize) -> Self {
        refuse_zero("CpuPool", "capacity", capacity);
        self.capacity = capacity;
        self
    }

    /// Sets the name in errors, traces and snapshots. Default: `pool#` and a number.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Creates the pool, on the runtime it is called in. No thread is taken before the first job.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn build(self) -> CpuPool {
        let runtime = crate::task::runtime("CpuPool");
        let capacity = u32::try_from(self.capacity).unwrap_or(u32::MAX);
        CpuPool::assemble(self.name, self.limit.min(LIMIT_MAX), capacity, runtime)
    }
}
