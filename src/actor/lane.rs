//! What comes to an actor from its own helpers, past the mailbox: answers of pipes, news of those it watches.
//!
//! It needs no bound of its own: it holds at most one message for each pipe and each watch that the actor has begun.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::head::INNER;
use super::here::Fate;
use super::reason::StopReason;
use super::shared::Shared;
use super::watch::WatchId;
use crate::error::{Panicked, drop_quietly};

pub(super) struct Lane<M> {
    shared: Arc<Shared<M>>,
    state: Mutex<State<M>>,
}

struct State<M> {
    queue: VecDeque<News<M>>,
    /// Pipes that have brought nothing yet.
    pipes: usize,
    /// How the incarnation has ended.
    closed: Option<StopReason>,
}

pub(super) enum News<M> {
    /// Of a pipe.
    Piped(M),
    /// A pipe's code has panicked.
    Panicked(Panicked),
    /// A watched actor has ended; the closure makes the message.
    Ended(WatchId, Box<dyn FnOnce() -> M + Send>),
}

impl<M: Send + 'static> Lane<M> {
    pub(super) fn new(shared: Arc<Shared<M>>) -> Self {
        Self { shared, state: Mutex::new(State { queue: VecDeque::new(), pipes: 0, closed: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pipe begins; it counts until the end is dropped.
    pub(super) fn pipe(self: &Arc<Self>) -> PipeEnd<M> {
        self.lock().pipes += 1;
        PipeEnd { lane: self.clone() }
    }

    pub(super) fn push(&self, news: News<M>) {
        let closed = {
            let mut state = self.lock();
            match &state.closed {
                None => {
                    state.queue.push_back(news);
                    drop(state);
                    return self.shared.head.raise(INNER);
                }
                Some(reason) => reason.clone(),
            }
        };
        match news {
            News::Piped(msg) => self.shared.undeliver(Fate::Killed(closed), msg),
            news => drop_quietly(news),
        }
    }

    pub(super) fn pop(&self) -> Option<News<M>> {
        let mut state = self.lock();
        let news = state.queue.pop_front();
        if state.queue.is_empty() {
            // Under the lock: whoever pushes next raises it again.
            self.shared.head.lower(INNER);
        }
        news
    }

    /// Tells whether nothing is there and nothing will come from a pipe.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.pipes == 0 && state.queue.is_empty()
    }

    /// Takes back what was not looked at yet of a watch.
    pub(super) fn forget(&self, watch: WatchId) {
        let forgotten = {
            let mut state = self.lock();
            let at = state.queue.iter().position(|news| matches!(news, News::Ended(id, _) if *id == watch));
            at.and_then(|at| state.queue.remove(at))
        };
        drop(forgotten);
    }

    /// Takes nothing more, and gives what was not handled.
    pub(super) fn close(&self, reason: &StopReason) -> VecDeque<News<M>> {
        let mut state = self.lock();
        state.closed = Some(reason.clone());
        self.shared.head.lower(INNER);
        std::mem::take(&mut state.queue)
    }
}

/// The end of a pipe that brings something, once.
pub(super) struct PipeEnd<M: Send + 'static> {
    lane: Arc<Lane<M>>,
}

impl<M: Send + 'static> PipeEnd<M> {
    pub(super) fn bring(self, news: News<M>) {
        self.lane.push(news);
    }
}

impl<M: Send + 'static> Drop for PipeEnd<M> {
    fn drop(&mut self) {
        self.lane.lock().pipes -= 1;
        // It may be what the actor's end has waited for.
        self.lane.shared.head.wake();
    }
}
