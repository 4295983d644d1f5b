//! What is held in memory, as far as it can be seen, and the limit of it.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::error::MemoryLimit;

/// What all members hold together.
pub(super) struct Memory {
    limit: u64,
    /// How much a member may hold before it says so.
    step: u64,
    /// How many bytes of records may wait in one chunk: two for each worker are a 32nd part of the limit.
    chunk: u64,
    /// Relaxed, as the other: they carry no data.
    used: AtomicU64,
    /// Above zero once the limit was reached.
    reached: AtomicU64,
}

/// What one member holds. Costs a branch where there is no limit.
pub(super) struct Account {
    memory: Option<Arc<Memory>>,
    /// What was not told yet.
    pending: u64,
    is_over: bool,
}

impl Memory {
    pub(super) fn new(limit: usize, workers: usize) -> Arc<Self> {
        let step = (limit as u64 / 32 / workers.max(1) as u64).min(1 << 20);
        let chunk = (limit as u64 / 64 / workers.max(1) as u64).max(1);
        Arc::new(Self { limit: limit as u64, step, chunk, used: AtomicU64::new(0), reached: AtomicU64::new(0) })
    }

    /// Counts bytes that are about to be held; tells whether there is room for them.
    pub(super) fn charge(&self, bytes: u64) -> bool {
        let used = self.used.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if used > self.limit {
            self.reached.fetch_max(used, Relaxed);
        }
        used <= self.limit
    }

    pub(super) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.reached.load(Relaxed) > 0
    }

    pub(super) fn error(&self, records: u64) -> MemoryLimit {
        MemoryLimit { limit: self.limit, reached: self.reached.load(Relaxed), records }
    }

    /// How many bytes of records may wait in one chunk.
    pub(super) fn chunk_bytes(&self) -> u64 {
        self.chunk
    }
}

impl Account {
    pub(super) fn new(memory: Option<Arc<Memory>>) -> Self {
        Self { memory, pending: 0, is_over: false }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.memory.is_some()
    }

    /// Tells whether nothing more may be held.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Counts a few bytes.
    pub(super) fn add(&mut self, bytes: usize) {
        if let Some(memory) = &self.memory {
            self.pending += bytes as u64;
            if self.pending > memory.step {
                self.flush();
            }
        }
    }

    /// Counts what is larger than it was, before it is: both are there for a while.
    pub(super) fn add_at_once(&mut self, bytes: usize) {
        self.pending += bytes as u64;
        self.flush();
    }

    pub(super) fn release(&mut self, bytes: usize) {
        if let Some(memory) = &self.memory {
            memory.release(bytes as u64);
        }
    }

    /// Tells everybody what was held back so far.
    pub(super) fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if let Some(memory) = &self.memory {
            self.is_over |= !memory.charge(pending) || memory.is_over();
        }
    }
}

/// What a `String` or a `Vec<u8>` holds on the heap, with what an allocator usually adds; nothing for all other types, into
/// which nobody can look.
pub(super) fn heap_of<T: 'static>(value: &T) -> usize {
    let value: &dyn Any = value;
    if let Some(text) = value.downcast_ref::<String>() {
        block(text.capacity())
    } else if let Some(bytes) = value.downcast_ref::<Vec<u8>>() {
        block(bytes.capacity())
    } else {
        0
    }
}

/// What an allocation of so many bytes takes.
pub(super) fn block(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes.saturating_add(8).checked_next_multiple_of(16).unwrap_or(usize::MAX).max(32) }
}
