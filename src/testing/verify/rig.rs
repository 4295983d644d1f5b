//! A stage between a source and a sink that are both ours.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use tokio::time::Instant;

use super::Verify;
use crate::error::drop_quietly;
use crate::testing::source::{TestSource, source};
use crate::testing::turns::{quiet, quiet_but};

/// A stage, whatever it is made of. So the scenarios are compiled once, and not for each stage.
pub(super) type Boxed = BoxStream<'static, Result<u32, String>>;

/// What makes the rigs, and knows what their stage may do.
pub(super) struct Bench<'a> {
    pub(super) may: &'a Verify,
    make: &'a (dyn Fn(BoxStream<'static, u32>) -> Boxed + Sync),
    /// How many there were of what closures captured, before there was any stage.
    captured: Vec<usize>,
}

/// One stage, from its first poll to its end.
pub(super) struct Rig {
    pub(super) source: TestSource<u32>,
    stream: Option<Boxed>,
    pub(super) taken: usize,
    patience: Duration,
}

/// What a stage gave.
pub(super) enum Seen {
    Item(u32),
    /// In its own words.
    Error(String),
    /// Its poll panicked.
    Unwound(String),
    End,
    /// Not in time.
    Nothing(Duration),
}

impl<'a> Bench<'a> {
    pub(super) fn new(may: &'a Verify, make: &'a (dyn Fn(BoxStream<'static, u32>) -> Boxed + Sync)) -> Self {
        let captured = may.captured.iter().map(|count| count()).collect();
        Self { may, make, captured }
    }

    pub(super) fn rig(&self) -> Rig {
        let (source, input) = source();
        Rig { source, stream: Some((self.make)(input.boxed())), taken: 0, patience: self.may.patience }
    }

    /// A rig whose source gives so many items, and then ends or panics.
    pub(super) fn over(&self, items: u32, panics: bool) -> Rig {
        let rig = self.rig();
        rig.source.send_all(0..items);
        if panics {
            rig.source.panic("the source's own words");
        } else {
            rig.source.end();
        }
        rig
    }

    /// Waits until a stage has let go of everything.
    pub(super) async fn released(&self, source: &TestSource<u32>, when: &str) -> Result<(), String> {
        let within = self.may.patience;
        if !until(within, || source.is_dropped()).await {
            return Err(format!("{when}, and {within:?} later its source is still there"));
        }
        let is_as_before = || self.may.captured.iter().zip(&self.captured).all(|(count, before)| count() <= *before);
        if !until(within, is_as_before).await {
            return Err(format!("{when}, and {within:?} later what its closures captured is still there"));
        }
        Ok(())
    }

    /// Whether these are items that so many sent ones may have become; all of them, where the stage has ended.
    pub(super) fn compare(&self, items: &[u32], sent: u32, has_ended: bool) -> Result<(), String> {
        let mut sorted = items.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("of {sent} items number {} came twice", twice[0]));
        }
        if let Some(strange) = sorted.last().filter(|last| **last >= sent) {
            return Err(format!("number {strange} came, and was never sent: the stage has to give what it gets"));
        }
        let missing = (0..sent).find(|number| sorted.binary_search(number).is_err());
        if let (Some(missing), true, false) = (missing, has_ended, self.may.is_lossy) {
            return Err(format!("of {sent} items number {missing} never came"));
        }
        let swapped = items.windows(2).find(|pair| pair[0] > pair[1]);
        if let (Some(swapped), true) = (swapped, self.may.is_ordered) {
            return Err(format!("of {sent} items number {} came before {}", swapped[0], swapped[1]));
        }
        Ok(())
    }
}

impl Rig {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Seen> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Seen::End) };
        let polled = match catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll_next(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(item)))) => Seen::Item(item),
            Ok(Poll::Ready(Some(Err(error)))) => Seen::Error(error),
            Ok(Poll::Ready(None)) => Seen::End,
            Err(payload) => Seen::Unwound(words(payload)),
        };
        self.taken += usize::from(matches!(polled, Seen::Item(_)));
        Poll::Ready(polled)
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Seen {
        let limit = self.patience;
        let next = tokio::time::timeout(limit, poll_fn(|cx| self.poll(cx))).await;
        next.unwrap_or(Seen::Nothing(limit))
    }

    /// What comes from one poll.
    pub(super) async fn now(&mut self) -> Option<Seen> {
        // With the budget of a turn that has just begun.
        tokio::task::yield_now().await;
        match poll_fn(|cx| Poll::Ready(self.poll(cx))).await {
            Poll::Ready(seen) => Some(seen),
            Poll::Pending => None,
        }
    }

    /// What comes while all others have their turns.
    pub(super) async fn meanwhile(&mut self) -> Option<Seen> {
        quiet_but(|cx| self.poll(cx)).await
    }

    /// Takes items until something else comes.
    pub(super) async fn rest(&mut self) -> (Vec<u32>, Seen) {
        let mut items = Vec::new();
        loop {
            match self.next().await {
                // A stage that makes up items without end is told apart from one that is slow.
                Seen::Item(item) if items.len() <= self.source.pulled() + 1_000 => items.push(item),
                last => return (items, last),
            }
        }
    }

    pub(super) fn cancel(&mut self) {
        self.stream = None;
    }

    /// How much more was pulled than was taken.
    pub(super) fn held(&self) -> usize {
        self.source.pulled().saturating_sub(self.taken)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => write!(f, "item {item}"),
            Self::Error(error) => write!(f, "the error {error}"),
            Self::Unwound(message) => write!(f, "a panic of the stage: {message}"),
            Self::End => f.write_str("the end"),
            Self::Nothing(limit) => write!(f, "nothing within {limit:?}"),
        }
    }
}

/// Waits until something is so, for a bounded time.
async fn until(limit: Duration, check: impl Fn() -> bool) -> bool {
    quiet().await;
    let deadline = Instant::now() + limit;
    while !check() {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}

/// What a panic said.
fn words(payload: Box<dyn Any + Send>) -> String {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (None, Some(message)) => message.clone(),
        (None, None) => "no words".to_owned(),
    };
    drop_quietly(payload);
    message
}
