//! Stages that gather: batches, debounced and conflated items. The driver of a [`Gather`], in a task of its own.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant as Clock;

use tokio::time::{Instant, Sleep};

use super::error::PipelineError;
use super::gather::{Due, Gather, Pushed};
use super::hub::{Hub, Shape};
use super::letters::{Letters, Policy};
use super::on_error::{Failure, OnError};
use super::relay::poll_chunk;
use super::seat::Seat;
use super::segment::{Halt, Pace, Segment, poll_yield};
use super::stage::Stage;
use super::window::{Gone, Window};
use crate::error::{catch, drop_quietly};

/// Gathers items until something of them is to leave.
pub(super) struct Gathering<S: Segment, G: Gather<In = S::Item>> {
    segment: S,
    seat: Seat<(), G::Out>,
    pulled: VecDeque<S::Item>,
    pace: Pace,
    /// Taken only by the drop.
    gather: Option<G>,
    place: Arc<str>,
    /// How many items are with the gather.
    inside: u64,
    weigh: fn(&G::Out) -> u64,
    sleep: Option<Pin<Box<Sleep>>>,
    letters: Letters<S::Item>,
    /// Upstream has ended, for this reason.
    ended: Option<Option<PipelineError>>,
}

impl<S: Segment, G: Gather<In = S::Item>> Gathering<S, G> {
    /// `weigh` tells how many items a result stands for, beside those that were merged into it.
    pub(super) fn hub(stage: Arc<Stage>, weigh: fn(&G::Out) -> u64) -> Arc<Hub<(), G::Out>> {
        // One result waits to be taken while the next is gathered.
        let shape = Shape { workers: 1, intake: usize::MAX, window: 1, spare: 0 };
        Hub::new(stage, shape, Window::weighed(weigh))
    }

    pub(super) fn new(
        segment: S,
        hub: &Arc<Hub<(), G::Out>>,
        gather: G,
        weigh: fn(&G::Out) -> u64,
        on_error: OnError<S::Item>,
    ) -> Self {
        let (seat, pace, place) = (Seat::first(hub), Pace::new(1024), hub.stage().place());
        let (pulled, gather, mut letters) = (VecDeque::new(), Some(gather), Letters::new());
        letters.set(on_error);
        Self { segment, seat, pulled, pace, gather, place, inside: 0, weigh, sleep: None, letters, ended: None }
    }

    pub(super) async fn run(mut self) {
        let failure = poll_fn(|cx| self.poll_end(cx)).await;
        poll_fn(|cx| self.poll_flush(cx)).await;
        self.seat.end(failure);
    }

    fn gather(&mut self) -> &mut G {
        match &mut self.gather {
            Some(gather) => gather,
            None => unreachable!("it is there until the stage is dropped"),
        }
    }

