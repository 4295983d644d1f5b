//! What is in work in an inline stage, and what comes of it: order, places, keys and policies as in a stage with workers.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::attempt::{Again, Attempt, Ended, Limited, Pause, Resumed, Ticket};
use super::results::Results;
use super::slots::Slots;
use crate::error::{Elapsed, Panicked, catch, drop_quietly};
use crate::pipeline::concurrency::Layout;
use crate::pipeline::hub::Shape;
use crate::pipeline::keys::{Line, Lines, Mark, Ready, Refusal};
use crate::pipeline::on_error::{Failure, Verdict};
use crate::pipeline::rules::Rules;
use crate::pipeline::segment::Payload;
use crate::pipeline::stage::Stage;
use crate::pipeline::window::{Outcome, Window};

pub(super) struct Crew<I, F, Fut, U> {
    work: F,
    pub(super) rules: Rules<I>,
    running: Slots<I, Fut>,
    /// Between two attempts, or behind the last; empty most times.
    paused: FuturesUnordered<Pause<I>>,
    /// Free to be worked on.
    ready: VecDeque<Ready<I>>,
    lines: Lines<I>,
    cap: usize,
    pub(super) results: Results<U>,
    shape: Shape,
    /// An item has failed, and nothing more is started.
    pub(super) has_failed: bool,
}

impl<I, F, Fut, U> Crew<I, F, Fut, U> {
    pub(super) fn new<H>(work: F, layout: &Layout<H>, stage: Arc<Stage>) -> Self {
        let (shape, cap) = (layout.shape, layout.cap);
        Self {
            work,
            rules: Rules::default(),
            running: Slots::new(),
            paused: FuturesUnordered::new(),
            ready: VecDeque::new(),
            lines: Lines::new(cap),
            cap,
            results: Results::new(Window::new(layout.order), stage, shape.window),
            shape,
            has_failed: false,
        }
    }

    /// How many items may be drawn.
    pub(super) fn room(&self) -> usize {
        self.shape.room(self.busy() + self.ready.len(), self.results.held())
    }

    pub(super) fn busy(&self) -> usize {
        self.running.len() + self.paused.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy() == 0 && self.ready.is_empty()
    }

    pub(super) fn publish(&self) {
        self.results.publish(self.busy(), self.lines.waiting());
    }

    /// An attempt has ended.
    #[inline]
    fn ended(&mut self, ticket: Ticket<I>, ended: Ended<U>) {
        let Ended::Returned(Ok(result)) = ended else { return self.went_wrong(ticket, ended) };
        if let Some(kept) = ticket.kept {
            drop_quietly(kept);
        }
        self.results.settle(ticket.mark.sequence, Outcome::Done(result));
        self.next_of(ticket.mark);
    }

    #[cold]
    fn went_wrong(&mut self, mut ticket: Ticket<I>, ended: Ended<U>) {
        let stage = self.results.stage();
        let failure = match ended {
            Ended::Returned(Ok(_)) => return,
            Ended::Returned(Err(error)) => Failure::Error(error),
            Ended::Panicked(payload) => Failure::Panicked(Panicked::from_payload(stage.place(), payload)),
            Ended::Elapsed => {
                Failure::Error(Elapsed::new(stage.place(), self.rules.timeout.unwrap_or_default()).into())
            }
        };
        let mut again = ticket.again.take().unwrap_or_else(|| Box::new(Again { attempts: 1, delays: None }));
        let delay = self.rules.delay(stage, &failure, &mut again.delays);
        match (delay, ticket.kept.take()) {
            // A runtime may have no timers.
            (Some(delay), Some(item)) => match catch(&stage.place(), || tokio::time::sleep(delay)) {
                Ok(pause) => {
                    drop_quietly(failure);
                    again.attempts += 1;
                    ticket.again = Some(again);
                    self.paused.push(Pause::retry(pause, ticket, item));
                }
                Err(panicked) => self.fail(ticket.mark, Failure::Panicked(panicked), Some(item), again.attempts),
            },
            (_, kept) => self.fail(ticket.mark, failure, kept, again.attempts),
        }
    }

    /// The policy's word on an item.
    fn fail(&mut self, mark: Mark, failure: Failure, kept: Option<I>, attempts: u32) {
        match self.rules.on_error.judge(self.results.stage(), failure, kept, attempts) {
            Verdict::Stop(error) => self.record(mark, Outcome::Failed(Box::new(error))),
            Verdict::Skip => self.record(mark, Outcome::Skipped),
            Verdict::Wait(sending) => self.paused.push(Pause::Letter(sending, mark)),
        }
    }

    /// An item is done with: the next of its key is ready.
    #[inline]
    fn next_of(&mut self, mark: Mark) {
        if let Some(key) = mark.line {
            self.ready.extend(self.lines.leave(key));
        }
    }

