//! What is left of an item that was given up.

use std::fmt;
use std::sync::Arc;

use crate::policy::Priority;

/// How a delivery ended that did not finish its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It was handed in with [`nack`](super::Delivery::nack).
    Nacked,
    /// It was dropped without a word: by an error, a panic, a task that was aborted.
    Abandoned,
}

/// An item that was given up after its last attempt, and what is known of it.
///
/// It goes where [`Builder::dead_letters`](super::Builder::dead_letters) or
/// [`Builder::on_dead_letter`](super::Builder::on_dead_letter) say.
///
/// # Examples
/// ```
/// use regatta::queue::{self, DeadLetter};
///
/// let (letters, failed) = queue::bounded::<DeadLetter<&str>>(8);
/// let (producer, consumer) = queue::Builder::new(8).name("mails").attempts(1).dead_letters(letters).build();
/// producer.try_send("hello").expect("there is room");
/// consumer.try_recv().expect("an item is queued").nack();
///
/// let letter = failed.try_recv().expect("it was given up").into_inner();
/// assert_eq!(letter.to_string(), "an item of queue `mails` was given up after attempt 1, which was nacked");
/// assert_eq!(letter.item, "hello");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the item in a dead letter is the only one there is"]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// The item, as the last attempt left it.
    pub item: T,
    /// How often it was delivered.
    pub attempts: u32,
    /// How the last delivery ended.
    pub reason: Reason,
    /// The name of the queue that gave it up.
    pub queue: Arc<str>,
    /// The lane it was in.
    pub priority: Priority,
}

impl<T> fmt::Display for DeadLetter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, reason, queue, .. } = self;
        write!(f, "an item of queue `{queue}` was given up after attempt {attempts}, which was {reason}")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nacked => "nacked",
            Self::Abandoned => "abandoned",
        })
    }
}
