//! What becomes of an item that was not put back after all. All of it happens without the lock: destructors and callbacks
//! are foreign code, and a queue of dead letters has a lock of its own.

use super::dead_letters::{DeadLetters, Post};
use super::letter::{DeadLetter, Reason};
use super::mark::Mark;
use super::outcome::Fate;
use super::ring::Ring;
use crate::error::{drop_quietly, log_quietly};

impl<T> Ring<T> {
    pub(super) fn dispose(&self, fate: Fate<T>, mark: Mark, reason: Reason) {
        match fate {
            Fate::Redelivered => {}
            Fate::Displaced(victim) => drop_quietly(victim),
            Fate::GivenUp(item) => self.give_up(item, mark, reason),
            Fate::Discarded(item) => {
                drop_quietly(item);
                log_quietly(|| {
                    tracing::warn!(target: "regatta::queue", queue = %self.name(), count = 1, "an item came back after the last consumer had left; it is discarded");
                });
            }
        }
    }

    /// The item counts as failed already.
    fn give_up(&self, item: T, mark: Mark, reason: Reason) {
        let post = match &self.letters {
            Some(letters) => Some(self.post(letters, item, mark, reason)),
            None => {
                drop_quietly(item);
                None
            }
        };
        log_quietly(|| {
            let letter: &dyn std::fmt::Display = match &post {
                None => &"none",
                Some(Post::Sent) => &"sent",
                Some(Post::Lost(why)) => why,
                Some(Post::Panicked(panicked)) => panicked,
            };
            tracing::error!(target: "regatta::queue", queue = %self.name(), attempt = mark.attempt(), %reason, %letter, "an item was given up after its last attempt");
        });
    }

    /// Until the letter is posted and counted, `join` and the end wait for it.
    fn post(&self, letters: &DeadLetters<T>, item: T, mark: Mark, reason: Reason) -> Post {
        let (attempts, priority) = (mark.attempt(), mark.priority());
        let post =
            letters.post(DeadLetter { item, attempts, reason, queue: self.shared_name(), priority }, self.place());
        self.lock.change(|state, wakes| state.letter_posted(&post, wakes));
        post
    }
}
