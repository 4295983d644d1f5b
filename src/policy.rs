//! Plain values that several patterns share: what to do at a bound, who goes first, how long to wait before trying again.
//!
//! A policy is data. It holds no state, spawns nothing and reads no clock; the pattern that is given one keeps the
//! state. So a policy can be a constant, be compared, and be used by any number of things at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What happens to an item that is offered while the buffer is full.
///
/// | | the one who offers | the item offered | what was queued |
/// |---|---|---|---|
/// | [`Wait`](Overflow::Wait) | waits for room | enqueued later | kept |
/// | [`Reject`](Overflow::Reject) | gets the item back at once | handed back | kept |
/// | [`DropOldest`](Overflow::DropOldest) | goes on | enqueued | its oldest item is dropped and counted |
/// | [`DropNewest`](Overflow::DropNewest) | goes on | dropped and counted | kept |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// Wait for room: the pressure travels upstream and nothing is lost.
    #[default]
    Wait,
    /// Refuse: the caller decides, with the item in hand.
    Reject,
    /// Make room by dropping what has waited longest: for data of which only the latest matters.
    DropOldest,
    /// Drop what comes while there is no room: for samples, where any will do.
    DropNewest,
}

/// Which of three lanes an item or a job travels in.
///
/// The higher lane goes first, but no lane is ever starved: of 16 turns at least 12 begin with `High`, 3 with `Normal` and
/// one with `Low`. A turn whose lane is empty goes to the highest that is not.
///
/// # Examples
/// ```
/// use regatta::policy::Priority;
///
/// assert!(Priority::High > Priority::Normal && Priority::Normal > Priority::Low);
/// assert_eq!(Priority::default(), Priority::Normal);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// What can wait: served when nothing else is there, and at every sixteenth turn.
    Low,
    /// What has no priority of its own.
    #[default]
    Normal,
    /// What goes first.
    High,
}

impl Priority {
    /// All of them, the highest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// In which order the lanes are looked at in this turn. Turns are counted by whoever takes, from any number.
    pub(crate) fn order(turn: u32) -> [Self; 3] {
        match turn % 16 {
            15 => [Self::Low, Self::High, Self::Normal],
            3 | 7 | 11 => [Self::Normal, Self::High, Self::Low],
            _ => Self::ALL,
        }
    }

    /// The index of the lane, the highest first.
    pub(crate) fn lane(self) -> usize {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

/// How long to wait before each new attempt: exponential growth between two bounds, with jitter.
///
/// The delay before retry *k* (from 1) is drawn evenly from `(1 - jitter) × d ..= d` with
/// `d = min(first × 2^(k-1), longest)`. Jitter keeps clients that failed together from coming back together
/// ([“Exponential Backoff And Jitter”](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)).
///
/// # Examples
/// ```
/// use regatta::policy::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(10)..=Duration::from_millis(50)).attempts(5).jitter(0.0);
/// let delays: Vec<u128> = backoff.delays().map(|delay| delay.as_millis()).collect();
/// assert_eq!(delays, [10, 20, 40, 50]); // four waits lie between five attempts
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    jitter: f64,
}

impl Backoff {
    /// Doubles the delay from the range's start up to its end: at most 3 attempts, jitter 0.5.
    ///
    /// # Panics
    /// When the range is empty, or its end is zero.
    #[must_use]
    #[track_caller]
    pub fn exponential(delays: std::ops::RangeInclusive<Duration>) -> Self {
        let (first, longest) = delays.into_inner();
        assert!(first <= longest, "backoff: the first delay ({first:?}) must not exceed the longest ({longest:?})");
        assert!(!longest.is_zero(), "backoff: the longest delay must be above zero");
        Self { first, longest, attempts: 3, jitter: 0.5 }
    }

    /// Sets how many attempts there are in all, the first included.
    ///
    /// # Panics
    /// When `attempts` is zero.
    #[must_use]
    #[track_caller]
    pub fn attempts(mut self, attempts: u32) -> Self {
        assert!(attempts > 0, "backoff: attempts must be above zero");
        self.attempts = attempts;
        self
    }

    /// Sets which share of a delay is random: 0.0 for none, 1.0 for anything between nothing and the full delay.
    ///
    /// # Panics
    /// When `jitter` is not in `0.0..=1.0`.
    #[must_use]
    #[track_caller]
    pub fn jitter(mut self, jitter: f64) -> Self {
        assert!((0.0..=1.0).contains(&jitter), "backoff: jitter must be in 0.0..=1.0, got {jitter}");
        self.jitter = jitter;
        self
    }

