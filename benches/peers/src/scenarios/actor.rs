//! Actors: a counter that is told, asked, spawned and restarted, a ring that passes a token on, and what they allocate.
//!
//! "by hand" is what one writes without a library: a task, a channel of tokio's, an enum, and a oneshot in each question.

#[cfg(feature = "actix")]
mod actix;
mod attribute;
mod by_hand;
mod counter;
mod kameo;
mod memory;
mod ours;
mod ractor;
mod restart;
mod ring;

use crate::measure::Contest;

pub use memory::actor_memory;

/// Places of a mailbox, where it has a limit.
const ROOM: usize = 1024;

pub(crate) fn contests() -> Vec<Contest> {
    let mut contests = counter::contests();
    contests.extend(counter::attribute_contests());
    contests.extend(ring::contests());
    contests.extend(restart::contests());
    contests.extend(memory::contests());
    #[cfg(feature = "actix")]
    contests.extend(counter::actix_contests());
    contests
}

/// An actor that adds up what it is told.
pub(super) trait Count: Clone + Send + 'static {
    fn add(&self, by: u64) -> impl Future<Output = ()> + Send;
    fn get(&self) -> impl Future<Output = u64> + Send;
}

/// Ours, for other families.
pub(super) async fn counter_of_ours() -> impl Count {
    ours::counter(ROOM).await
}

/// kameo's.
pub(super) async fn counter_of_kameo() -> impl Count {
    kameo::counter(ROOM).await
}
