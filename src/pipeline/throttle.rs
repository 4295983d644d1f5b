//! A stage that lets items pass at a rate. It pulls no item that may not pass yet.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

use super::error::PipelineError;
use super::gather::Bucket;
use super::hub::{Hub, Shape};
use super::relay::poll_chunk;
use super::seat::Seat;
use super::segment::{Halt, Pace, Segment};
use super::stage::Stage;
use super::window::{Order, Window};
use crate::policy::Rate;

/// How many items that have passed may wait to be taken.
const WAITING: usize = 16;

pub(super) struct Throttle<S: Segment> {
    segment: S,
    seat: Seat<(), S::Item>,
    pulled: VecDeque<S::Item>,
    pace: Pace,
    bucket: Bucket,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S: Segment> Throttle<S> {
    pub(super) fn hub(stage: Arc<Stage>) -> Arc<Hub<(), S::Item>> {
        let shape = Shape { workers: 1, intake: usize::MAX, window: WAITING, spare: 0 };
        Hub::new(stage, shape, Window::new(Order::Completion))
    }

    pub(super) async fn run(segment: S, hub: Arc<Hub<(), S::Item>>, rate: Rate) {
        let (seat, pace) = (Seat::first(&hub), Pace::new(WAITING));
        let bucket = Bucket::new(rate.interval(), rate.burst_limit());
        let mut throttle = Self { segment, seat, pulled: VecDeque::new(), pace, bucket, sleep: None };
        let failure = poll_fn(|cx| throttle.poll_end(cx)).await;
        throttle.seat.end(failure);
    }

    /// Ready at the end of upstream, with the reason.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        self.seat.rise();
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let Some(room) = self.seat.room(cx.waker()) else { return Poll::Ready(None) };
            if room == 0 {
                return Poll::Pending;
            }
            let allowed = self.bucket.allowed(Instant::now());
            if allowed == 0 {
                // Who waits for the clock is called when the stage closes, as one who pulls.
                if !self.seat.pause(cx.waker()) {
                    return Poll::Ready(None);
                }
                ready!(self.poll_next(cx));
                continue;
            }
            let room = room.min(allowed);
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            self.bucket.pass(self.pulled.len(), Instant::now());
            self.seat.relay(self.pulled.len() as u64, self.pulled.drain(..), |_| Vec::new());
            match polled {
                Poll::Pending if self.seat.park(cx.waker()) => return Poll::Pending,
                Poll::Pending | Poll::Ready(Halt::End) => return Poll::Ready(None),
                Poll::Ready(Halt::Failed(failure)) => return Poll::Ready(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => coop.made_progress(),
            }
        }
    }

    /// Waits until the next item may pass.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.bucket.next() else { return Poll::Ready(()) };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(time)));
        if sleep.deadline() != time {
            sleep.as_mut().reset(time);
        }
        sleep.as_mut().poll(cx)
    }
}
