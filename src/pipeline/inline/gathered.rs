//! Stages that gather, without a task: the driver of a [`Gather`] that is polled by whoever takes the results.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use super::AHEAD;
use super::results::{Ledger, Results};
use super::upstream::Upstream;
use crate::error::drop_quietly;
use crate::pipeline::builder::Fallible;
use crate::pipeline::error::PipelineError;
use crate::pipeline::gather::{Due, Gather, Pushed};
use crate::pipeline::letters::{Letters, Policy};
use crate::pipeline::on_error::OnError;
use crate::pipeline::outlet::Worked;
use crate::pipeline::segment::{Chain, Halt, Payload, poll_yield};
use crate::pipeline::stage::Stage;
use crate::pipeline::window::{Gone, Window};

/// `K` is [`Worked`] where closures can fail.
pub(super) struct Gathered<S, G: Gather, K> {
    upstream: Upstream<S>,
    hoard: Hoard<G>,
    sleep: Option<Pin<Box<Sleep>>>,
    kind: std::marker::PhantomData<fn() -> K>,
}

struct Hoard<G: Gather> {
    gather: G,
    /// One result waits to be taken while the next is gathered.
    results: Results<G::Out>,
    /// How many items are with the gather.
    inside: u64,
    /// How many items a result stands for, beside those that were merged into it.
    weigh: fn(&G::Out) -> u64,
    failure: Option<PipelineError>,
    letters: Letters<G::In>,
}

impl<S: Chain, G: Gather<In = S::Out>, K> Gathered<S, G, K> {
    pub(super) fn new(segment: S, gather: G, weigh: fn(&G::Out) -> u64, stage: Arc<Stage>) -> Self {
        let results = Results::new(Window::weighed(weigh), stage, 1);
        let hoard = Hoard { gather, results, inside: 0, weigh, failure: None, letters: Letters::new() };
        Self { upstream: Upstream::new(segment), hoard, sleep: None, kind: std::marker::PhantomData }
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.hoard.results.ledger().clone()
    }

    /// Gathers until upstream has nothing or what is due cannot leave; ready when the budget ends before that.
    ///
    /// While results `are_wanted`, the first that is there is the end: a value of `conflate` goes on by itself then.
    fn poll_gather(&mut self, cx: &mut Context<'_>, budget: &mut usize, are_wanted: bool) -> Poll<()> {
        loop {
            let mut is_blocked = false;
            while !is_blocked && self.is_due(cx) {
                is_blocked = !self.hoard.leave();
            }
            let Self { upstream, hoard, .. } = self;
            match hoard.letters.poll_sent(cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(failure)) => {
                    let failure = hoard.results.stage().noted(failure);
                    upstream.end(Some(failure));
                }
                Poll::Pending => {
                    upstream.poll_progress(cx);
                    return Poll::Pending;
                }
            }
            if !upstream.is_open() || (are_wanted && hoard.results.has_any()) {
                return Poll::Pending;
            }
            let room = hoard.gather.room(is_blocked);
            if room == 0 {
                upstream.poll_progress(cx);
                return Poll::Pending;
            }
            if *budget == 0 {
                return Poll::Ready(());
            }
            let now = Instant::now();
            let polled = upstream.poll_draw(cx, room, budget, &mut |item| hoard.push(item, now));
            if let Some(failure) = hoard.failure.take() {
                upstream.end(Some(failure));
            }
            // A time that has just been set must be polled once, or nobody wakes us for it.
            if polled.is_pending() && (is_blocked || !self.is_due(cx)) {
                return Poll::Pending;
            }
        }
    }

    /// Whether something is to leave now; otherwise the waker is registered for when it is.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        match self.hoard.gather.due() {
            Due::Now => true,
            Due::Never => false,
            _ if !self.upstream.is_open() => true,
            Due::Last => false,
            Due::At(time) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(time)));
                if sleep.deadline() != time {
                    sleep.as_mut().reset(time);
                }
                sleep.as_mut().poll(cx).is_ready()
            }
        }
    }
}

impl<G: Gather> Hoard<G> {
    /// Takes one item in; breaks with a failure.
    fn push(&mut self, item: G::In, now: Instant) -> ControlFlow<()> {
        self.results.keep();
        self.inside += 1;
        let mut gone = Gone::default();
        let Self { gather, letters, .. } = self;
        let pushed = catch_unwind(AssertUnwindSafe(|| {
            letters.keep(&item);
            gather.push(item, now)
        }));
        match pushed {
            Ok(Pushed::Kept) => {}
            Ok(Pushed::Merged) => gone.merged = 1,
            Ok(Pushed::Displaced(item)) => {
                gone.displaced = 1;
                drop_quietly(item);
            }
            Err(payload) => gone.failed = 1 + self.panicked(payload),
        }
        self.inside -= gone.displaced + gone.merged + gone.failed;
        self.results.gone(&gone);
        self.letters.forget();
        let goes_on = self.failure.is_none() && !self.letters.is_sending();
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Meets a panic on an item; tells how many others went with it.
    fn panicked(&mut self, payload: Payload) -> u64 {
        self.failure = self.letters.panicked(self.results.stage(), payload);
        if !self.letters.is_reset() {
            return 0;
        }
        let lost = self.gather.reset();
        let weight = lost.iter().map(self.weigh).sum();
        lost.into_iter().for_each(drop_quietly);
        weight
    }

    /// Lets go what is due; tells whether there was room for it.
    fn leave(&mut self) -> bool {
        if self.results.held() > 0 {
            return false;
        }
        if let Some(result) = self.gather.take() {
            self.inside -= self.results.add(result);
        }
        true
    }
}

impl<S: Chain, G: Gather<In = S::Out>, K> Chain for Gathered<S, G, K> {
    type Out = G::Out;

    fn poll_run<P>(&mut self, cx: &mut Context<'_>, fuel: usize, pushed: &mut u64, sink: &mut P) -> Poll<Halt>
    where
        P: FnMut(G::Out) -> ControlFlow<()>,
    {
        let (mut left, mut budget) = (fuel, fuel);
        let polled = loop {
            let gathered = self.poll_gather(cx, &mut budget, true);
            let Self { upstream, hoard, .. } = self;
            let before = left;
            if hoard.results.push_on(&mut left, pushed, sink).is_break() {
                break Poll::Ready(Halt::Full);
            }
            let is_idle = !upstream.is_open() && hoard.gather.due() == Due::Never && !hoard.letters.is_sending();
            if let Some(halt) = hoard.results.over(is_idle, upstream.failure()) {
                break Poll::Ready(halt);
            }
            if left == 0 || gathered.is_ready() {
                break Poll::Ready(Halt::Fuel);
            }
            if left == before {
                break Poll::Pending;
            }
        };
        self.hoard.results.publish(0, 0);
        polled
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        if self.poll_gather(cx, &mut { AHEAD }, false).is_ready() {
            let _ = poll_yield::<()>(cx);
        }
        self.hoard.results.publish(0, 0);
    }

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.hoard.results.stage().clone()
    }
}

impl<G: Gather> Drop for Hoard<G> {
    fn drop(&mut self) {
        self.results.discard(self.inside);
    }
}

impl<S, G: Gather> Fallible for Gathered<S, G, Worked<G::In>> {
    type Input = G::In;

    type Handled = Self;

    fn handled(mut self, on_error: OnError<G::In>) -> Self {
        self.hoard.letters.set(on_error);
        self
    }
}
