//! What a queue has counted since it began. Its lock makes the numbers belong together.

use super::dead_letters::Post;
use super::letter::Reason;
use super::outcome::Ending;
use super::stats::Stats;
use crate::observe::Flow;
use crate::policy::Priority;

/// Accepted from a producer that nobody counts.
const UNTAGGED: usize = usize::MAX;

/// Where an item comes from: under which number it is counted, if anyone counts, and the lane it goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) tag: usize,
    pub(super) priority: Priority,
}

#[derive(Default)]
pub(super) struct Tally {
    accepted: u64,
    done: u64,
    failed: u64,
    dropped: u64,
    discarded: u64,
    redelivered: u64,
    nacked: u64,
    abandoned: u64,
    letters_sent: u64,
    letters_lost: u64,
    letters_panicked: u64,
    high_water: usize,
    /// Accepted from each tagged producer.
    accepted_by: Vec<u64>,
}

/// What is not counted, but is so at the moment.
pub(super) struct Levels {
    pub(super) queued: usize,
    /// By [`Priority::lane`].
    pub(super) lanes: [usize; 3],
    pub(super) delivered: usize,
    pub(super) capacity: usize,
}

impl Origin {
    /// Counted by nobody, and of no priority.
    pub(super) const PLAIN: Self = Self { tag: UNTAGGED, priority: Priority::Normal };
}

impl Tally {
    #[inline]
    pub(super) fn accept(&mut self, tag: usize, count: usize) {
        self.accepted += count as u64;
        if let Some(accepted) = self.accepted_by.get_mut(tag) {
            *accepted += count as u64;
        }
    }

    /// Makes a place for the items of a tagged producer.
    pub(super) fn expect(&mut self, tag: usize) {
        if tag != UNTAGGED && self.accepted_by.len() <= tag {
            self.accepted_by.resize(tag + 1, 0);
        }
    }

    #[inline]
    pub(super) fn queue(&mut self, queued: usize) {
        self.high_water = self.high_water.max(queued);
    }

    pub(super) fn drop_by_policy(&mut self) {
        self.dropped += 1;
    }

    #[inline]
    pub(super) fn end(&mut self, count: usize, ending: Ending) {
        let counter = match ending {
            Ending::Done => &mut self.done,
            Ending::Failed => &mut self.failed,
            Ending::Discarded => &mut self.discarded,
        };
        *counter += count as u64;
    }

    pub(super) fn hand_in(&mut self, reason: Reason) {
        match reason {
            Reason::Nacked => self.nacked += 1,
            Reason::Abandoned => self.abandoned += 1,
        }
    }

    pub(super) fn post(&mut self, post: &Post) {
        match post {
            Post::Sent => self.letters_sent += 1,
            Post::Lost(_) => self.letters_lost += 1,
            Post::Panicked(_) => self.letters_panicked += 1,
        }
    }

    pub(super) fn redeliver(&mut self) {
        self.redelivered += 1;
    }

    pub(super) fn accepted_by(&self) -> Vec<u64> {
        self.accepted_by.clone()
    }

    pub(super) fn stats(&self, levels: &Levels) -> Stats {
        let Self { accepted, done, failed, dropped, discarded, redelivered, nacked, abandoned, .. } = *self;
        let Self { letters_sent, letters_lost, letters_panicked, high_water, .. } = *self;
        let Levels { queued, lanes, delivered, capacity } = *levels;
        let in_flight = (queued + delivered) as u64;
        Stats {
            flow: Flow { accepted, done, failed, dropped, discarded, in_flight },
            queued,
            lanes,
            delivered,
            capacity,
            redelivered,
            nacked,
            abandoned,
            letters_sent,
            letters_lost,
            letters_panicked,
            high_water,
        }
    }
}
