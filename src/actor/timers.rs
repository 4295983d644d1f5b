//! The timers of one incarnation: any number of them, one entry with tokio's clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One timer; made by [`Context::after`](super::Context::after) and [`every`](super::Context::every).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(u64);

/// Names a timer within its actor, so that it can be replaced and cancelled.
type Key = Cow<'static, str>;

pub(super) struct Timers<M> {
    next: u64,
    due: BTreeMap<(Instant, u64), Timer<M>>,
    /// When a timer is due, by its number.
    times: HashMap<u64, Instant>,
    keys: HashMap<Key, u64>,
    sleep: Option<Pin<Box<Sleep>>>,
}

struct Timer<M> {
    key: Option<Key>,
    what: What<M>,
}

enum What<M> {
    Once(M),
    Every(Duration, Box<dyn FnMut() -> M + Send>),
}

/// What is due. Making the message is the user's code.
pub(super) enum Due<M> {
    Message(M),
    Make(TimerId),
}

/// Farther than any clock goes.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

impl<M> Timers<M> {
    pub(super) fn new() -> Self {
        Self { next: 0, due: BTreeMap::new(), times: HashMap::new(), keys: HashMap::new(), sleep: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    pub(super) fn after(&mut self, key: Option<Key>, delay: Duration, msg: M) -> TimerId {
        self.add(key, delay, What::Once(msg))
    }

    pub(super) fn every(&mut self, period: Duration, make: Box<dyn FnMut() -> M + Send>) -> TimerId {
        self.add(None, period, What::Every(period, make))
    }

    fn add(&mut self, key: Option<Key>, delay: Duration, what: What<M>) -> TimerId {
        if let Some(key) = &key {
            self.cancel_key(key);
        }
        self.next += 1;
        let number = self.next;
        if let Some(key) = &key {
            self.keys.insert(key.clone(), number);
        }
        self.enter(number, later(delay), Timer { key, what });
        TimerId(number)
    }

    fn enter(&mut self, number: u64, at: Instant, timer: Timer<M>) {
        self.times.insert(number, at);
        self.due.insert((at, number), timer);
    }

    /// What they hold, one by one.
    pub(super) fn take(&mut self) -> impl Iterator<Item = impl Sized + use<M>> + use<M> {
        self.times.clear();
        self.keys.clear();
        std::mem::take(&mut self.due).into_values()
    }

    pub(super) fn cancel(&mut self, TimerId(number): TimerId) -> bool {
        let Some(at) = self.times.remove(&number) else { return false };
        if let Some(Timer { key: Some(key), .. }) = self.due.remove(&(at, number)) {
            self.keys.remove(&key);
        }
        true
    }

    pub(super) fn cancel_key(&mut self, key: &str) -> bool {
        match self.keys.get(key) {
            Some(number) => self.cancel(TimerId(*number)),
            None => false,
        }
    }

    /// What is due, the earliest first.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Due<M>> {
        let Some(((at, number), _)) = self.due.first_key_value() else { return Poll::Pending };
        let (at, number) = (*at, *number);
        if Instant::now() < at {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        let Some(timer) = self.due.remove(&(at, number)) else { return Poll::Pending };
        match timer.what {
            What::Once(msg) => {
                self.times.remove(&number);
                if let Some(key) = timer.key {
                    self.keys.remove(&key);
                }
                Poll::Ready(Due::Message(msg))
            }
            What::Every(period, make) => {
                let next = next_beat(at, period);
                self.enter(number, next, Timer { key: timer.key, what: What::Every(period, make) });
                Poll::Ready(Due::Make(TimerId(number)))
            }
        }
    }

    /// Makes the message of an interval.
    pub(super) fn make(&mut self, TimerId(number): TimerId) -> Option<M> {
        let at = *self.times.get(&number)?;
        match &mut self.due.get_mut(&(at, number))?.what {
            What::Every(_, make) => Some(make()),
            What::Once(_) => None,
        }
    }
}

/// The first beat that is still to come; those that the actor has missed are left out.
fn next_beat(at: Instant, period: Duration) -> Instant {
    let now = Instant::now();
    let beats = now.saturating_duration_since(at).as_nanos() / period.as_nanos().max(1) + 1;
    let passed = u32::try_from(beats).ok().and_then(|beats| period.checked_mul(beats));
    passed.and_then(|passed| at.checked_add(passed)).unwrap_or_else(|| later(period))
}

fn later(delay: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(delay).unwrap_or_else(|| now + FAR)
}
