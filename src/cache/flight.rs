//! One load: who waits for it, and what came of it.
//!
//! Invariants:
//! 1. The first outcome stays. Whoever loads leaves one, whatever happens to him: a value, an error, or that he is gone.
//! 2. A guest looks for the outcome and takes its place under one hold of the lock: none sleeps past it.
//! 3. Once the last guest has gone and taken the load along, nobody can enter any more.
//! 4. No user code runs under the lock: the outcome is behind a pointer, its value is cloned outside.

use std::borrow::Borrow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::AbortHandle;

use super::entry::Entry;
use super::error::LoadError;
use super::loom::{Mutex, lock};
use crate::error::{Kept, drop_quietly, wake_quietly};
use crate::task::{Ticket, Waiters};

/// What becomes of a load when all who waited for it have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Abandoned {
    /// It goes on, and the next call finds its value.
    #[default]
    Finish,
    /// It is aborted at its next await. Until then it may still run when somebody else begins a load of the same key.
    Abort,
}

/// What a load came to.
pub(super) type Outcome<K, V> = Result<Arc<Entry<K, V>>, LoadError>;

pub(super) struct Flight<K, V> {
    /// Tells it from all other waits of this kind.
    pub(super) id: u64,
    /// Whoever has waited longest drops it.
    pub(super) key: Kept<K>,
    pub(super) hash: u64,
    abandoned: Abandoned,
    progress: Mutex<Progress<K, V>>,
}

struct Progress<K, V> {
    outcome: Option<Arc<Outcome<K, V>>>,
    waiters: Waiters,
    guests: usize,
    /// The last guest took it along.
    is_given_up: bool,
    abort: Option<AbortHandle>,
}

/// Somebody who waits for a flight.
pub(super) struct Guest<K, V> {
    flight: Arc<Flight<K, V>>,
    ticket: Option<Ticket>,
}

impl<K, V> Flight<K, V> {
    pub(super) fn new(id: u64, hash: u64, key: K, abandoned: Abandoned) -> Self {
        let progress = Progress { outcome: None, waiters: Waiters::new(), guests: 0, is_given_up: false, abort: None };
        Self { id, key: Kept::new(key), hash, abandoned, progress: Mutex::new(progress) }
    }

    pub(super) fn is_of<Q: Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.key.get().borrow() == key
    }

    /// Waits for it; nothing if it was given up.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Guest<K, V>> {
        let mut progress = lock(&self.progress);
        if progress.is_given_up {
            return None;
        }
        progress.guests += 1;
        Some(Guest { flight: self.clone(), ticket: None })
    }

    #[cfg(regatta_loom)]
    pub(super) fn is_given_up(&self) -> bool {
        lock(&self.progress).is_given_up
    }

    /// Takes note of how to stop it.
    pub(super) fn own(&self, abort: AbortHandle) {
        let late = {
            let mut progress = lock(&self.progress);
            if progress.is_given_up {
                Some(abort)
            } else {
                progress.abort = progress.outcome.is_none().then_some(abort);
                None
            }
        };
        late.iter().for_each(AbortHandle::abort);
    }

    /// Leaves what came of it; the first one counts.
    pub(super) fn finish(&self, outcome: Outcome<K, V>) {
        let outcome = Arc::new(outcome);
        let (woken, late, abort) = {
            let mut progress = lock(&self.progress);
            // Of a failure that is kept it would keep the task.
            let abort = progress.abort.take();
            match progress.outcome {
                Some(_) => (Vec::new(), Some(outcome), abort),
                None => {
                    progress.outcome = Some(outcome);
                    (progress.waiters.notify_all(), None, abort)
                }
            }
        };
        drop(abort);
        woken.into_iter().for_each(wake_quietly);
        late.into_iter().for_each(drop_quietly);
    }
}

/// Whoever has waited longest drops what came of it, too.
impl<K, V> Drop for Flight<K, V> {
    fn drop(&mut self) {
        let outcome = lock(&self.progress).outcome.take();
        drop_quietly(outcome);
    }
}

impl<K, V> Guest<K, V> {
    pub(super) fn flight(&self) -> &Arc<Flight<K, V>> {
        &self.flight
    }
}

impl<K, V> Future for Guest<K, V> {
    type Output = Arc<Outcome<K, V>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waker = cx.waker().clone();
        let (outcome, spare) = {
            let mut progress = lock(&this.flight.progress);
            match &progress.outcome {
                Some(outcome) => (Poll::Ready(outcome.clone()), Some(waker)),
                None => (Poll::Pending, progress.waiters.register(&mut this.ticket, waker)),
            }
        };
        spare.into_iter().for_each(drop_quietly);
        outcome
    }
}

impl<K, V> Drop for Guest<K, V> {
    fn drop(&mut self) {
        let (waker, abort) = {
            let mut progress = lock(&self.flight.progress);
            // Everybody is woken by the end, so there is nothing to pass on.
            let waker = self.ticket.take().and_then(|ticket| progress.waiters.leave(ticket).waker);
            progress.guests -= 1;
            let is_last = progress.guests == 0 && progress.outcome.is_none();
            progress.is_given_up |= is_last && self.flight.abandoned == Abandoned::Abort;
            (waker, if progress.is_given_up { progress.abort.take() } else { None })
        };
        waker.into_iter().for_each(drop_quietly);
        abort.iter().for_each(AbortHandle::abort);
    }
}
