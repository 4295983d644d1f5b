//! All work that waits for the disk: on blocking threads, a bounded number at once.

use std::sync::Arc;

use regatta::task::TaskGroup;
use regatta::{BoxError, CancellationToken};
use tokio::sync::Semaphore;

/// Lends blocking threads to walkers and readers alike, so that together they keep to `--threads`.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    group: Arc<TaskGroup>,
    turns: Arc<Semaphore>,
}

impl Disk {
    pub(crate) fn new(threads: usize, stop: &CancellationToken) -> Self {
        Self { group: Arc::new(TaskGroup::with_token("disk", stop)), turns: Arc::new(Semaphore::new(threads)) }
    }

    /// Asks for the work in hand to be cut short.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.group.token()
    }

    /// Runs `work` on a blocking thread once it is its turn.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, BoxError> {
        let turn = self.turns.clone().acquire_owned().await?;
        let working = self.group.spawn_blocking(name, move || {
            // Moved along, because the turn lasts as long as the work, not as long as somebody waits for it.
            let _turn = turn;
            work()
        });
        Ok(working.map_err(|closed| closed.to_string())?.await?)
    }
}
