//! Where dead letters go.

use std::sync::Arc;

use super::letter::DeadLetter;
use super::producer::Producer;
use crate::error::{Panicked, catch, drop_quietly};

/// Where the dead letters of a queue go; what a [`Builder`](super::Builder) knows after
/// [`dead_letters`](super::Builder::dead_letters) or [`on_dead_letter`](super::Builder::on_dead_letter).
///
/// From then on the builder is one of queues of `T`. Clones of it share the destination.
pub struct DeadLetters<T> {
    /// Present until it is dropped: what a callback owns is dropped quietly.
    take: Option<Arc<Take<T>>>,
}

/// Takes a letter, or says why not. Behind `dyn`, because a queue of `T` that contained the type of a queue of letters of
/// `T` would contain all of them.
type Take<T> = dyn Fn(DeadLetter<T>) -> Result<(), String> + Send + Sync;

/// What became of a letter.
pub(super) enum Post {
    Sent,
    /// It was refused, with the reason, and is gone.
    Lost(String),
    /// The callback panicked.
    Panicked(Panicked),
}

impl<T> DeadLetters<T> {
    pub(super) fn to_queue(letters: Producer<DeadLetter<T>>) -> Self
    where
        T: Send + 'static,
    {
        Self { take: Some(Arc::new(move |letter| letters.try_send(letter).map_err(|error| error.lose()))) }
    }

    pub(super) fn to_callback(callback: impl Fn(DeadLetter<T>) + Send + Sync + 'static) -> Self {
        let take = move |letter| {
            callback(letter);
            Ok(())
        };
        Self { take: Some(Arc::new(take)) }
    }

    /// Never waits, and never panics. To be called without the lock: a callback is foreign code, and a queue may be the
    /// same one, round about.
    pub(super) fn post(&self, letter: DeadLetter<T>, place: &Arc<str>) -> Post {
        let Some(take) = &self.take else { unreachable!("there is a destination until it is dropped") };
        match catch(place, || take(letter)) {
            Ok(Ok(())) => Post::Sent,
            Ok(Err(why)) => Post::Lost(why),
            Err(panicked) => Post::Panicked(panicked),
        }
    }
}

impl<T> Clone for DeadLetters<T> {
    fn clone(&self) -> Self {
        Self { take: self.take.clone() }
    }
}

impl<T> Drop for DeadLetters<T> {
    fn drop(&mut self) {
        drop_quietly(self.take.take());
    }
}

impl<T> std::fmt::Debug for DeadLetters<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
