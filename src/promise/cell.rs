//! What the two ends share: an outcome that is written once, and those who wait for it.
//!
//! Invariants:
//! 1. The outcome is written before the list of those who wait is taken, and both who enters the list and who leaves it
//!    looks at the outcome under the lock. So whoever waits is in the list that is taken, or has seen the outcome.
//! 2. A ticket is void once the outcome is there: its list has been taken, or is about to be, and is never used again.
//!    The same holds for the list of writers, once nobody waits.
//! 3. The number of those who wait never rises again from zero: only one who waits can bring another.
//! 4. No foreign code runs under the lock: wakers are cloned before, and woken and dropped after it; callbacks run
//!    after it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};

use tokio::task::coop;

use super::callback::Callback;
use super::error::PromiseError;
use super::ledger::{Books, Ending};
use super::loom::{AtomicUsize, Mutex, MutexGuard, Once};
use crate::error::{drop_quietly, wake_quietly};
use crate::task::{TaskGroup, Ticket, Waiters};

/// How a promise ended.
pub(super) type Outcome<T, E> = Result<T, PromiseError<E>>;

/// An outcome that stays where it is.
pub(super) type OutcomeRef<'a, T, E> = Result<&'a T, &'a PromiseError<E>>;

/// In this order in memory: all who come and go write the number of those who wait and the reference count right before it,
/// which are so mostly on one cache line, and who only takes the value does not touch the lock's.
#[repr(C)]
pub(super) struct Cell<T, E> {
    /// Futures and callbacks; the writers want to know when there is none.
    awaiters: AtomicUsize,
    outcome: Once<Outcome<T, E>>,
    books: Books,
    state: Mutex<State<T, E>>,
}

struct State<T, E> {
    /// Wait for the outcome.
    awaiting: Waiters,
    /// Wait until nobody waits for the outcome.
    writing: Waiters,
    callbacks: Vec<Callback<T, E>>,
    /// Owns the task that computes the outcome, if there is one.
    work: Option<TaskGroup>,
}

/// The two lists of a cell.
#[derive(Clone, Copy)]
enum Line {
    Awaiting,
    Writing,
}

