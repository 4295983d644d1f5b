//! How far a map-reduce has come.

use tokio::sync::watch;

use crate::error::log_quietly;

/// How far a [`MapReduce`](super::MapReduce) has come. No number ever falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How many records have been mapped; of a text, pieces.
    pub records: u64,
    /// How many there are, where that is known: not of a stream that has not ended.
    pub total: Option<u64>,
    /// How many keys have been reduced.
    pub keys: u64,
}

/// What a [`MapReduce`](super::MapReduce) is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Phase {
    /// Records are mapped.
    #[default]
    Map,
    /// Keys are reduced, and gathered.
    Reduce,
    /// The results are there.
    Done,
}

/// Whom to tell.
pub(super) struct Reporter(pub(super) Option<watch::Sender<Progress>>);

impl Reporter {
    /// Changes are made under the lock of the channel, so that the numbers rise whoever comes first.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(sender) = &self.0 {
            log_quietly(|| sender.send_modify(change));
        }
    }
}