    /// Ready at the end of upstream, with the reason; something may be left inside.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        let begun = Clock::now();
        self.seat.rise();
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let pushed = self.poll_pushed(cx);
            if let Poll::Ready(Some(failure)) = pushed {
                return Poll::Ready(Some(failure));
            }
            if pushed.is_ready()
                && let Some(reason) = self.ended.take()
            {
                return Poll::Ready(reason);
            }
            let mut is_blocked = false;
            if self.is_due(cx) {
                match self.poll_leave(cx) {
                    Poll::Ready(Some(())) => {
                        coop.made_progress();
                        continue;
                    }
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => is_blocked = true,
                }
            }
            let room = self.gather().room(is_blocked);
            // While a letter waits nothing more is pulled; what is due leaves all the same.
            if room == 0 || pushed.is_pending() {
                // Only the next stage can help now, and it knows.
                return Poll::Pending;
            }
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            let came = self.pulled.len() as u64;
            self.seat.relay(came, None, |_| Vec::new());
            self.inside += came;
            match polled {
                Poll::Ready(Halt::End) => self.ended = Some(None),
                Poll::Ready(Halt::Failed(failure)) => self.ended = Some(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => {}
                Poll::Pending if came > 0 => {}
                // Who waits for room is called when the stage closes, as well.
                Poll::Pending if is_blocked => return Poll::Pending,
                Poll::Pending if self.seat.park(cx.waker()) => return Poll::Pending,
                Poll::Pending => return Poll::Ready(None),
            }
            coop.made_progress();
            if begun.elapsed() > Pace::SLICE {
                return poll_yield(cx);
            }
        }
    }

    /// Pushes what was pulled, and waits where the dead letter of an item does; the failure that ends the stage, if there is
    /// one.
    fn poll_pushed(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        loop {
            if let Some(failure) = ready!(self.letters.poll_sent(cx)) {
                return Poll::Ready(Some(self.seat.stage().noted(failure)));
            }
            if self.pulled.is_empty() {
                return Poll::Ready(None);
            }
            if let Some(failure) = self.push() {
                return Poll::Ready(Some(failure));
            }
        }
    }

    /// Whether something is to leave now; otherwise the waker is registered for when it is.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        match self.gather().due() {
            Due::Now => true,
            Due::Last | Due::Never => false,
            Due::At(time) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(time)));
                if sleep.deadline() != time {
                    sleep.as_mut().reset(time);
                }
                sleep.as_mut().poll(cx).is_ready()
            }
        }
    }

    /// Pushes what was pulled, as far as no letter has to wait; the failure that ends the stage, if there is one.
    fn push(&mut self) -> Option<PipelineError> {
        let (now, mut gone, mut displaced, mut failure) = (Instant::now(), Gone::default(), Vec::new(), None);
        while failure.is_none() && !self.letters.is_sending() {
            let Some(item) = self.pulled.pop_front() else { break };
            let Self { gather, letters, place, .. } = self;
            let Some(gather) = gather else { unreachable!("it is there until the stage is dropped") };
            let pushed = catch(place, || {
                letters.keep(&item);
                gather.push(item, now)
            });
            match pushed {
                Ok(Pushed::Kept) => {}
                Ok(Pushed::Merged) => gone.merged += 1,
                Ok(Pushed::Displaced(item)) => displaced.push(item),
                Err(panicked) => {
                    gone.failed += 1;
                    failure = self.letters.failed(&self.seat.stage().clone(), Failure::Panicked(panicked));
                    gone.failed += self.reset();
                }
            }
        }
        self.letters.forget();
        if failure.is_some() {
            // What came behind goes nowhere; it is counted when the stage is dropped.
            self.pulled.drain(..).for_each(drop_quietly);
        }
        gone.displaced = displaced.len() as u64;
        self.inside -= gone.displaced + gone.merged + gone.failed;
        self.seat.gone(&gone);
        displaced.into_iter().for_each(drop_quietly);
        failure
    }

    /// Begins anew, if that is the policy; tells how many items go with what was there.
    fn reset(&mut self) -> u64 {
        if !self.letters.is_reset() {
            return 0;
        }
        let (lost, weigh) = (self.gather().reset(), self.weigh);
        let items = lost.iter().map(weigh).sum();
        lost.into_iter().for_each(drop_quietly);
        items
    }

    /// Hands over what is due as soon as there is room; `None` when nobody takes it any more.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        match self.seat.room(cx.waker()) {
            None => Poll::Ready(None),
            Some(0) => Poll::Pending,
            Some(_) => {
                let left = self.gather().take();
                self.inside -= left.iter().map(self.weigh).sum::<u64>();
                self.seat.relay(0, left, |_| Vec::new());
                Poll::Ready(Some(()))
            }
        }
    }

    /// Hands over everything that is left, at the end.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.gather().due() != Due::Never {
            if ready!(self.poll_leave(cx)).is_none() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: Segment, G: Gather<In = S::Item>> Drop for Gathering<S, G> {
    fn drop(&mut self) {
        self.seat.lose(self.inside);
        self.pulled.drain(..).for_each(drop_quietly);
        drop_quietly(self.gather.take());
    }
}
