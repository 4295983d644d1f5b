//! Dropping old values where nobody waits for it.
//!
//! Invariants:
//! 1. A value that was taken in is dropped exactly once: by the worker, or in place when there is no worker to come.
//! 2. `is_working` is true exactly while somebody is on the way to empty the line; whoever makes it true is, or sends,
//!    that somebody, and a [`Duty`] is done by dropping it, so that it cannot be lost.
//! 3. No destructor of a user runs under the lock.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::error::{catch, drop_quietly, log_quietly, refuse_zero};
use crate::observe::{Flow, Observe, Registration, Registry, Row};
use crate::task::{ShutdownReport, TaskGroup};

/// Drops old values on one of tokio's blocking threads, so that no reader pays for a destructor.
///
/// Whoever is the last to have an old version drops it, and that may be a reader. For values whose destructor takes long
/// (a large map, a file, a connection) give the cell a reclaimer with [`RcuBuilder::reclaimer`](super::RcuBuilder::reclaimer):
/// the last reader then only hands the value over. One reclaimer serves any number of cells. It owns its worker, which
/// runs only while there is something to drop.
///
/// Dropping the reclaimer, like [`abort`](Self::abort), drops what still waits on the thread that does so; the cells go on
/// without it.
///
/// When `capacity` values wait to be dropped, the next one is dropped in place; the gauge `in_place` of its row in
/// [`observe::snapshot`](crate::observe::snapshot) counts those.
///
/// # Examples
/// ```
/// use regatta::sync::{Rcu, Reclaimer};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let reclaimer = Reclaimer::new("tables", 1_000);
/// let table = Rcu::builder(vec![0; 1_000_000]).reclaimer(&reclaimer).build();
/// table.store(vec![1; 1_000_000]); // the old one is freed elsewhere
/// let report = reclaimer.shutdown(Duration::from_secs(5)).await;
/// assert!(report.is_clean());
/// # }
/// ```
#[must_use = "dropping the reclaimer stops it: old values are then dropped in place"]
pub struct Reclaimer {
    yard: Arc<Yard>,
    group: Arc<TaskGroup>,
}

/// A cell's way to its reclaimer.
pub(super) struct Reclaim<T> {
    yard: Arc<Yard>,
    /// Made where `T` is known to be `Send`.
    wrap: fn(T) -> Box<dyn Send>,
}

struct Yard {
    name: Arc<str>,
    capacity: usize,
    runtime: Handle,
    group: Weak<TaskGroup>,
    pages: Mutex<Pages>,
    registration: OnceLock<Registration>,
}

#[derive(Default)]
struct Pages {
    waiting: VecDeque<Box<dyn Send>>,
    is_closed: bool,
    is_aborted: bool,
    is_working: bool,
    accepted: u64,
    done: u64,
    failed: u64,
    discarded: u64,
    in_place: u64,
}

/// To empty the line: done by dropping it, on a blocking thread, or wherever it is left when no such thread comes.
struct Duty(Arc<Yard>);

impl Reclaimer {
    /// Creates a reclaimer with a name and room for so many values that wait to be dropped.
    ///
    /// # Panics
    /// When `capacity` is zero, and outside a tokio runtime.
    #[track_caller]
    pub fn new(name: impl Into<Arc<str>>, capacity: usize) -> Self {
        refuse_zero("Reclaimer", "capacity", capacity);
        let Ok(runtime) = Handle::try_current() else {
            panic!("Reclaimer::new needs a tokio runtime: add #[tokio::main], or enter one with Handle::enter()")
        };
        let name: Arc<str> = name.into();
        let group = Arc::new(TaskGroup::unobserved(name.clone(), CancellationToken::new()));
        let (pages, registration) = (Mutex::default(), OnceLock::new());
        let yard = Arc::new(Yard { name, capacity, runtime, group: Arc::downgrade(&group), pages, registration });
        let registry = Registry::current();
        let subject: Weak<Yard> = Arc::downgrade(&yard);
        let subject: Weak<dyn Observe> = subject;
        let registration = registry.enroll(registry.reserve(), "reclaimer", &yard.name, None, subject);
        // The cell is ours alone so far, so it is empty.
        let _ = yard.registration.set(registration);
        Self { yard, group }
    }

