//! A buffer without a task: it runs ahead where upstream has something and downstream is busy.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::AHEAD;
use super::results::{Ledger, Results};
use super::upstream::Upstream;
use crate::error::Full;
use crate::pipeline::error::PipelineError;
use crate::pipeline::segment::{Chain, Halt, Payload, poll_yield};
use crate::pipeline::stage::Stage;
use crate::pipeline::window::{Order, Window};
use crate::policy::Overflow;

pub(super) struct Ahead<S: Chain> {
    upstream: Upstream<S>,
    store: Store<S::Out>,
}

struct Store<O> {
    results: Results<O>,
    capacity: usize,
    overflow: Overflow,
    has_refused: bool,
}

impl<S: Chain> Ahead<S> {
    pub(super) fn new(segment: S, capacity: usize, overflow: Overflow, stage: Arc<Stage>) -> Self {
        let results = Results::new(Window::new(Order::Completion), stage, capacity);
        let store = Store { results, capacity, overflow, has_refused: false };
        Self { upstream: Upstream::new(segment), store }
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.store.results.ledger().clone()
    }

    /// Draws until upstream has nothing or there is no room; ready when the budget ends before that.
    ///
    /// There is always room where something may be dropped for it, and `is_held_up`: the next stage takes nothing now.
    fn poll_fill(&mut self, cx: &mut Context<'_>, budget: &mut usize, is_held_up: bool) -> Poll<()> {
        let Self { upstream, store } = self;
        while upstream.is_open() {
            let is_endless = is_held_up && store.overflow != Overflow::Wait;
            let room = if is_endless { usize::MAX } else { store.capacity.saturating_sub(store.results.held()) };
            if room == 0 {
                upstream.poll_progress(cx);
                break;
            }
            if *budget == 0 {
                return Poll::Ready(());
            }
            let polled = upstream.poll_draw(cx, room, budget, &mut |item| store.put(item));
            if store.has_refused {
                let full = Full::new(store.results.stage().place(), store.capacity);
                let full = store.results.stage().noted(PipelineError::Full(full));
                upstream.end(Some(full));
            }
            if polled.is_pending() {
                break;
            }
        }
        Poll::Pending
    }
}

impl<O> Store<O> {
    fn put(&mut self, item: O) -> ControlFlow<()> {
        let Self { results, capacity, overflow, has_refused } = self;
        results.keep();
        results.add(item);
        let most = *capacity;
        match overflow {
            Overflow::Wait => {}
            Overflow::DropOldest => {
                results.spill(|window| window.drop_oldest(most));
            }
            Overflow::DropNewest => {
                results.spill(|window| window.drop_newest(most));
            }
            Overflow::Reject => *has_refused = results.spill(|window| window.refuse(most)) > 0,
        }
        if *has_refused { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl<S: Chain> Chain for Ahead<S> {
    type Out = S::Out;

    fn poll_run<K>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(S::Out) -> ControlFlow<()>,
    {
        let (mut left, mut budget) = (fuel, fuel);
        let polled = loop {
            let filled = self.poll_fill(cx, &mut budget, false);
            let Self { upstream, store } = self;
            let before = left;
            if store.results.push_on(&mut left, pushed, sink).is_break() {
                break Poll::Ready(Halt::Full);
            }
            if let Some(halt) = store.results.over(!upstream.is_open(), upstream.failure()) {
                break Poll::Ready(halt);
            }
            if left == 0 || filled.is_ready() {
                break Poll::Ready(Halt::Fuel);
            }
            if left == before {
                break Poll::Pending;
            }
        };
        self.store.results.publish(0, 0);
        polled
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        if self.poll_fill(cx, &mut { AHEAD }, true).is_ready() {
            let _ = poll_yield::<()>(cx);
        }
        self.store.results.publish(0, 0);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.store.results.stage().clone()
    }
}

impl<O> Drop for Store<O> {
    fn drop(&mut self) {
        self.results.discard(0);
    }
}