    /// What the delay grows to.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// The delays of one sequence of attempts, each time with jitter of its own.
    pub fn delays(&self) -> Delays {
        // The keys of `RandomState` are random for each value: a seed without a dependency.
        Delays { backoff: *self, retry: 0, full: self.first, random: RandomState::new().hash_one(0_u8) | 1 }
    }
}

/// The delays between the attempts of one operation; made by [`Backoff::delays`].
#[derive(Debug, Clone)]
#[must_use = "iterators are lazy"]
pub struct Delays {
    backoff: Backoff,
    retry: u32,
    /// The next delay, before jitter.
    full: Duration,
    random: u64,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Backoff { longest, attempts, jitter, .. } = self.backoff;
        if self.retry + 1 >= attempts {
            return None;
        }
        let full = self.full;
        self.full = full.saturating_mul(2).min(longest);
        self.retry += 1;
        // xorshift64 (Marsaglia 2003): enough to spread clients apart.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let unit = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        // The largest durations are beyond what a float can give back: the cut is rounded, never the delay.
        let cut = Duration::try_from_secs_f64(full.as_secs_f64() * jitter * unit).unwrap_or(full);
        Some(full.saturating_sub(cut))
    }
}

/// How many retries a whole stage may spend, as a share of its first attempts.
///
/// A limit on the attempts of one item does not stop a retry storm: when everything fails, three attempts each are
/// three times the load on a service that is already down. A budget bounds the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBudget {
    ratio: f64,
    reserve: u32,
}

impl RetryBudget {
    /// Allows `ratio` retries for each first attempt (0.2: one retry for five items), and 10 in reserve.
    ///
    /// # Panics
    /// When `ratio` is negative or not finite.
    #[must_use]
    #[track_caller]
    pub fn ratio(ratio: f64) -> Self {
        assert!(ratio.is_finite() && ratio >= 0.0, "retry budget: ratio must be finite and not negative, got {ratio}");
        Self { ratio, reserve: 10 }
    }

    /// Sets how many retries are allowed before any attempt has earned one.
    #[must_use]
    pub fn reserve(mut self, retries: u32) -> Self {
        self.reserve = retries;
        self
    }

    /// Tells whether one more retry is within the budget after so many first attempts and retries.
    ///
    /// ```
    /// use regatta::policy::RetryBudget;
    ///
    /// let budget = RetryBudget::ratio(0.2).reserve(1);
    /// assert!(budget.allows(0, 0)); // the reserve
    /// assert!(!budget.allows(4, 1));
    /// assert!(budget.allows(5, 1)); // five attempts have earned one more
    /// ```
    #[must_use]
    pub fn allows(&self, attempts: u64, retries: u64) -> bool {
        (retries as f64) < f64::from(self.reserve) + (attempts as f64 * self.ratio).floor()
    }
}

/// How many things may happen in a time: a steady rate and how many may come at once.
///
/// ```
/// use regatta::policy::Rate;
/// use std::time::Duration;
///
/// let rate = Rate::per_sec(100).burst(10);
/// assert_eq!(rate.interval(), Duration::from_millis(10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    per: Duration,
    burst: u32,
}

impl Rate {
    /// Allows `count` in each `per`, evenly spread, one at a time.
    ///
    /// # Panics
    /// When `count` or `per` is zero.
    #[must_use]
    #[track_caller]
    pub fn new(count: u32, per: Duration) -> Self {
        assert!(count > 0, "rate: count must be above zero");
        assert!(!per.is_zero(), "rate: the time must be above zero");
        Self { count, per, burst: 1 }
    }

    /// Allows `count` a second.
    ///
    /// # Panics
    /// When `count` is zero.
    #[must_use]
    #[track_caller]
    pub fn per_sec(count: u32) -> Self {
        Self::new(count, Duration::from_secs(1))
    }

    /// Sets how many may come at once after a rest.
    ///
    /// # Panics
    /// When `burst` is zero.
    #[must_use]
    #[track_caller]
    pub fn burst(mut self, burst: u32) -> Self {
        assert!(burst > 0, "rate: burst must be above zero");
        self.burst = burst;
        self
    }

    /// The time between two at the steady rate.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.per / self.count
    }

    /// How many may come at once.
    #[must_use]
    pub fn burst_limit(&self) -> u32 {
        self.burst
    }
}
