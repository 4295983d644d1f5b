//! Stages that do no work on their items: a buffer, and batches. One task each.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::error::PipelineError;
use super::hub::{Hub, Shape};
use super::seat::Seat;
use super::segment::{Halt, Pace, Segment, poll_guarded, poll_yield};
use super::stage::Stage;
use super::window::{Order, Window};
use crate::error::{Full, drop_quietly};
use crate::policy::Overflow;

/// Pulls into a bounded buffer, as fast as upstream gives.
pub(super) struct Buffer<S: Segment> {
    segment: S,
    seat: Seat<(), S::Item>,
    pulled: VecDeque<S::Item>,
    pace: Pace,
    capacity: usize,
    overflow: Overflow,
}

impl<S: Segment> Buffer<S> {
    pub(super) fn hub(stage: Arc<Stage>, capacity: usize, overflow: Overflow) -> Arc<Hub<(), S::Item>> {
        // With every policy but waiting, upstream is never held back: one comes in, and one is dropped or refused.
        let spare = usize::from(overflow != Overflow::Wait);
        let shape = Shape { workers: 1, intake: usize::MAX, window: capacity, spare };
        Hub::new(stage, shape, Window::new(Order::Completion))
    }

    pub(super) async fn run(segment: S, hub: Arc<Hub<(), S::Item>>, capacity: usize, overflow: Overflow) {
        let (seat, pace) = (Seat::first(&hub), Pace::new(1024));
        let mut buffer = Self { segment, seat, pulled: VecDeque::new(), pace, capacity, overflow };
        let failure = poll_fn(|cx| buffer.poll_end(cx)).await;
        buffer.seat.end(failure);
    }

    /// Ready at the end of upstream, with the reason.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        let begun = Instant::now();
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let Some(room) = self.seat.room(cx.waker()) else { return Poll::Ready(None) };
            if room == 0 {
                return Poll::Pending;
            }
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            let failure = self.pass_on();
            if failure.is_some() {
                return Poll::Ready(failure);
            }
            match polled {
                Poll::Pending if self.seat.park(cx.waker()) => return Poll::Pending,
                Poll::Pending => return Poll::Ready(None),
                Poll::Ready(Halt::End) => return Poll::Ready(None),
                Poll::Ready(Halt::Failed(failure)) => return Poll::Ready(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => coop.made_progress(),
            }
            if begun.elapsed() > Pace::SLICE {
                return poll_yield(cx);
            }
        }
    }

    fn pass_on(&mut self) -> Option<PipelineError> {
        let (capacity, overflow, accepted) = (self.capacity, self.overflow, self.pulled.len() as u64);
        let mut refused = 0;
        self.seat.relay(accepted, self.pulled.drain(..), |window| match overflow {
            Overflow::Wait => Vec::new(),
            Overflow::DropOldest => window.drop_oldest(capacity),
            Overflow::DropNewest => window.drop_newest(capacity),
            Overflow::Reject => {
                let surplus = window.refuse(capacity);
                refused = surplus.len();
                surplus
            }
        });
        (refused > 0).then(|| PipelineError::Full(Full::new(self.seat.place(), capacity)))
    }
}

/// Gathers items until there are enough, or the first of them has waited long enough.
pub(super) struct Batch<S: Segment> {
    segment: S,
    seat: Seat<(), Vec<S::Item>>,
    pulled: VecDeque<S::Item>,
    pace: Pace,
    size: usize,
    linger: Duration,
    batch: Vec<S::Item>,
    /// When the batch is closed, whatever is in it; set by its first item.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S: Segment> Batch<S> {
    pub(super) fn hub(stage: Arc<Stage>) -> Arc<Hub<(), Vec<S::Item>>> {
        // One batch waits to be taken while the next is gathered.
        let shape = Shape { workers: 1, intake: usize::MAX, window: 1, spare: 0 };
        Hub::new(stage, shape, Window::weighed(|batch: &Vec<S::Item>| batch.len() as u64))
    }

    pub(super) async fn run(segment: S, hub: Arc<Hub<(), Vec<S::Item>>>, size: usize, linger: Duration) {
        let (seat, pace, batch) = (Seat::first(&hub), Pace::new(1024), Vec::new());
        let mut stage = Self { segment, seat, pulled: VecDeque::new(), pace, size, linger, batch, deadline: None };
        let failure = poll_fn(|cx| stage.poll_end(cx)).await;
        poll_fn(|cx| stage.poll_flush(cx)).await;
        stage.seat.end(failure);
    }

    /// Ready at the end of upstream, with the reason; a last batch may be in hand.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        let begun = Instant::now();
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let is_late = self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
            if is_late || self.batch.len() >= self.size {
                // A batch that is closed takes nothing more, also while it waits for room.
                if ready!(self.poll_flush(cx)).is_none() {
                    return Poll::Ready(None);
                }
            }
            let room = self.size - self.batch.len();
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            self.gather();
            match polled {
                Poll::Ready(Halt::End) => return Poll::Ready(None),
                Poll::Ready(Halt::Failed(failure)) => return Poll::Ready(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => {}
                // A deadline that has just been set must be polled once, or nobody wakes us for it.
                Poll::Pending if self.batch.len() >= self.size || self.is_due(cx) => {}
                Poll::Pending if self.seat.park(cx.waker()) => return Poll::Pending,
                Poll::Pending => return Poll::Ready(None),
            }
            coop.made_progress();
            if begun.elapsed() > Pace::SLICE {
                return poll_yield(cx);
            }
        }
    }

    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    fn gather(&mut self) {
        if self.pulled.is_empty() {
            return;
        }
        if self.batch.is_empty() {
            self.deadline = Some(Box::pin(tokio::time::sleep(self.linger)));
        }
        self.seat.relay(self.pulled.len() as u64, None, |_| Vec::new());
        self.batch.extend(self.pulled.drain(..));
    }

    /// Hands the batch over as soon as there is room; `None` when nobody takes it any more.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        if self.batch.is_empty() {
            return Poll::Ready(Some(()));
        }
        match self.seat.room(cx.waker()) {
            None => Poll::Ready(None),
            Some(0) => Poll::Pending,
            Some(_) => {
                self.deadline = None;
                let batch = std::mem::take(&mut self.batch);
                self.seat.relay(0, Some(batch), |_| Vec::new());
                Poll::Ready(Some(()))
            }
        }
    }
}

impl<S: Segment> Drop for Batch<S> {
    fn drop(&mut self) {
        self.seat.lose(self.batch.len() as u64);
        drop_quietly(std::mem::take(&mut self.batch));
    }
}

fn poll_chunk<S: Segment>(
    segment: &mut S,
    pace: &mut Pace,
    cx: &mut Context<'_>,
    room: usize,
    into: &mut VecDeque<S::Item>,
) -> Poll<Halt> {
    let begun = Instant::now();
    let polled = poll_guarded(segment, cx, pace.size().min(room), &mut |item| {
        into.push_back(item);
        if into.len() < room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    pace.measured(into.len(), begun);
    polled
}
