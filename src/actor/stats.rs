//! What an actor has done.

use std::fmt;
use std::sync::Arc;

use crate::observe::Flow;

/// What an actor has done and still holds; made by [`ActorRef::stats`](super::ActorRef::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorStats {
    /// The actor.
    pub name: Arc<str>,
    /// What became of its messages, those of timers, streams, pipes and watches included. Failed are those in the
    /// middle of which it panicked; discarded those that it did not handle, or not to their end, before it ended;
    /// dropped those that came when it was full and [its policy](super::Builder::overflow) said so.
    pub flow: Flow,
    /// How many messages wait in the mailbox.
    pub queued: usize,
    /// How many can.
    pub capacity: usize,
    /// How often a later incarnation was begun.
    pub restarts: u64,
}

impl fmt::Display for ActorStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, flow, queued, capacity, restarts } = self;
        write!(f, "{name}: {flow}, {queued} of {capacity} queued, {restarts} restarts")
    }
}
