//! What writers, subscribers and grace periods agree on, under one lock.
//!
//! Invariants:
//! 1. A swap of the cell, the new number and the pin of the old version are one change under the lock: whoever looks
//!    finds a version either current, or pinned, or without readers and without a destructor to come.
//! 2. A subscriber looks at the number and takes its place under one hold of the lock: no publication in between is
//!    missed.
//! 3. No user code runs under the lock: wakers are cloned before, and woken and dropped after.
//! 4. `versions = current + pinned + released`, under the lock.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::loom::{Mutex, MutexGuard, lock};
use crate::error::{drop_quietly, wake_quietly};
use crate::observe::{Flow, Observe, Registration, Row};
use crate::task::{Ticket, Waiters};

pub(super) struct Books {
    pages: Mutex<Pages>,
    /// Keeps the cell in the registry.
    pub(super) registration: OnceLock<Registration>,
    /// Of its row.
    pub(super) name: OnceLock<Arc<str>>,
}

pub(super) struct Pages {
    /// Of the current version.
    pub(super) number: u64,
    /// Replaced versions that readers still have, or whose destructor runs.
    pub(super) pinned: BTreeSet<u64>,
    /// Who can still publish.
    pub(super) writers: usize,
    /// Publications that were given up because another came first.
    pub(super) conflicts: u64,
    /// Wait for another number, or the end.
    watchers: Waiters,
    /// Wait for old versions to go.
    graces: Waiters,
}

/// Which line of waiters a future stands in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    Watchers,
    Graces,
}

impl Books {
    pub(super) fn new() -> Arc<Self> {
        let (watchers, graces) = (Waiters::new(), Waiters::new());
        let pages = Pages { number: 0, pinned: BTreeSet::new(), writers: 1, conflicts: 0, watchers, graces };
        Arc::new(Self { pages: Mutex::new(pages), registration: OnceLock::new(), name: OnceLock::new() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Pages> {
        lock(&self.pages)
    }

    /// The last reader of a replaced version has left, and its value is gone.
    pub(super) fn unpin(&self, number: u64) {
        let woken = {
            let mut pages = self.lock();
            let was_oldest = pages.pinned.first() == Some(&number);
            pages.pinned.remove(&number);
            // Only the oldest holds anybody up.
            if was_oldest { pages.graces.notify_all() } else { Vec::new() }
        };
        woken.into_iter().for_each(wake_quietly);
    }

    /// What the cell is called, in snapshots and errors.
    pub(super) fn name(&self) -> Arc<str> {
        self.name.get().cloned().unwrap_or_else(|| "a cell".into())
    }

    pub(super) fn add_writer(&self) {
        self.lock().writers += 1;
    }

    /// After the last one nothing will ever be published.
    pub(super) fn remove_writer(&self) {
        let woken = {
            let mut pages = self.lock();
            pages.writers -= 1;
            if pages.writers == 0 { pages.watchers.notify_all() } else { Vec::new() }
        };
        woken.into_iter().for_each(wake_quietly);
    }

    /// Gives what `look` finds, or takes a place in line.
    pub(super) fn poll<R>(
        &self,
        line: Line,
        ticket: &mut Option<Ticket>,
        cx: &Context<'_>,
        look: impl Fn(&Pages) -> Option<R>,
    ) -> Poll<R> {
        let waker = cx.waker().clone();
        let (found, spare) = {
            let mut pages = self.lock();
            match look(&pages) {
                Some(found) => (Poll::Ready(found), Some(waker)),
                None => (Poll::Pending, pages.line(line).register(ticket, waker)),
            }
        };
        drop_waker(spare);
        if found.is_ready() {
            self.leave(line, ticket);
        }
        found
    }

    /// Ends a wait, if there is one. Everybody is called by a change, so a call that came too late is nobody else's.
    pub(super) fn leave(&self, line: Line, ticket: &mut Option<Ticket>) {
        if let Some(ticket) = ticket.take() {
            let left = self.lock().line(line).leave(ticket);
            drop_waker(left.waker);
        }
    }
}

impl Pages {
    /// Enters a publication; gives whom to wake after the lock is gone.
    pub(super) fn publish(&mut self, number: u64) -> Vec<Waker> {
        self.number = number;
        if self.watchers.is_empty() { Vec::new() } else { self.watchers.notify_all() }
    }

    fn line(&mut self, line: Line) -> &mut Waiters {
        match line {
            Line::Watchers => &mut self.watchers,
            Line::Graces => &mut self.graces,
        }
    }
}

impl Observe for Books {
    fn fill(&self, row: &mut Row) {
        let pages = self.lock();
        let (versions, pinned) = (pages.number.saturating_add(1), pages.pinned.len() as u64);
        row.set_state(if pages.writers == 0 { "closed" } else { "open" });
        row.flow = Flow { accepted: versions, in_flight: 1 + pinned, done: versions - 1 - pinned, ..Flow::default() };
        row.level("version", pages.number, None);
        row.level("pinned", pinned, None);
        row.count("conflicts", pages.conflicts);
    }
}

fn drop_waker(waker: Option<Waker>) {
    if let Some(waker) = waker {
        drop_quietly(waker);
    }
}
