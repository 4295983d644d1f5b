//! The upstream end of a concurrent stage: a segment, shared by workers of which one at a time pulls.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::keys::{Line, Mark, Ready, Refusal, Sort, Unsorted};
use super::loom::Mutex;
use super::seat::{Next, Seat};
use super::segment::{Halt, Pace, Segment, poll_guarded, poll_yield};
use super::window::Outcome;
use crate::error::{catch, drop_quietly};

pub(super) struct Intake<S: Segment, H = Unsorted> {
    /// Only the worker that the hub has told to pull locks this, so it is never waited for. `None` when the stage is
    /// over: whatever the segment holds is let go as soon as it is of no more use.
    puller: Mutex<Option<Puller<S, H>>>,
    /// For panics of what sorts.
    place: Arc<str>,
}

struct Puller<S: Segment, H> {
    segment: S,
    sort: H,
    pulled: VecDeque<S::Item>,
    /// The lines of those items, where any of them stands in one.
    lines: VecDeque<(Line, Refusal)>,
    pace: Pace,
}

/// What the hub had for a worker.
pub(super) struct Found<I> {
    pub(super) ready: Ready<I>,
    /// The number of a worker to hire.
    pub(super) hire: Option<usize>,
}

impl<S: Segment, H: Sort<S::Item>> Intake<S, H> {
    pub(super) fn new(segment: S, sort: H, place: Arc<str>) -> Self {
        // No more than this many without a look at the clock; the hub asks for less most of the time.
        let (pulled, lines) = (VecDeque::new(), VecDeque::new());
        let puller = Puller { segment, sort, pulled, lines, pace: Pace::new(1024) };
        Self { puller: Mutex::new(Some(puller)), place }
    }

    /// Reports what is finished and finds the next item, pulling if it is this worker's turn to.
    ///
    /// `None` is the end.
    pub(super) fn poll_next<O>(
        &self,
        cx: &mut Context<'_>,
        seat: &mut Seat<S::Item, O>,
        finished: &mut Vec<(Mark, Outcome<O>)>,
    ) -> Poll<Option<Found<S::Item>>> {
        loop {
            if let Some(room) = seat.pulling() {
                ready!(self.poll_pull(cx, seat, room));
            }
            let (next, hire) = seat.turn(finished.drain(..), cx.waker());
            match next {
                Next::Work(ready) => return Poll::Ready(Some(Found { ready, hire })),
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
        seat.rise();
        loop {
            // Pulling is work of its own where upstream filters: it has to yield like any other.
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            let mut slot = self.puller.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(puller) = slot.as_mut() else {
                seat.pulled(&mut VecDeque::new(), &mut VecDeque::new(), Some(Halt::End));
                return Poll::Ready(());
            };
            let Puller { segment, pulled, pace, .. } = puller;
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
            puller.sort(&self.place);
            seat.pulled(&mut puller.pulled, &mut puller.lines, halt);
            return Poll::Ready(());
        }
    }

    /// Lets the segment go, unless a worker is pulling from it: that one will find the stage closed.
    fn release(&self) {
        let Ok(mut slot) = self.puller.try_lock() else { return };
        let puller = slot.take();
        drop(slot);
        if let Some(Puller { segment, sort, pulled, .. }) = puller {
            drop_quietly(segment);
            drop_quietly(sort);
            drop_quietly(pulled);
        }
    }
}

impl<S: Segment, H: Sort<S::Item>> Puller<S, H> {
    /// Finds the lines of what was pulled: with the user's code, so before the hub is locked.
    fn sort(&mut self, place: &Arc<str>) {
        let Self { sort, pulled, lines, .. } = self;
        if <H as Sort<S::Item>>::IS_TRIVIAL {
            return;
        }
        for item in &*pulled {
            lines.push_back(match catch(place, || sort.sort(item)) {
                Ok(line) => (line, Refusal::None),
                Err(panicked) => (None, Refusal::Panicked(Box::new(panicked))),
            });
        }
    }
}
