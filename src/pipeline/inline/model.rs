//! The places of an inline stage's futures, bare, for the models in `crates/models`.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

use std::future::{Future, poll_fn};
use std::task::Poll;

use super::attempt::{Attempt, Ended, Limited, Ticket};
use super::slots::Slots;
use crate::error::BoxError;
use crate::pipeline::keys::Mark;

pub struct Places<F>(Slots<(), F>);

impl<F: Future<Output = Result<u32, BoxError>>> Places<F> {
    #[allow(clippy::new_without_default, reason = "a model is made on purpose")]
    #[must_use]
    pub fn new() -> Self {
        Self(Slots::new())
    }

    /// Puts a future into a place and polls it, as a stage does: what it gave, if it was ready.
    pub fn begin(&mut self, future: F) -> Option<u32> {
        let ticket = Ticket { mark: Mark { sequence: 0, line: None }, kept: None, again: None };
        let place = self.0.put(Attempt::new(ticket, Limited::new(future, None)));
        self.poll(place)
    }

    /// What the next future gives that is woken.
    ///
    /// # Cancel safety
    /// No result is lost.
    pub async fn next(&mut self) -> u32 {
        poll_fn(|cx| {
            while let Some(place) = self.0.next_woken(cx) {
                if let Some(result) = self.poll(place) {
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        })
        .await
    }

    fn poll(&mut self, place: usize) -> Option<u32> {
        match self.0.poll(place) {
            Poll::Ready((_, Ended::Returned(Ok(result)))) => Some(result),
            Poll::Ready(_) => unreachable!("no future of a model fails"),
            Poll::Pending => None,
        }
    }
}
