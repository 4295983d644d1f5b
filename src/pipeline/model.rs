//! The meeting point of a stage, bare, for the models in `crates/models`: the test brings the threads.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::must_use_candidate)]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::error::PipelineError;
use super::hub::{Hub, Shape};
pub use super::inline::model::Places;
use super::intake::Intake;
use super::keys::{Line, Ready, Sort};
use super::seat::Seat;
use super::segment::{Chain, Halt, Payload};
use super::stage::{Stage, StageStats, StageView};
use super::window::{Order, Outcome, Window};

/// A concurrent stage with a scripted source.
#[derive(Clone)]
pub struct Model {
    hub: Arc<Hub<u32, u32>>,
    intake: Arc<Intake<Script, Lines>>,
}

/// The place of one worker, or of a relay.
pub struct Place(Seat<u32, u32>);

/// What a worker makes of an item.
pub enum Made {
    Result,
    Failure,
}

/// Sorts numbers into so many lines; into none with zero.
struct Lines(u32);

impl Sort<u32> for Lines {
    fn sort(&mut self, item: &u32) -> Line {
        NonZeroU64::new(u64::from(item.checked_rem(self.0).map_or(0, |line| line + 1)))
    }
}

/// Gives some numbers, one each time, and then ends or never moves again.
struct Script {
    stage: Arc<Stage>,
    left: VecDeque<u32>,
    ends: bool,
}

impl Chain for Script {
    type Out = u32;

    // One item whatever the fuel is: that depends on the clock, and a model must not.
    fn poll_run<K>(&mut self, _: &mut Context<'_>, _: usize, _: &mut u64, sink: &mut K) -> Poll<Halt>
    where
        K: FnMut(u32) -> ControlFlow<()>,
    {
        match self.left.pop_front() {
            Some(item) => {
                let _ = sink(item);
                Poll::Ready(Halt::Fuel)
            }
            None if self.ends => Poll::Ready(Halt::End),
            None => Poll::Pending,
        }
    }

    fn poll_progress(&mut self, _: &mut Context<'_>) {}

    fn blame(&mut self, payload: Payload) -> Result<Option<PipelineError>, Payload> {
        Err(payload)
    }

    fn source(&self) -> Arc<Stage> {
        self.stage.clone()
    }
}

impl Model {
    pub fn new(workers: usize, window: usize, is_ordered: bool, items: u32, ends: bool) -> Self {
        Self::with_lines(workers, window, is_ordered, items, ends, 0)
    }

    /// A stage with so many keys, which numbers have in turn.
    pub fn keyed(workers: usize, window: usize, items: u32, keys: u32) -> Self {
        Self::with_lines(workers, window, false, items, true, keys)
    }

    fn with_lines(workers: usize, window: usize, is_ordered: bool, items: u32, ends: bool, keys: u32) -> Self {
        let stage = Stage::new("model".into(), Arc::default());
        let order = if is_ordered { Order::Input } else { Order::Completion };
        let hub = Hub::new(stage.clone(), Shape { workers, intake: workers, window, spare: 0 }, Window::new(order));
        let place = stage.place();
        let intake = Arc::new(Intake::new(Script { stage, left: (0..items).collect(), ends }, Lines(keys), place));
        Self { hub, intake }
    }

    pub fn first(&self) -> Place {
        Place(Seat::first(&self.hub))
    }

    /// Works as a worker of an asynchronous stage does; gives the places of those to hire to `hire`.
    ///
    /// # Cancel safety
    /// As a worker of a stage: dropped, it settles what it holds.
    pub async fn work(&self, mut place: Place, mut make: impl FnMut(u32) -> Made, mut hire: impl FnMut(Place)) {
        let mut finished = Vec::new();
        while let Some(found) = poll_fn(|cx| self.intake.poll_next(cx, &mut place.0, &mut finished)).await {
            if found.hire.is_some() {
                hire(Place(Seat::hired(&self.hub)));
            }
            let Ready { mark, item, .. } = found.ready;
            let outcome = match make(item) {
                Made::Result => Outcome::Done(item),
                Made::Failure => Outcome::Failed(Box::new(PipelineError::Failed {
                    place: place.0.stage().place(),
                    error: "made".into(),
                })),
            };
            finished.push((mark, outcome));
        }
    }

    /// Passes numbers on as a buffer that waits does.
    ///
    /// # Cancel safety
    /// As a relay: dropped, it settles what it holds.
    pub async fn relay(&self, mut place: Place, items: u32) {
        for item in 0..items {
            let room = poll_fn(|cx| match place.0.room(cx.waker()) {
                Some(0) => Poll::Pending,
                room => Poll::Ready(room),
            });
            if room.await.is_none() {
                break;
            }
            place.0.relay(1, [item], |_| Vec::new());
        }
        place.0.end(None);
    }

    /// The next result; `None` at the end.
    ///
    /// # Errors
    /// The failure of the stage.
    ///
    /// # Cancel safety
    /// No result is lost.
    pub async fn take(&self) -> Option<Result<u32, PipelineError>> {
        let mut taken = VecDeque::new();
        let end = poll_fn(|cx| self.hub.poll_take(cx, 1, &mut taken)).await?;
        match (end, taken.pop_front()) {
            (Ok(()), Some(result)) => Some(Ok(result)),
            (Ok(()), None) => unreachable!("there was a result"),
            (Err(failure), _) => Some(Err(failure)),
        }
    }

    pub fn desert(&self) {
        self.hub.desert(VecDeque::new());
    }

    pub fn stats(&self) -> StageStats {
        self.hub.stats()
    }
}

/// Gives a copy of each number to two branches, as a broadcast that loses nothing does.
///
/// # Cancel safety
/// As a relay of each branch.
pub async fn broadcast(mut places: [Place; 2], items: u32) {
    for item in 0..items {
        let rooms = poll_fn(|cx| poll_rooms(&mut places, cx)).await;
        if rooms == [None; 2] {
            break;
        }
        for (place, room) in places.iter_mut().zip(rooms) {
            if room.is_some() {
                place.0.relay(1, [item], |_| Vec::new());
            }
        }
    }
    places.iter_mut().for_each(|place| place.0.end(None));
}

fn poll_rooms(places: &mut [Place; 2], cx: &mut Context<'_>) -> Poll<[Option<usize>; 2]> {
    places.iter_mut().for_each(|place| place.0.rise());
    let rooms = places.each_mut().map(|place| place.0.room(cx.waker()));
    if rooms.iter().flatten().all(|room| *room > 0) {
        return Poll::Ready(rooms);
    }
    for (place, room) in places.iter_mut().zip(rooms) {
        if room.is_some_and(|room| room > 0) {
            place.0.park(cx.waker());
        }
    }
    Poll::Pending
}
