//! A stage that does no work on its items but keeps them: a buffer, in a task of its own.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::error::PipelineError;
use super::hub::{Hub, Shape};
use super::seat::Seat;
use super::segment::{Chain, Halt, Pace, Segment, poll_guarded, poll_yield};
use super::stage::Stage;
use super::window::{Order, Window};
use crate::error::Full;
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
        self.seat.rise();
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
        let stage = self.seat.stage();
        (refused > 0).then(|| stage.noted(PipelineError::Full(Full::new(stage.place(), capacity))))
    }
}

/// Pulls as many items as there is room for, in one go.
pub(super) fn poll_chunk<S: Chain>(
    segment: &mut S,
    pace: &mut Pace,
    cx: &mut Context<'_>,
    room: usize,
    into: &mut VecDeque<S::Out>,
) -> Poll<Halt> {
    let begun = Instant::now();
    let polled = poll_guarded(segment, cx, pace.size().min(room), &mut |item| {
        into.push_back(item);
        if into.len() < room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    pace.measured(into.len(), begun);
    polled
}