impl<T, E> Cell<T, E> {
    /// With one awaiter.
    pub(super) fn new() -> Self {
        let state = State { awaiting: Waiters::new(), writing: Waiters::new(), callbacks: Vec::new(), work: None };
        Self { outcome: Once::new(), awaiters: AtomicUsize::new(1), state: Mutex::new(state), books: Books::open() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        // No foreign code runs under the lock, so the lists are whole even if a panic passed by.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(super) fn outcome(&self) -> Option<&Outcome<T, E>> {
        self.outcome.get()
    }

    /// Writes the outcome, wakes who waits for it, then runs the callbacks. The first one wins; another gets its
    /// outcome back.
    pub(super) fn settle(&self, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        let ending = Ending::of(&outcome, self.is_abandoned());
        self.outcome.set(outcome)?;
        // In the books before anybody is woken: who has awaited the promise finds it counted.
        self.books.close(ending);
        let (awaiting, callbacks) = {
            let mut state = self.lock();
            (std::mem::replace(&mut state.awaiting, Waiters::new()), std::mem::take(&mut state.callbacks))
        };
        wake_all(awaiting);
        if let Some(outcome) = self.outcome() {
            for callback in callbacks {
                callback.run(outcome);
                self.leave();
            }
        }
        Ok(())
    }

    /// Ready once there is an outcome.
    #[inline]
    pub(super) fn poll_outcome(&self, ticket: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<&Outcome<T, E>> {
        // A promise that is awaited over and over must still let its neighbours run.
        let budget = ready!(coop::poll_proceed(cx));
        let polled = self.poll_line(Line::Awaiting, ticket, cx, Self::outcome);
        if polled.is_ready() {
            budget.made_progress();
        }
        polled
    }

    /// Ready once nobody waits for the outcome.
    pub(super) fn poll_abandoned(&self, ticket: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_line(Line::Writing, ticket, cx, Self::abandoned)
    }

    /// Looks, and waits in line if there is nothing to see yet.
    #[inline]
    fn poll_line<'a, R>(
        &'a self,
        line: Line,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
        look: impl Fn(&'a Self) -> Option<R>,
    ) -> Poll<R> {
        match look(self) {
            Some(seen) => {
                *ticket = None;
                Poll::Ready(seen)
            }
            None => self.wait_in_line(line, ticket, cx.waker().clone(), look),
        }
    }

    fn wait_in_line<'a, R>(
        &'a self,
        line: Line,
        ticket: &mut Option<Ticket>,
        waker: Waker,
        look: impl Fn(&'a Self) -> Option<R>,
    ) -> Poll<R> {
        let (polled, displaced) = {
            let mut state = self.lock();
            match look(self) {
                Some(seen) => {
                    *ticket = None;
                    (Poll::Ready(seen), Some(waker))
                }
                None => (Poll::Pending, state.line(line).register(ticket, waker)),
            }
        };
        drop_waker(displaced);
        polled
    }

    /// Gives up a wait for the outcome, if there is one.
    #[inline]
    pub(super) fn forget_outcome(&self, ticket: &mut Option<Ticket>) {
        self.leave_line(Line::Awaiting, ticket, Self::outcome);
    }

    /// Gives up a wait for the end of all waiting, if there is one.
    pub(super) fn forget_abandoned(&self, ticket: &mut Option<Ticket>) {
        self.leave_line(Line::Writing, ticket, Self::abandoned);
    }

    #[inline]
    fn leave_line<'a, R>(&'a self, line: Line, ticket: &mut Option<Ticket>, look: impl Fn(&'a Self) -> Option<R>) {
        let Some(ticket) = ticket.take().filter(|_| look(self).is_none()) else { return };
        let left = {
            let mut state = self.lock();
            look(self).is_none().then(|| state.line(line).leave(ticket))
        };
        drop_waker(left.and_then(|left| left.waker));
    }

    /// Runs `callback` once there is an outcome: now, if there is one.
    pub(super) fn on_outcome(&self, callback: Callback<T, E>) {
        let early = {
            let mut state = self.lock();
            match self.outcome() {
                Some(outcome) => Some((callback, outcome)),
                None => {
                    self.join();
                    state.callbacks.push(callback);
                    None
                }
            }
        };
        if let Some((callback, outcome)) = early {
            callback.run(outcome);
        }
    }

    /// One more waits. Called only by one who does.
    #[inline]
    pub(super) fn join(&self) {
        // Relaxed: nothing is read on the strength of it, and who calls it keeps the number above zero.
        self.awaiters.fetch_add(1, Ordering::Relaxed);
    }

    /// One less waits. The last one tells the writers, and stops the work.
    #[inline]
    pub(super) fn leave(&self) {
        // Release: pairs with the Acquire of `is_abandoned`. What was done by those who have left is seen by a writer who
        // knows that they have.
        if self.awaiters.fetch_sub(1, Ordering::Release) == 1 {
            self.abandon();
        }
    }

    #[cold]
    fn abandon(&self) {
        let (writing, work) = {
            let mut state = self.lock();
            (std::mem::replace(&mut state.writing, Waiters::new()), state.work.take())
        };
        drop(work);
        wake_all(writing);
    }

    #[inline]
    pub(super) fn is_abandoned(&self) -> bool {
        self.awaiters.load(Ordering::Acquire) == 0
    }

    fn abandoned(&self) -> Option<()> {
        self.is_abandoned().then_some(())
    }

    /// Keeps the owner of the task that computes the outcome for as long as anybody waits.
    pub(super) fn keep(&self, work: TaskGroup) {
        let unwanted = {
            let mut state = self.lock();
            match self.is_abandoned() {
                true => Some(work),
                false => state.work.replace(work),
            }
        };
        drop(unwanted);
    }
}

impl<T, E> State<T, E> {
    fn line(&mut self, line: Line) -> &mut Waiters {
        match line {
            Line::Awaiting => &mut self.awaiting,
            Line::Writing => &mut self.writing,
        }
    }
}

/// Without the lock; in the order in which they came.
fn wake_all(mut waiters: Waiters) {
    while let Some(waker) = waiters.notify_one() {
        wake_quietly(waker);
    }
}

fn drop_waker(waker: Option<Waker>) {
    if let Some(waker) = waker {
        drop_quietly(waker);
    }
}
