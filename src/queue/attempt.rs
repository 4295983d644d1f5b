//! Runs a user's handler on one item; a panic comes back as a value.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::error::{Panicked, catch};

/// Makes the future, polls it to its end and drops it; whichever of the three panics, the worker lives on.
pub(super) async fn attempt<F: Future>(place: &Arc<str>, make: impl FnOnce() -> F) -> Result<F::Output, Panicked> {
    let mut future = pin!(Some(catch(place, make)?));
    let polled = poll_fn(|cx| {
        let Some(running) = future.as_mut().as_pin_mut() else {
            unreachable!("the future is dropped after its end");
        };
        match catch(place, || running.poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    })
    .await;
    let dropped = catch(place, || future.set(None));
    polled.and_then(|value| dropped.map(|()| value))
}
