//! What relays do with the items they hold: state machines without a clock, a channel or a task.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::drop_quietly;

/// Takes items in, one by one, and gives something out at times.
pub(super) trait Gather {
    type In;
    type Out;

    /// How many items may come in now; none while what is inside has to leave first. `is_blocked`: there is no room for
    /// what would leave.
    fn room(&self, is_blocked: bool) -> usize;

    /// Takes one item in. It runs code of the user's.
    fn push(&mut self, item: Self::In, now: Instant) -> Pushed<Self::In>;

    /// When something leaves, should nothing more come.
    fn due(&self) -> Due;

    /// What leaves.
    fn take(&mut self) -> Option<Self::Out>;

    /// A push has panicked, and its stage begins anew: what is inside goes.
    fn reset(&mut self) -> Vec<Self::Out>;
}

/// What became of an item that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<I> {
    Kept,
    /// It took the place of this one.
    Displaced(I),
    /// It is part of another one now.
    Merged,
}

/// When something leaves.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Due {
    Now,
    At(Instant),
    /// When no more can come.
    Last,
    /// There is nothing inside.
    Never,
}

/// Batches: by size, by weight or by time.
#[derive(Debug)]
pub(super) struct Batches<I, W> {
    limit: u64,
    linger: Duration,
    /// What an item weighs.
    weigh: W,
    batch: Vec<I>,
    weight: u64,
    /// When the batch is closed, whatever is in it; set by its first item.
    deadline: Option<Instant>,
    /// What came behind the item that had no room in this batch; each with its weight and the time when it came.
    next: VecDeque<(I, u64, Instant)>,
    /// How many items may come at once: what an item weighs is known when it is here.
    at_once: usize,
}

/// One by one: two destructors that panic in one unwinding would abort the process.
impl<I, W> Drop for Batches<I, W> {
    fn drop(&mut self) {
        self.batch.drain(..).for_each(drop_quietly);
        self.next.drain(..).for_each(|(item, ..)| drop_quietly(item));
    }
}

impl<I, W> Batches<I, W> {
    pub(super) fn new(limit: u64, linger: Duration, at_once: usize, weigh: W) -> Self {
        let (batch, next) = (Vec::new(), VecDeque::new());
        Self { limit, linger, weigh, batch, weight: 0, deadline: None, next, at_once }
    }

    fn has_room(&self, weight: u64) -> bool {
        // One that is too heavy for any batch is one of its own.
        self.batch.is_empty() || self.weight.saturating_add(weight) <= self.limit
    }

    fn add(&mut self, item: I, weight: u64, came: Instant) {
        if self.batch.is_empty() {
            // Beyond what the clock can say there is no deadline.
            self.deadline = came.checked_add(self.linger);
        }
        self.weight = self.weight.saturating_add(weight);
        self.batch.push(item);
    }
}

