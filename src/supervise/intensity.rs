//! How many failures in how much time are too many.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// How many restarts a supervisor makes within a time before it gives up.
///
/// The window slides: at each failure those are counted that are at most `within` old, this one included, and the limit is
/// exceeded by one more than `restarts`. One failure counts once, however many siblings are restarted with it. So with
/// 3 in 5 s the fourth failure within 5 s is one too many, and with 0 the first.
///
/// # Examples
/// ```
/// use regatta::supervise::Intensity;
/// use std::time::Duration;
///
/// assert_eq!(Intensity::default(), Intensity::new(3, Duration::from_secs(5)));
/// assert_eq!(Intensity::OTP.to_string(), "1 restart within 5s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intensity {
    pub(crate) restarts: u32,
    pub(crate) within: Duration,
}

/// The failures that count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    limit: Intensity,
    failures: VecDeque<Instant>,
}

impl Intensity {
    /// What OTP's supervisors do unless told otherwise: 1 restart in 5 seconds.
    pub const OTP: Self = Self::new(1, Duration::from_secs(5));

    /// Allows so many restarts within so much time.
    ///
    /// # Panics
    /// When restarts are allowed within no time at all: that would be without a limit.
    #[must_use]
    #[track_caller]
    pub const fn new(restarts: u32, within: Duration) -> Self {
        assert!(
            restarts == 0 || !within.is_zero(),
            "Intensity: within must be above zero; `Intensity::unlimited()` never gives up"
        );
        Self { restarts, within }
    }

    /// Never gives up: then a [backoff](super::ChildSpec::backoff) should keep a child that always fails from keeping the
    /// machine busy.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::new(u32::MAX, Duration::MAX)
    }

    fn is_limited(self) -> bool {
        self.restarts < u32::MAX
    }
}

/// 3 restarts in 5 seconds: OTP's 1 is met by the second of two unrelated failures.
impl Default for Intensity {
    fn default() -> Self {
        Self::new(3, Duration::from_secs(5))
    }
}

impl fmt::Display for Intensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restarts {
            u32::MAX => write!(f, "any number of restarts"),
            1 => write!(f, "1 restart within {:?}", self.within),
            restarts => write!(f, "{restarts} restarts within {:?}", self.within),
        }
    }
}

impl Window {
    pub(crate) fn new(limit: Intensity) -> Self {
        Self { limit, failures: VecDeque::new() }
    }

    /// Counts a failure; tells whether it is one too many.
    pub(crate) fn note(&mut self, now: Instant) -> bool {
        if !self.limit.is_limited() {
            return false;
        }
        self.forget(now);
        self.failures.push_back(now);
        self.failures.len() > self.limit.restarts as usize
    }

    /// How many failures count now.
    pub(crate) fn recent(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.failures.len()
    }

    pub(crate) fn limit(&self) -> Intensity {
        self.limit
    }

    /// Inclusive: one that is exactly as old as the window counts.
    fn forget(&mut self, now: Instant) {
        while self.failures.front().is_some_and(|failure| now.duration_since(*failure) > self.limit.within) {
            self.failures.pop_front();
        }
    }
}
