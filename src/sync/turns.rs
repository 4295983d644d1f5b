//! Whose async change runs here: inside it the same cell cannot publish anything else.
//!
//! A second async update would wait for the turn that the first one has; a sync one would overtake the first, which then
//! runs again, and publishes again. Neither ends, so both are refused. Code knows in which changes it runs by a task-local
//! value: what a change spawns elsewhere and waits for is not seen.

use std::future::Future;

tokio::task_local! {
    /// The cells whose changes run here, the outermost first.
    static INSIDE: Vec<usize>;
}

/// Tells whether code runs inside an async change of a cell, which is known by its address.
pub(super) fn is_inside(cell: usize) -> bool {
    INSIDE.try_with(|cells| cells.contains(&cell)).unwrap_or(false)
}

/// Runs the sync part of a change.
pub(super) fn inside<R>(cell: usize, run: impl FnOnce() -> R) -> R {
    INSIDE.sync_scope(with(cell), run)
}

/// Polls the async part of a change.
pub(super) fn inside_future<F: Future>(cell: usize, future: F) -> impl Future<Output = F::Output> {
    INSIDE.scope(with(cell), future)
}

fn with(cell: usize) -> Vec<usize> {
    let mut cells = INSIDE.try_with(Vec::clone).unwrap_or_default();
    cells.push(cell);
    cells
}