impl<I, W> Gather for Batches<I, W>
where
    W: FnMut(&I) -> u64,
{
    type In = I;
    type Out = Vec<I>;

    fn room(&self, is_blocked: bool) -> usize {
        // A batch that is closed takes nothing more, also while it waits for room.
        if is_blocked || !self.next.is_empty() || self.weight >= self.limit {
            return 0;
        }
        usize::try_from(self.limit - self.weight).unwrap_or(usize::MAX).min(self.at_once)
    }

    fn push(&mut self, item: I, now: Instant) -> Pushed<I> {
        let weight = (self.weigh)(&item);
        if self.next.is_empty() && self.has_room(weight) {
            self.add(item, weight, now);
        } else {
            self.next.push_back((item, weight, now));
        }
        Pushed::Kept
    }

    fn due(&self) -> Due {
        match self.deadline {
            _ if self.batch.is_empty() => Due::Never,
            _ if !self.next.is_empty() || self.weight >= self.limit => Due::Now,
            Some(deadline) => Due::At(deadline),
            None => Due::Last,
        }
    }

    fn take(&mut self) -> Option<Vec<I>> {
        let batch = std::mem::take(&mut self.batch);
        (self.weight, self.deadline) = (0, None);
        while self.next.front().is_some_and(|(_, weight, _)| self.has_room(*weight)) {
            if let Some((item, weight, came)) = self.next.pop_front() {
                self.add(item, weight, came);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn reset(&mut self) -> Vec<Vec<I>> {
        // What was gathered before is none of the failure's; it leaves as it would have.
        Vec::new()
    }
}

/// The last item, once nothing more has come for a while.
#[derive(Debug)]
pub(super) struct Debounced<I> {
    quiet: Duration,
    last: Option<(I, Instant)>,
}

impl<I> Debounced<I> {
    pub(super) fn new(quiet: Duration) -> Self {
        Self { quiet, last: None }
    }
}

impl<I> Gather for Debounced<I> {
    type In = I;
    type Out = I;

    fn room(&self, _: bool) -> usize {
        // The source is never held back.
        64
    }

    fn push(&mut self, item: I, now: Instant) -> Pushed<I> {
        match self.last.replace((item, now)) {
            Some((displaced, _)) => Pushed::Displaced(displaced),
            None => Pushed::Kept,
        }
    }

    fn due(&self) -> Due {
        match &self.last {
            Some((_, came)) => came.checked_add(self.quiet).map_or(Due::Last, Due::At),
            None => Due::Never,
        }
    }

    fn take(&mut self) -> Option<I> {
        self.last.take().map(|(item, _)| item)
    }

    fn reset(&mut self) -> Vec<I> {
        Vec::new()
    }
}

/// What comes while the next stage is busy, made into one.
#[derive(Debug)]
pub(super) struct Conflated<I, A, B, M> {
    begin: B,
    merge: M,
    value: Option<A>,
    items: std::marker::PhantomData<fn(I)>,
}

impl<I, A, B, M> Conflated<I, A, B, M> {
    pub(super) fn new(begin: B, merge: M) -> Self {
        Self { begin, merge, value: None, items: std::marker::PhantomData }
    }
}

impl<I, A, B, M> Gather for Conflated<I, A, B, M>
where
    B: FnMut(I) -> A,
    M: FnMut(&mut A, I),
{
    type In = I;
    type Out = A;

    fn room(&self, is_blocked: bool) -> usize {
        // One by one while each can leave at once: only what has to wait is merged.
        if is_blocked { 64 } else { usize::from(self.value.is_none()) }
    }

    fn push(&mut self, item: I, _: Instant) -> Pushed<I> {
        match &mut self.value {
            Some(value) => {
                (self.merge)(value, item);
                Pushed::Merged
            }
            None => {
                self.value = Some((self.begin)(item));
                Pushed::Kept
            }
        }
    }

    fn due(&self) -> Due {
        if self.value.is_some() { Due::Now } else { Due::Never }
    }

    fn take(&mut self) -> Option<A> {
        self.value.take()
    }

    fn reset(&mut self) -> Vec<A> {
        self.value.take().into_iter().collect()
    }
}

/// How many may pass: a token bucket by the time at which the next one would be due at an even pace (the generic cell rate
/// algorithm, ITU-T I.371).
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    burst: u32,
    /// When the next one is due, if none had come early.
    due: Option<Instant>,
}

impl Bucket {
    /// What the clock of a runtime can tell apart.
    const TICK: Duration = Duration::from_millis(2);

    /// Where items are due more often than the clock ticks, those of two ticks pass at once: or the pace could not be kept.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        let ticks = Self::TICK.as_nanos() / interval.as_nanos().max(1);
        Self { interval, burst: burst.max(u32::try_from(ticks).unwrap_or(u32::MAX)), due: None }
    }

    fn allowance(&self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }

    /// How many may pass now.
    pub(super) fn allowed(&self, now: Instant) -> usize {
        // More often than there are nanoseconds.
        if self.interval.is_zero() {
            return usize::MAX;
        }
        let ahead = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let left = self.allowance().saturating_sub(ahead);
        usize::try_from(left.as_nanos() / self.interval.as_nanos()).unwrap_or(usize::MAX)
    }

    /// When one may pass that may not yet.
    pub(super) fn next(&self) -> Option<Instant> {
        let wait = self.allowance().saturating_sub(self.interval);
        self.due.and_then(|due| due.checked_sub(wait))
    }

    /// So many have passed.
    pub(super) fn pass(&mut self, passed: usize, now: Instant) {
        let due = self.due.map_or(now, |due| due.max(now));
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.due = due.checked_add(self.interval.saturating_mul(passed));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds items at times, and takes what is due before each; gives what left and when, in milliseconds.
    fn run<G: Gather<In = u64>>(mut gather: G, items: &[(u64, u64)]) -> Vec<(u64, G::Out)> {
        let (begin, mut out) = (Instant::now(), Vec::new());
        let at = |time: u64| begin + Duration::from_millis(time);
        let ms = |time: Instant| u64::try_from((time - begin).as_millis()).unwrap_or(u64::MAX);
        let mut now = 0;
        for &(pause, item) in items {
            now += pause;
            loop {
                match gather.due() {
                    Due::At(time) if time <= at(now) => out.extend(gather.take().map(|left| (ms(time), left))),
                    _ => break,
                }
            }
            assert!(gather.room(false) > 0);
            gather.push(item, at(now));
            while gather.due() == Due::Now {
                out.extend(gather.take().map(|left| (now, left)));
            }
        }
        while let Due::At(time) = gather.due() {
            out.extend(gather.take().map(|left| (ms(time), left)));
        }
        out
    }

    /// The same from the end: which items are in one batch.
    fn naive(limit: u64, linger: u64, items: &[(u64, u64)]) -> Vec<(u64, Vec<u64>)> {
        let mut out: Vec<(u64, Vec<u64>)> = Vec::new();
        let mut open: Option<(u64, Vec<u64>)> = None;
        let mut now = 0;
        for &(pause, weight) in items {
            now += pause;
            if let Some((begun, batch)) = open.take_if(|(begun, _)| *begun + linger <= now) {
                out.push((begun + linger, batch));
            }
            if let Some((_, batch)) = open.take_if(|(_, batch)| batch.iter().sum::<u64>() + weight > limit) {
                out.push((now, batch));
            }
            let (begun, mut batch) = open.take().unwrap_or((now, Vec::new()));
            batch.push(weight);
            if batch.iter().sum::<u64>() >= limit {
                out.push((now, batch));
            } else {
                open = Some((begun, batch));
            }
        }
        out.extend(open.map(|(begun, batch)| (begun + linger, batch)));
        out
    }

    proptest! {
        #[test]
        fn batches_are_those_of_a_naive_model(
            limit in 1_u64..12,
            linger in 1_u64..20,
            items in prop::collection::vec((0_u64..8, 1_u64..16), 0..60),
        ) {
            let gather = Batches::new(limit, Duration::from_millis(linger), 64, |weight: &u64| *weight);
            prop_assert_eq!(run(gather, &items), naive(limit, linger, &items));
        }

        #[test]
        fn what_is_debounced_was_last_for_a_while(
            quiet in 1_u64..10,
            items in prop::collection::vec((0_u64..14, 0_u64..100), 0..60),
        ) {
            let mut expected = Vec::new();
            let mut now = 0;
            for (index, &(pause, item)) in items.iter().enumerate() {
                now += pause;
                if items.get(index + 1).is_none_or(|&(pause, _)| pause >= quiet) {
                    expected.push((now + quiet, item));
                }
            }
            prop_assert_eq!(run(Debounced::new(Duration::from_millis(quiet)), &items), expected);
        }

        #[test]
        fn in_no_time_more_pass_than_the_rate_and_the_burst_allow(
            interval in 3_u64..50,
            burst in 1_u32..6,
            tries in prop::collection::vec((0_u64..60, 1_usize..8), 1..60),
        ) {
            let (begin, interval) = (Instant::now(), Duration::from_millis(interval));
            let mut bucket = Bucket::new(interval, burst);
            let (mut now, mut passed) = (begin, Vec::new());
            for (pause, wanted) in tries {
                now += Duration::from_millis(pause);
                let allowed = bucket.allowed(now).min(wanted);
                bucket.pass(allowed, now);
                passed.extend(std::iter::repeat_n(now, allowed));
                if allowed < wanted {
                    let next = bucket.next();
                    prop_assert!(next.is_some(), "there is a next");
                    let next = next.unwrap_or(now);
                    prop_assert!(next > now, "one is due now, and was refused");
                    prop_assert!(bucket.allowed(next) >= 1, "it is promised, and refused");
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = (*to - *from).as_nanos() / interval.as_nanos() + u128::from(burst);
                    prop_assert!((last - first) as u128 <= most, "{first}..{last}");
                }
            }
        }
    }

    #[test]
    fn what_is_conflated_has_waited() {
        let mut gather = Conflated::new(|item: u64| vec![item], |merged: &mut Vec<u64>, item| merged.push(item));
        let now = Instant::now();
        assert_eq!((gather.room(false), gather.due()), (1, Due::Never));
        assert_eq!(gather.push(1, now), Pushed::Kept);
        assert_eq!((gather.room(false), gather.due()), (0, Due::Now));
        assert!(gather.room(true) > 0);
        assert_eq!(gather.push(2, now), Pushed::Merged);
        assert_eq!(gather.take(), Some(vec![1, 2]));
        assert_eq!(gather.due(), Due::Never);
    }
}
