//! A stage with several branches: the trunk's task, which fills a bounded buffer for each.
//!
//! It pulls only what there is room for, wherever it goes. So nothing is in its hands while it waits, and where it is
//! stopped, everything is in a branch.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use super::error::PipelineError;
use super::hub::{Hub, Shape};
use super::relay::poll_chunk;
use super::routes::Route;
use super::seat::Seat;
use super::segment::{Halt, Pace, Segment, poll_yield};

/// Pulls for several branches.
pub(super) struct Split<S: Segment, R: Route> {
    segment: S,
    seats: Vec<Seat<(), R::Item>>,
    /// How many items each branch has room for; `None` for one that was dropped.
    rooms: Vec<Option<usize>>,
    pulled: VecDeque<S::Item>,
    /// What was pulled, for each branch. Empty but for a moment.
    dealt: Vec<VecDeque<R::Item>>,
    pace: Pace,
    route: R,
    reach: Reach,
}

/// How far the branches may be behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) capacity: usize,
    /// Whoever is further behind loses its oldest items, rather than holding up the others.
    pub(super) is_lossy: bool,
}

impl Reach {
    pub(super) fn shape(self) -> Shape {
        Shape { workers: 1, intake: usize::MAX, window: self.capacity, spare: usize::from(self.is_lossy) }
    }
}

impl<S: Segment, R: Route<Parcel = S::Item>> Split<S, R> {
    pub(super) async fn run(segment: S, hubs: Vec<Arc<Hub<(), R::Item>>>, route: R, reach: Reach) {
        let seats = hubs.iter().map(Seat::first).collect();
        let (rooms, dealt) = (vec![None; hubs.len()], hubs.iter().map(|_| VecDeque::new()).collect());
        let (pulled, pace) = (VecDeque::new(), Pace::new(1024));
        let mut split = Self { segment, seats, rooms, pulled, dealt, pace, route, reach };
        let failure = poll_fn(|cx| split.poll_end(cx)).await;
        split.end(failure);
    }

    /// Ready at the end of upstream, with the reason, or when all branches were dropped.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<PipelineError>> {
        let begun = Instant::now();
        self.seats.iter_mut().for_each(Seat::rise);
        loop {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            if !self.look(cx.waker()) {
                return Poll::Ready(None);
            }
            let room = self.route.room(&self.rooms);
            if room == 0 {
                // Every branch that is full wakes us when it has room, or is dropped. The others starve meanwhile.
                self.starve(cx.waker());
                return Poll::Pending;
            }
            let polled = poll_chunk(&mut self.segment, &mut self.pace, cx, room, &mut self.pulled);
            self.pass_on();
            match polled {
                Poll::Pending if self.park(cx.waker()) => return Poll::Pending,
                Poll::Pending | Poll::Ready(Halt::End) => return Poll::Ready(None),
                Poll::Ready(Halt::Failed(failure)) => return Poll::Ready(Some(failure)),
                Poll::Ready(Halt::Fuel | Halt::Full) => coop.made_progress(),
            }
            if begun.elapsed() > Pace::SLICE {
                return poll_yield(cx);
            }
        }
    }

    /// Asks all branches how much room they have, also where one knows enough: one that has called has to hear from us.
    /// Tells whether there is a branch left.
    fn look(&mut self, waker: &Waker) -> bool {
        for (seat, room) in self.seats.iter_mut().zip(&mut self.rooms) {
            *room = seat.room(waker);
        }
        self.rooms.iter().any(Option::is_some)
    }

    fn pass_on(&mut self) {
        for parcel in self.pulled.drain(..) {
            self.route.deal(parcel, &mut self.rooms, &mut self.dealt);
        }
        let Reach { capacity, is_lossy } = self.reach;
        for (seat, dealt) in self.seats.iter_mut().zip(&mut self.dealt) {
            if !dealt.is_empty() {
                seat.relay(dealt.len() as u64, dealt.drain(..), |window| {
                    if is_lossy { window.drop_oldest(capacity) } else { Vec::new() }
                });
            }
        }
    }

    /// Nothing comes for the branches that have room, since others have none.
    fn starve(&mut self, waker: &Waker) {
        for (seat, room) in self.seats.iter_mut().zip(&self.rooms) {
            if room.is_some_and(|room| room > 0) {
                seat.park(waker);
            }
        }
    }

    /// Sleeps until upstream has something, or a branch is dropped. False when all of them are.
    fn park(&mut self, waker: &Waker) -> bool {
        let mut is_wanted = false;
        for seat in &mut self.seats {
            is_wanted |= seat.park(waker);
        }
        is_wanted
    }

    /// Tells every branch that it is over, and why.
    fn end(&mut self, failure: Option<PipelineError>) {
        let last = self.rooms.iter().rposition(Option::is_some);
        let is_shared = self.rooms.iter().flatten().count() > 1;
        let mut failure = if is_shared { failure.map(PipelineError::shared) } else { failure };
        for (number, seat) in self.seats.iter_mut().enumerate() {
            let told = match self.rooms[number] {
                Some(_) if Some(number) == last => failure.take(),
                Some(_) => failure.as_ref().map(PipelineError::again),
                // Nobody would hear of it.
                None => None,
            };
            seat.end(told);
        }
    }
}
