//! The upstream end of a concurrent stage: a segment, shared by workers of which one at a time pulls.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::loom::Mutex;
use super::seat::{Next, Seat};
use super::segment::{Halt, Pace, Segment, poll_guarded, poll_yield};
use super::window::Outcome;
use crate::error::drop_quietly;

pub(super) struct Intake<S: Segment> {
    /// Only the worker that the hub has told to pull locks this, so it is never waited for. `None` when the stage is
    /// over: whatever the segment holds is let go as soon as it is of no more use.
    puller: Mutex<Option<Puller<S>>>,
}

struct Puller<S: Segment> {
    segment: S,
    pulled: VecDeque<S::Item>,
    pace: Pace,
}

/// What the hub had for a worker.
pub(super) struct Found<I> {
    pub(super) sequence: u64,
    pub(super) item: I,
    /// The number of a worker to hire.
    pub(super) hire: Option<usize>,
}

impl<S: Segment> Intake<S> {
    pub(super) fn new(segment: S) -> Self {
        // No more than this many without a look at the clock; the hub asks for less most of the time.
        let puller = Puller { segment, pulled: VecDeque::new(), pace: Pace::new(1024) };
        Self { puller: Mutex::new(Some(puller)) }
    }

    /// Reports what is finished and finds the next item, pulling if it is this worker's turn to.
    ///
    /// `None` is the end.
    pub(super) fn poll_next<O>(
        &self,
        cx: &mut Context<'_>,
        seat: &mut Seat<S::Item, O>,
        finished: &mut Vec<(u64, Outcome<O>)>,
    ) -> Poll<Option<Found<S::Item>>> {
        loop {
            if let Some(room) = seat.pulling() {
                ready!(self.poll_pull(cx, seat, room));
            }
            let (next, hire) = seat.turn(finished.drain(..), cx.waker());
            match next {
                Next::Work(sequence, item) => return Poll::Ready(Some(Found { sequence, item, hire })),
                Next::Pull => {}
                Next::Idle => return Poll::Pending,
                Next::Over => {
                    self.release();
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// Pulls up to `room` items and brings them to the hub. Pending while upstream has nothing.
    fn poll_pull<O>(&self, cx: &mut Context<'_>, seat: &mut Seat<S::Item, O>, room: usize) -> Poll<()> {
        let mut spent = Duration::ZERO;
        loop {
            // Pulling is work of its own where upstream filters: it has to yield like any other.
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let mut slot = self.puller.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(Puller { segment, pulled, pace }) = slot.as_mut() else {
                seat.pulled(&mut VecDeque::new(), Some(Halt::End));
                return Poll::Ready(());
            };
            let (fuel, begun) = (pace.size().min(room), Instant::now());
            let polled = poll_guarded(segment, cx, fuel, &mut |item| {
                pulled.push_back(item);
                if pulled.len() < room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            spent += pace.measured(pulled.len().max(1), begun);
            let halt = match polled {
                Poll::Pending if pulled.is_empty() => {
                    if !seat.park(cx.waker()) {
                        return Poll::Ready(());
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Halt::Fuel) if pulled.is_empty() => {
                    coop.made_progress();
                    if spent > Pace::SLICE {
                        return poll_yield(cx);
                    }
                    continue;
                }
                Poll::Pending => None,
                Poll::Ready(halt) => Some(halt),
            };
            coop.made_progress();
            seat.pulled(pulled, halt);
            return Poll::Ready(());
        }
    }

    /// Lets the segment go, unless a worker is pulling from it: that one will find the stage closed.
    fn release(&self) {
        let Ok(mut slot) = self.puller.try_lock() else { return };
        let puller = slot.take();
        drop(slot);
        if let Some(Puller { segment, pulled, .. }) = puller {
            drop_quietly(segment);
            drop_quietly(pulled);
        }
    }
}
