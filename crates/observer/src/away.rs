//! A blocking thread, for as long as there is one to be had: a pool may have them all, and just then one wants to look.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use regatta::task::TaskGroup;
use tokio::time::timeout;

/// After that there is no blocking thread to be had.
const SOON: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(crate) struct Away {
    /// Something waits for a thread, and nothing else needs to.
    is_waiting: Arc<AtomicBool>,
}

/// Says when dropped that nothing waits any more: the closure runs, or its runtime is gone and it never will.
struct Begins {
    is_waiting: Arc<AtomicBool>,
    has_begun: Arc<AtomicBool>,
}

impl Drop for Begins {
    fn drop(&mut self) {
        self.has_begun.store(true, SeqCst);
        self.is_waiting.store(false, SeqCst);
    }
}

impl Away {
    /// `None` where no thread is to be had soon; an error where it panicked.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        closures: &TaskGroup,
        take: impl FnOnce() -> R + Send + 'static,
    ) -> Option<Result<R, ()>> {
        if self.is_waiting.load(SeqCst) {
            return None;
        }
        let has_begun = Arc::new(AtomicBool::new(false));
        let begins = Begins { is_waiting: self.is_waiting.clone(), has_begun: has_begun.clone() };
        let run = move || {
            drop(begins);
            take()
        };
        let mut taking = closures.spawn_blocking("snapshot", run).ok()?;
        match timeout(SOON, &mut taking).await {
            Ok(made) => Some(made.map_err(drop)),
            // It runs, and what it takes is its own affair.
            Err(_) if has_begun.load(SeqCst) => Some(taking.await.map_err(drop)),
            Err(_) => {
                self.is_waiting.store(true, SeqCst);
                // It may have begun just now, and will not say so again.
                if has_begun.load(SeqCst) {
                    self.is_waiting.store(false, SeqCst);
                }
                None
            }
        }
    }
}
