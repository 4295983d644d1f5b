//! Rows of snapshots for the workers of a pool that names them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::slot::Slot;
use crate::observe::{Observe, Registry, RowId};

/// Where workers are entered; closed when the pool is gone, although late workers still come.
#[derive(Default)]
pub(super) struct Rows(Mutex<Option<(Registry, RowId)>>);

impl Rows {
    pub(super) fn open(&self, registry: Registry, pool: RowId) {
        *self.lock() = Some((registry, pool));
    }

    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    pub(super) fn enter(&self, slot: &Arc<Slot>) {
        let rows = self.lock();
        let Some((registry, pool)) = &*rows else { return };
        let subject: Weak<Slot> = Arc::downgrade(slot);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(registry.reserve(), "worker", &slot.name, Some(*pool), subject);
        // Under the lock: whoever closes comes before this, or finds it.
        slot.enter_registry(registration);
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Registry, RowId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