    /// The reclaimer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.yard.name
    }

    /// Takes no more values: from now on they are dropped in place. At once, any number of times.
    pub fn close(&self) {
        self.yard.lock().is_closed = true;
    }

    /// Closes the reclaimer, waits until `deadline` from now for what it has taken in, and reports.
    ///
    /// What still waits at the deadline is dropped on this thread; a destructor that runs on a blocking thread goes on
    /// and is named in [`still_running`](ShutdownReport::still_running). The report counts the visits of the worker, not
    /// values: those are counted in [`observe::snapshot`](crate::observe::snapshot).
    ///
    /// # Cancel safety
    /// Dropped before its end it leaves the reclaimer closed and dropping; it may be called again.
    ///
    /// # Panics
    /// On a runtime without timers (`enable_time`), if there is something to wait for.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.close();
        let report = self.group.shutdown(deadline).await;
        self.yard.abort();
        report
    }

    /// Closes the reclaimer and drops what waits on this thread. The destructor that runs just now goes on.
    pub fn abort(&self) {
        self.yard.abort();
        self.group.abort();
    }

    pub(super) fn lease<T: Send + 'static>(&self) -> Reclaim<T> {
        Reclaim { yard: self.yard.clone(), wrap: |value| Box::new(value) }
    }
}

impl<T> Reclaim<T> {
    pub(super) fn give(&self, value: T) {
        self.yard.give((self.wrap)(value));
    }
}

impl<T> Clone for Reclaim<T> {
    fn clone(&self) -> Self {
        Self { yard: self.yard.clone(), wrap: self.wrap }
    }
}

impl Yard {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(self: &Arc<Self>, value: Box<dyn Send>) {
        let refused = {
            let mut pages = self.lock();
            if pages.is_closed || pages.waiting.len() >= self.capacity {
                pages.in_place += 1;
                Some(value)
            } else {
                pages.accepted += 1;
                pages.waiting.push_back(value);
                if std::mem::replace(&mut pages.is_working, true) {
                    return;
                }
                None
            }
        };
        match refused {
            Some(value) => {
                self.drop_value(value);
            }
            None => self.call(Duty(self.clone())),
        }
    }

    /// Sends somebody to empty the line.
    fn call(&self, duty: Duty) {
        // Whatever goes wrong (the owner is gone, the runtime is, this thread is about to be), the duty is dropped.
        let called = catch(&self.name, || {
            let group = self.group.upgrade()?;
            let _entered = self.runtime.enter();
            group.spawn_blocking("drop", move || drop(duty)).ok()
        });
        drop_quietly(called);
    }

    fn work(&self) {
        loop {
            let value = {
                let mut pages = self.lock();
                match pages.waiting.pop_front() {
                    Some(value) => value,
                    None => {
                        pages.is_working = false;
                        return;
                    }
                }
            };
            let is_done = self.drop_value(value);
            let mut pages = self.lock();
            match is_done {
                true => pages.done += 1,
                false => pages.failed += 1,
            }
        }
    }

    /// Drops a value; tells whether that went well.
    fn drop_value(&self, value: Box<dyn Send>) -> bool {
        let dropped = catch(&self.name, || drop(value));
        if let Err(panicked) = &dropped {
            log_quietly(|| {
                tracing::error!(target: "regatta::sync", reclaimer = %self.name, message = %panicked.message, "a destructor of an old value panicked");
            });
        }
        dropped.is_ok()
    }

    fn abort(&self) {
        let waiting = {
            let mut pages = self.lock();
            pages.is_closed = true;
            pages.is_aborted = true;
            let waiting = std::mem::take(&mut pages.waiting);
            pages.discarded += waiting.len() as u64;
            waiting
        };
        for value in waiting {
            self.drop_value(value);
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.work();
    }
}

impl Observe for Yard {
    fn fill(&self, row: &mut Row) {
        let pages = self.lock();
        row.set_state(match (pages.is_aborted, pages.is_closed) {
            (true, _) => "aborted",
            (false, true) => "closed",
            (false, false) => "open",
        });
        let Pages { accepted, done, failed, discarded, .. } = *pages;
        let in_flight = accepted - done - failed - discarded;
        row.flow = Flow { accepted, done, failed, dropped: 0, discarded, in_flight };
        row.gauge("queued", pages.waiting.len(), Some(self.capacity));
        row.count("in place", pages.in_place);
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        self.yard.abort();
    }
}

impl fmt::Debug for Reclaimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, is_closed) = {
            let pages = self.yard.lock();
            (pages.waiting.len(), pages.is_closed)
        };
        f.debug_struct("Reclaimer")
            .field("name", &self.name())
            .field("queued", &queued)
            .field("is_closed", &is_closed)
            .finish()
    }
}
