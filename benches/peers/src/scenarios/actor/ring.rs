//! A thousand actors in a ring, and a token that each passes on to the next.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{by_hand, kameo, ours, ractor};
use crate::measure::Contest;

const PLACES: u64 = 1_000;
const LAPS: u64 = 200;
const HOPS: u64 = PLACES * LAPS;

pub(super) fn contests() -> Vec<Contest> {
    let row = "actor/ring1000";
    let run_ours = || ring(ours::place);
    vec![
        Contest::of_tasks(row, "by hand", HOPS, run_ours, || ring(by_hand::place)),
        Contest::of_tasks(row, "kameo", HOPS, run_ours, || ring(kameo::place)).bar(2.0),
        Contest::of_tasks(row, "ractor", HOPS, run_ours, || ring(ractor::place)).bar(2.0),
    ]
}

/// A handle of an actor in the ring, and all that such an actor may do.
pub(super) trait Place: Clone + Send + 'static {
    /// Says who comes next.
    fn follow(&self, next: Self) -> impl Future<Output = ()> + Send;
    fn pass(&self, token: Token) -> impl Future<Output = ()> + Send;
}

/// What goes round.
pub(super) struct Token {
    hops_left: u64,
    /// The numbers of the places it has been at.
    sum: u64,
    arrived: oneshot::Sender<u64>,
}

impl Token {
    /// What a place does with it; nothing is left after the last hop.
    pub(super) fn hop(mut self, place: u64) -> Option<Self> {
        self.sum += place;
        self.hops_left -= 1;
        if self.hops_left > 0 {
            return Some(self);
        }
        assert!(self.arrived.send(self.sum).is_ok(), "somebody waits for the token");
        None
    }
}

/// The state of an actor in the ring.
pub(super) struct At<P> {
    number: u64,
    pub(super) next: Option<P>,
}

impl<P: Place> At<P> {
    pub(super) fn new(number: u64) -> Self {
        Self { number, next: None }
    }

    pub(super) async fn pass(&self, token: Token) {
        if let Some(token) = token.hop(self.number) {
            self.next.as_ref().expect("the ring is closed").pass(token).await;
        }
    }
}

/// The time of the token's way; the ring is there before. Nobody has an end, as each holds the next: they go with their
/// runtime.
async fn ring<P: Place, F: Future<Output = P>>(make: impl Fn(u64) -> F) -> Duration {
    let mut places = Vec::new();
    for number in 0..PLACES {
        places.push(make(number).await);
    }
    for (place, next) in places.iter().zip(places.iter().cycle().skip(1)) {
        place.follow(next.clone()).await;
    }
    let (arrived, sum) = oneshot::channel();
    let begun = Instant::now();
    places[0].pass(Token { hops_left: HOPS, sum: 0, arrived }).await;
    let sum = sum.await.expect("the token arrives");
    let took = begun.elapsed();
    assert_eq!(sum, LAPS * PLACES * (PLACES - 1) / 2);
    took
}
