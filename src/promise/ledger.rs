//! What became of the promises, counted together: one row for all of a registry.
//!
//! A row for each would cost more than the promise: most live for microseconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::error::PromiseError;
use crate::observe::{Flow, Observe, Registry, Row};

static GLOBAL: LazyLock<Arc<Ledger>> = LazyLock::new(|| Registry::global().common("promises"));

/// The counters of the registry that a promise was made in.
pub(super) struct Books(Option<Arc<Ledger>>);

/// Writers are all over the program; the cache line is theirs alone.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct Ledger {
    made: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    discarded: AtomicU64,
}

#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// A value that somebody waits for.
    Done,
    /// An error or a panic that somebody waits for.
    Failed,
    /// Nobody waited any more, or the writer went away, or its work was cancelled.
    Discarded,
}

impl Ending {
    pub(super) fn of<T, E>(outcome: &Result<T, PromiseError<E>>, is_abandoned: bool) -> Self {
        match outcome {
            _ if is_abandoned => Self::Discarded,
            Ok(_) => Self::Done,
            Err(PromiseError::Rejected(_) | PromiseError::Panicked(_)) => Self::Failed,
            Err(PromiseError::Broken | PromiseError::Cancelled(_)) => Self::Discarded,
        }
    }
}

impl Books {
    /// Enters a promise that is made right here.
    pub(super) fn open() -> Self {
        let books = Self(Registry::scoped().map(|registry| registry.common("promises")));
        books.ledger().made.fetch_add(1, Ordering::Relaxed);
        books
    }

    /// Release: pairs with the Acquire of [`Ledger::fill`]. Who reads an ending there also reads that the promise was
    /// made.
    pub(super) fn close(&self, ending: Ending) {
        let ledger = self.ledger();
        let count = match ending {
            Ending::Done => &ledger.done,
            Ending::Failed => &ledger.failed,
            Ending::Discarded => &ledger.discarded,
        };
        count.fetch_add(1, Ordering::Release);
    }

    fn ledger(&self) -> &Ledger {
        self.0.as_ref().unwrap_or_else(|| &GLOBAL)
    }
}

impl Observe for Ledger {
    fn fill(&self, row: &mut Row) {
        // Endings first: a promise that comes and goes meanwhile is then pending, never a debt.
        let [done, failed, discarded] =
            [&self.done, &self.failed, &self.discarded].map(|count| count.load(Ordering::Acquire));
        let accepted = self.made.load(Ordering::Relaxed);
        row.set_state("open");
        row.flow = Flow { accepted, done, failed, discarded, ..Flow::default() };
        row.flow.in_flight = accepted - done - failed - discarded;
        row.gauge("pending", row.flow.in_flight as usize, None);
    }
}