    fn record(&mut self, mark: Mark, outcome: Outcome<U>) {
        let is_failure = matches!(outcome, Outcome::Failed(_));
        self.results.settle(mark.sequence, outcome);
        self.next_of(mark);
        if is_failure {
            self.has_failed = true;
            let unstarted = self.ready.drain(..).chain(self.lines.clear());
            for Ready { mark, item, .. } in unstarted {
                self.results.unstarted(mark.sequence);
                drop_quietly(item);
            }
        }
    }
}

impl<I, F, Fut, U> Crew<I, F, Fut, U>
where
    F: FnMut(I) -> Fut,
    Fut: Future<Output = Result<U, crate::error::BoxError>>,
{
    /// Takes an item in, and begins to work on it if it does not wait for another.
    pub(super) fn admit(&mut self, item: I, sorted: Result<Line, Payload>) {
        let sequence = self.results.admit();
        let (line, refusal) = match sorted {
            Ok(None) => {
                let mark = Mark { sequence, line: None };
                return self.start(Ready { mark, item, refusal: Refusal::None });
            }
            Ok(line) => (line, Refusal::None),
            Err(payload) => {
                let panicked = Panicked::from_payload(self.results.stage().place(), payload);
                (None, Refusal::Panicked(Box::new(panicked)))
            }
        };
        let mark = Mark { sequence, line };
        if let Some(ready) = self.lines.join(Ready { mark, item, refusal }) {
            self.start(ready);
        }
    }

    /// Begins to work on what is ready.
    pub(super) fn start_ready(&mut self) {
        while let Some(ready) = self.ready.pop_front() {
            self.start(ready);
        }
    }

    pub(super) fn start(&mut self, Ready { mark, item, refusal }: Ready<I>) {
        let Refusal::None = refusal else { return self.refuse(mark, item, refusal) };
        if self.rules.retry.is_some() {
            self.results.stage().attempted();
        }
        self.attempt(Ticket { mark, kept: None, again: None }, item);
    }

    #[cold]
    fn refuse(&mut self, mark: Mark, item: I, refusal: Refusal) {
        let place = self.results.stage().place();
        let kept = catch(&place, || self.rules.on_error.keep(&item)).unwrap_or(None);
        drop_quietly(item);
        if let Some(failure) = refusal.failure(&place, self.cap) {
            self.fail(mark, failure, kept, 0);
        }
    }

    fn attempt(&mut self, mut ticket: Ticket<I>, item: I) {
        let Self { work, rules, .. } = self;
        let called = catch_unwind(AssertUnwindSafe(|| {
            ticket.kept = rules.keep(&item);
            // In here, since a runtime may have no timers.
            Limited::new(work(item), rules.timeout)
        }));
        match called {
            Ok(future) => {
                let slot = self.running.put(Attempt::new(ticket, future));
                // At once: many are ready, and the others have to be polled before anybody can wake them.
                self.poll(slot);
            }
            Err(payload) => self.ended(ticket, Ended::Panicked(payload)),
        }
    }

    #[inline]
    fn poll(&mut self, slot: usize) {
        if let Poll::Ready((ticket, ended)) = self.running.poll(slot) {
            self.ended(ticket, ended);
        }
    }

    /// Polls what was woken. Ready when `most` were polled before that: one that wakes itself is always woken.
    pub(super) fn poll_running(&mut self, cx: &mut Context<'_>, most: &mut usize) -> Poll<()> {
        loop {
            if !self.has_failed {
                self.start_ready();
            }
            // First what has waited: what is woken again and again must not keep it from its turn.
            let resumed = if self.paused.is_empty() { Poll::Pending } else { self.paused.poll_next_unpin(cx) };
            match resumed {
                Poll::Ready(Some(Resumed::Again(ticket, item))) => self.attempt(ticket, item),
                Poll::Ready(Some(Resumed::Settled(mark, None))) => self.record(mark, Outcome::Skipped),
                Poll::Ready(Some(Resumed::Settled(mark, Some(error)))) => {
                    let error = self.results.stage().noted(error);
                    self.record(mark, Outcome::Failed(Box::new(error)));
                }
                Poll::Ready(None) | Poll::Pending => match self.running.next_woken(cx) {
                    Some(slot) => self.poll(slot),
                    None => return Poll::Pending,
                },
            }
            *most -= 1;
            if *most == 0 {
                return Poll::Ready(());
            }
        }
    }
}

impl<I, F, Fut, U> Drop for Crew<I, F, Fut, U> {
    fn drop(&mut self) {
        let unstarted: Vec<_> = self.ready.drain(..).chain(self.lines.clear()).collect();
        let inside = self.busy() + unstarted.len();
        unstarted.into_iter().for_each(drop_quietly);
        self.results.discard(inside as u64);
    }
}
