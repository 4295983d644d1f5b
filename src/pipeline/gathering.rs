//! Stages that gather: batches, debounced and conflated items. The driver of a [`Gather`], in a task of its own.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant as Clock;

use tokio::time::{Instant, Sleep};

use super::error::{OnError, PipelineError};
use super::gather::{Due, Gather, Pushed};
use super::hub::{Hub, Shape};
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
}

impl<S: Segment, G: Gather<In = S::Item>> Gathering<S, G> {
    /// `weigh` tells how many items a result stands for, beside those that were merged into it.
    pub(super) fn hub(stage: Arc<Stage>, weigh: fn(&G::Out) -> u64) -> Arc<Hub<(), G::Out>> {
        // One result waits to be taken while the next is gathered.
        let shape = Shape { workers: 1, intake: usize::MAX, window: 1, spare: 0 };
        Hub::new(stage, shape, Window::weighed(weigh))
    }

    pub(super) async fn run(segment: S, hub: Arc<Hub<(), G::Out>>, gather: G, weigh: fn(&G::Out) -> u64) {
        let (seat, pace, place) = (Seat::first(&hub), Pace::new(1024), hub.stage().place());
        let (pulled, gather) = (VecDeque::new(), Some(gather));
        let mut stage = Self { segment, seat, pulled, pace, gather, place, inside: 0, weigh, sleep: None };
        let failure = poll_fn(|cx| stage.poll_end(cx)).await;
        poll_fn(|cx| stage.poll_flush(cx)).await;
        stage.seat.end(failure);
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
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
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
            if room == 0 {
                // Only the next stage can help now, and it knows.
                return Poll::Pending;
            }
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            if let Some(failure) = self.push() {
                return Poll::Ready(Some(failure));
            }
            match polled {
                Poll::Ready(Halt::End) => return Poll::Ready(None),
                Poll::Ready(Halt::Failed(failure)) => return Poll::Ready(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => {}
                // Who waits for room is called when the stage closes, as well.
                Poll::Pending if is_blocked => return Poll::Pending,
                // A time that has just been set must be polled once, or nobody wakes us for it.
                Poll::Pending if self.is_due(cx) => {}
                Poll::Pending if self.seat.park(cx.waker()) => return Poll::Pending,
                Poll::Pending => return Poll::Ready(None),
            }
            coop.made_progress();
            if begun.elapsed() > Pace::SLICE {
                return poll_yield(cx);
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

    /// Takes in what was pulled; the failure that ends the stage, if there is one.
    fn push(&mut self) -> Option<PipelineError> {
        if self.pulled.is_empty() {
            return None;
        }
        let (came, now) = (self.pulled.len() as u64, Instant::now());
        self.seat.relay(came, None, |_| Vec::new());
        self.inside += came;
        let (mut gone, mut displaced, mut failure) = (Gone::default(), Vec::new(), None);
        while let Some(item) = self.pulled.pop_front() {
            let place = self.place.clone();
            let gather = self.gather();
            match catch(&place, || gather.push(item, now)) {
                Ok(Pushed::Kept) => {}
                Ok(Pushed::Merged) => gone.merged += 1,
                Ok(Pushed::Displaced(item)) => displaced.push(item),
                Err(panicked) => {
                    gone.failed += 1;
                    failure = self.seat.stage().clone().panicked_with(panicked);
                    if self.seat.stage().policy() == OnError::Reset {
                        let lost = self.gather().reset();
                        gone.failed += lost.iter().map(self.weigh).sum::<u64>();
                        lost.into_iter().for_each(drop_quietly);
                    }
                }
            }
            if failure.is_some() {
                break;
            }
        }
        // What came behind a failure goes nowhere; it is counted when the stage is dropped.
        self.pulled.drain(..).for_each(drop_quietly);
        gone.displaced = displaced.len() as u64;
        self.inside -= gone.displaced + gone.merged + gone.failed;
        self.seat.gone(&gone);
        displaced.into_iter().for_each(drop_quietly);
        failure
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
        drop_quietly(self.gather.take());
    }
}
