//! The timers of one incarnation: any number of them, one entry with tokio's clock.

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One timer; made by [`Context::after`](super::Context::after) and [`every`](super::Context::every).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(u64);

/// Names a timer within its actor, so that it can be replaced and cancelled.
type Key = Cow<'static, str>;

pub(super) struct Timers<M> {
    schedule: Schedule,
    messages: PhantomData<fn() -> M>,
}

/// When what is due. It knows nothing of the messages, so that it is compiled once.
#[derive(Default)]
struct Schedule {
    next: u64,
    due: BTreeMap<(Instant, u64), Timer>,
    /// When a timer is due, by its number.
    times: HashMap<u64, Instant>,
    keys: HashMap<Key, u64>,
    sleep: Option<Pin<Box<Sleep>>>,
}

struct Timer {
    key: Option<Key>,
    /// Of an interval.
    period: Option<Duration>,
    /// A [`What`].
    what: Erased,
}

/// Whatever the messages are.
type Erased = Box<dyn Any + Send>;

enum What<M> {
    Once(M),
    Every(Box<dyn FnMut() -> M + Send>),
}

/// What is due. Making the message is the user's code.
pub(super) enum Due<M> {
    Message(M),
    Make(TimerId),
}

/// Farther than any clock goes.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

impl<M: Send + 'static> Timers<M> {
    pub(super) fn new() -> Self {
        Self { schedule: Schedule::default(), messages: PhantomData }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.schedule.due.is_empty()
    }

    pub(super) fn after(&mut self, key: Option<Key>, delay: Duration, msg: M) -> TimerId {
        self.schedule.add(key, delay, None, Box::new(What::Once(msg)))
    }

    pub(super) fn every(&mut self, period: Duration, make: Box<dyn FnMut() -> M + Send>) -> TimerId {
        self.schedule.add(None, period, Some(period), Box::new(What::Every(make)))
    }

    /// What they hold, one by one.
    pub(super) fn take(&mut self) -> impl Iterator<Item = impl Sized + use<M>> + use<M> {
        self.schedule.take()
    }

    pub(super) fn cancel(&mut self, timer: TimerId) -> bool {
        self.schedule.cancel(timer)
    }

    pub(super) fn cancel_key(&mut self, key: &str) -> bool {
        self.schedule.cancel_key(key)
    }

    /// What is due, the earliest first.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Due<M>> {
        match ready!(self.schedule.poll_due(cx)) {
            (timer, None) => Poll::Ready(Due::Make(timer)),
            (timer, Some(what)) => match what.downcast::<What<M>>().map(|what| *what) {
                Ok(What::Once(msg)) => Poll::Ready(Due::Message(msg)),
                _ => Poll::Ready(Due::Make(timer)),
            },
        }
    }

    /// Makes the message of an interval.
    pub(super) fn make(&mut self, timer: TimerId) -> Option<M> {
        match self.schedule.what(timer)?.downcast_mut()? {
            What::Every(make) => Some(make()),
            What::Once(_) => None,
        }
    }
}

impl Schedule {
    fn add(&mut self, key: Option<Key>, delay: Duration, period: Option<Duration>, what: Erased) -> TimerId {
        if let Some(key) = &key {
            self.cancel_key(key);
        }
        self.next += 1;
        let number = self.next;
        if let Some(key) = &key {
            self.keys.insert(key.clone(), number);
        }
        self.enter(number, later(delay), Timer { key, period, what });
        TimerId(number)
    }

    fn enter(&mut self, number: u64, at: Instant, timer: Timer) {
        self.times.insert(number, at);
        self.due.insert((at, number), timer);
    }

    fn take(&mut self) -> std::collections::btree_map::IntoValues<(Instant, u64), Timer> {
        self.times.clear();
        self.keys.clear();
        std::mem::take(&mut self.due).into_values()
    }

    fn cancel(&mut self, TimerId(number): TimerId) -> bool {
        let Some(at) = self.times.remove(&number) else { return false };
        if let Some(Timer { key: Some(key), .. }) = self.due.remove(&(at, number)) {
            self.keys.remove(&key);
        }
        true
    }

    fn cancel_key(&mut self, key: &str) -> bool {
        match self.keys.get(key) {
            Some(number) => self.cancel(TimerId(*number)),
            None => false,
        }
    }

    /// What is due: once for all, or the next beat of an interval.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<(TimerId, Option<Erased>)> {
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
        let Some(period) = timer.period else {
            self.times.remove(&number);
            if let Some(key) = timer.key {
                self.keys.remove(&key);
            }
            return Poll::Ready((TimerId(number), Some(timer.what)));
        };
        self.enter(number, next_beat(at, period), timer);
        Poll::Ready((TimerId(number), None))
    }

    fn what(&mut self, TimerId(number): TimerId) -> Option<&mut Erased> {
        let at = *self.times.get(&number)?;
        Some(&mut self.due.get_mut(&(at, number))?.what)
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
