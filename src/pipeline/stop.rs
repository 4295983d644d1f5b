//! The request that the source give nothing more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A token whose state can be read in a loop: one load, where the token itself takes a lock. The call also has to be one
/// that cannot unwind, or the compiler would keep what the fused stages count in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    is_set: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Stop {
    pub(super) fn set(&self) {
        // Release: pairs with the Acquire in `is_set`; who stops because of it sees what was done before.
        self.is_set.store(true, Ordering::Release);
        self.token.cancel();
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// Resolves when it is set. The flag is set before, so whoever is woken by this sees it.
    pub(super) fn wait(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }
}
