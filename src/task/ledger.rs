//! The books of a group: which tasks live, how the others ended.
//!
//! Invariants:
//! 1. `started = finished + aborted + panicked + live`, under the lock.
//! 2. A task is entered before tokio sees it and leaves after its future, or closure, is dropped: once the book is
//!    empty, nothing that a task captured is alive. What it gave as its output belongs to its handle, or to the runtime.
//! 3. No user code runs under the lock: wakers and abort handles are used after it is gone. The log is written last of
//!    all, and guarded: a subscriber is user code, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::blocking::Discard;
use super::report::ShutdownReport;
use crate::error::{Panicked, log_quietly};
use crate::observe::{Flow, Observe, Registration, Row};

pub(super) struct Ledger {
    pub(super) name: Arc<str>,
    /// Asks the tasks to stop by themselves.
    pub(super) token: CancellationToken,
    pages: Mutex<Pages>,
    /// Notified whenever a task has left and `live` changed.
    left: Notify,
    /// Keeps the group in the registry; absent for groups inside another pattern.
    pub(super) registration: std::sync::OnceLock<Registration>,
}

#[derive(Default)]
pub(super) struct Pages {
    pub(super) is_closed: bool,
    is_aborted: bool,
    started: u64,
    finished: u64,
    aborted: u64,
    panicked: u64,
    panics: Vec<Panicked>,
    live: HashMap<u64, Entry>,
    live_async: usize,
}

struct Entry {
    place: Arc<str>,
    /// Absent between entering the book and tokio's answer.
    stop: Option<Stop>,
    is_blocking: bool,
}

/// How to stop a task.
pub(super) struct Stop {
    pub(super) abort: AbortHandle,
    /// Of a blocking task: tokio drops what it has queued only when a thread comes by.
    pub(super) closure: Option<Arc<dyn Discard>>,
}

impl Stop {
    fn stop(self) {
        self.abort.abort();
        self.closure.into_iter().for_each(|closure| closure.discard());
    }
}

/// How a task ended.
pub(super) enum Ending {
    Finished,
    Aborted,
    Panicked(Panicked),
}

impl Ending {
    pub(super) fn of<T>(output: &Result<T, Panicked>) -> Self {
        match output {
            Ok(_) => Self::Finished,
            Err(panicked) => Self::Panicked(panicked.clone()),
        }
    }
}

impl Ledger {
    pub(super) fn new(name: Arc<str>, token: CancellationToken) -> Self {
        let registration = std::sync::OnceLock::new();
        Self { name, token, pages: Mutex::default(), left: Notify::new(), registration }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a task, unless the group is closed.
    pub(super) fn enter(&self, place: &Arc<str>, is_blocking: bool) -> Option<u64> {
        let mut pages = self.lock();
        if pages.is_closed {
            return None;
        }
        let id = pages.started;
        pages.started += 1;
        pages.live_async += usize::from(!is_blocking);
        pages.live.insert(id, Entry { place: place.clone(), stop: None, is_blocking });
        Some(id)
    }

    /// Takes note of how to stop a task; does so at once if the group was aborted in between.
    pub(super) fn spawned(&self, id: u64, stop: Stop) {
        let late = {
            let mut pages = self.lock();
            let is_aborted = pages.is_aborted;
            match pages.live.get_mut(&id) {
                Some(entry) if !is_aborted => {
                    entry.stop = Some(stop);
                    None
                }
                Some(_) => Some(stop),
                None => None,
            }
        };
        late.into_iter().for_each(Stop::stop);
    }

    /// Takes a task out, after its future is gone.
    pub(super) fn leave(&self, id: u64, ending: Ending) {
        let panicked = match &ending {
            Ending::Panicked(panicked) => Some(panicked.clone()),
            _ => None,
        };
        let entry = {
            let mut pages = self.lock();
            let entry = pages.live.remove(&id);
            if entry.as_ref().is_some_and(|entry| !entry.is_blocking) {
                pages.live_async -= 1;
            }
            match ending {
                Ending::Finished => pages.finished += 1,
                Ending::Aborted => pages.aborted += 1,
                Ending::Panicked(panicked) => {
                    pages.panicked += 1;
                    if pages.panics.len() < ShutdownReport::PANICS_KEPT {
                        pages.panics.push(panicked);
                    }
                }
            }
            entry
        };
        drop(entry);
        self.left.notify_waiters();
        if let Some(Panicked { place, message }) = panicked {
            log_quietly(
                || tracing::error!(target: "regatta::task", group = %self.name, %place, %message, "a task panicked"),
            );
        }
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.left.notify_waiters();
    }

    pub(super) fn abort(&self) {
        let live: Vec<Stop> = {
            let mut pages = self.lock();
            pages.is_closed = true;
            pages.is_aborted = true;
            pages.live.values_mut().filter_map(|entry| entry.stop.take()).collect()
        };
        self.token.cancel();
        live.into_iter().for_each(Stop::stop);
        self.left.notify_waiters();
    }

    /// Waits until `is_over` holds of the number of live tasks and the number of live async ones.
    pub(super) async fn until(&self, is_over: impl Fn(usize, usize) -> bool) {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            // Listening before looking: a task that leaves in between is not missed.
            left.as_mut().enable();
            let is_over = {
                let pages = self.lock();
                is_over(pages.live.len(), pages.live_async)
            };
            if is_over {
                return;
            }
            left.await;
        }
    }

    pub(super) fn live(&self) -> usize {
        self.lock().live.len()
    }

    pub(super) fn report(&self, elapsed: std::time::Duration) -> ShutdownReport {
        let pages = self.lock();
        let mut still_running: Vec<(u64, Arc<str>)> =
            pages.live.iter().map(|(id, entry)| (*id, entry.place.clone())).collect();
        still_running.sort_unstable();
        ShutdownReport {
            name: self.name.clone(),
            finished: pages.finished,
            aborted: pages.aborted,
            panicked_count: pages.panicked,
            panicked: pages.panics.clone(),
            still_running: still_running.into_iter().map(|(_, place)| place).collect(),
            elapsed,
        }
    }
}

impl Observe for Ledger {
    fn fill(&self, row: &mut Row) {
        let pages = self.lock();
        row.set_state(if pages.is_closed { "closed" } else { "open" });
        row.flow = Flow {
            accepted: pages.started,
            done: pages.finished,
            failed: pages.panicked,
            dropped: 0,
            discarded: pages.aborted,
            in_flight: pages.live.len() as u64,
        };
    }
}
