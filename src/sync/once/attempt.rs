//! One attempt to make a value: who makes it, who waits for it, what came of it.
//!
//! Invariants:
//! 1. Each attempt has one [`Leader`], and every leader leaves an outcome: the value, an error, or that it was lost. The
//!    cell may be first, when somebody sets a value.
//! 2. A waiter looks for the outcome and takes its place under one hold of the lock: none sleeps past it.
//! 3. The first outcome stays; only the value is taken out of it, by the cell. Whoever comes too late drops his own.
//! 4. No user code runs under the lock.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::super::circles;
use super::super::error::InitError;
use super::super::loom::{Mutex, lock};
use crate::error::{drop_quietly, wake_quietly};
use crate::task::{Ticket, Waiters};

pub(in super::super) struct Attempt<T> {
    /// Tells it from every other attempt of every cell.
    pub(in super::super) id: u64,
    progress: Mutex<Progress<T>>,
}

struct Progress<T> {
    outcome: Option<Outcome<T>>,
    waiters: Waiters,
}

enum Outcome<T> {
    /// Until the cell takes it.
    Made(Option<T>),
    Failed(InitError),
    /// The leader was dropped: somebody else may try.
    Lost,
    /// Somebody has set a value meanwhile.
    Superseded,
}

/// What a waiter learns.
#[derive(Debug, Clone)]
pub(in super::super) enum Verdict {
    /// There is a value, whoever made it.
    Made,
    Failed(InitError),
    Lost,
}

/// What the cell finds.
pub(in super::super) enum Found<T> {
    Running,
    /// The value, unless it was taken.
    Made(Option<T>),
    Over,
}

/// Whoever makes the value. Dropped without a word, the attempt is lost.
pub(in super::super) struct Leader<T>(Arc<Attempt<T>>);

/// Waits for the outcome.
pub(in super::super) struct VerdictFuture<'a, T> {
    attempt: &'a Attempt<T>,
    ticket: Option<Ticket>,
}

impl<T> Attempt<T> {
    pub(in super::super) fn begin() -> Leader<T> {
        let id = circles::next_id();
        Leader(Arc::new(Self { id, progress: Mutex::new(Progress { outcome: None, waiters: Waiters::new() }) }))
    }

    pub(in super::super) fn verdict(&self) -> VerdictFuture<'_, T> {
        VerdictFuture { attempt: self, ticket: None }
    }

    /// Looks what came of it, and takes the value out.
    pub(in super::super) fn settle(&self) -> Found<T> {
        match &mut lock(&self.progress).outcome {
            None => Found::Running,
            Some(Outcome::Made(value)) => Found::Made(value.take()),
            Some(Outcome::Failed(_) | Outcome::Lost | Outcome::Superseded) => Found::Over,
        }
    }

    /// Ends it because a value is set beside it, unless it is over. Gives whom to wake.
    pub(in super::super) fn supersede(&self) -> Vec<Waker> {
        lock(&self.progress).end(Outcome::Superseded).unwrap_or_default()
    }

    fn end(&self, outcome: Outcome<T>) {
        let ended = lock(&self.progress).end(outcome);
        match ended {
            Ok(woken) => woken.into_iter().for_each(wake_quietly),
            Err(late) => drop_quietly(late),
        }
    }

    fn look(progress: &Progress<T>) -> Option<Verdict> {
        progress.outcome.as_ref().map(|outcome| match outcome {
            Outcome::Made(_) | Outcome::Superseded => Verdict::Made,
            Outcome::Failed(error) => Verdict::Failed(error.clone()),
            Outcome::Lost => Verdict::Lost,
        })
    }
}

impl<T> Progress<T> {
    /// Takes the first outcome, and hands back any other.
    fn end(&mut self, outcome: Outcome<T>) -> Result<Vec<Waker>, Outcome<T>> {
        if self.outcome.is_some() {
            return Err(outcome);
        }
        self.outcome = Some(outcome);
        Ok(self.waiters.notify_all())
    }
}

impl<T> Leader<T> {
    pub(in super::super) fn attempt(&self) -> &Arc<Attempt<T>> {
        &self.0
    }

    pub(in super::super) fn finish(self, made: Result<T, InitError>) {
        self.0.end(match made {
            Ok(value) => Outcome::Made(Some(value)),
            Err(error) => Outcome::Failed(error),
        });
    }
}

impl<T> Drop for Leader<T> {
    fn drop(&mut self) {
        self.0.end(Outcome::Lost);
    }
}

impl<T> Future for VerdictFuture<'_, T> {
    type Output = Verdict;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Verdict> {
        let this = self.get_mut();
        let waker = cx.waker().clone();
        let (verdict, spare) = {
            let mut progress = lock(&this.attempt.progress);
            match Attempt::look(&progress) {
                Some(verdict) => (Poll::Ready(verdict), Some(waker)),
                None => (Poll::Pending, progress.waiters.register(&mut this.ticket, waker)),
            }
        };
        spare.into_iter().for_each(drop_quietly);
        verdict
    }
}

impl<T> Drop for VerdictFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // Everybody is woken by the end, so there is nothing to pass on.
            let left = lock(&self.attempt.progress).waiters.leave(ticket);
            left.waker.into_iter().for_each(drop_quietly);
        }
    }
}
