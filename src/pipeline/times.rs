//! Where the time of a stage goes. The clock is read only when that changes, which is where a task begins or ends to wait.

use std::time::Duration;

use tokio::time::Instant;

pub use crate::observe::Times;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Busy,
    Blocked,
    Starved,
    /// It has ended.
    Over,
}

#[derive(Debug)]
pub(super) struct Clock {
    mood: Mood,
    /// How many workers are awake.
    engaged: usize,
    /// Since the first item was looked for.
    since: Option<Instant>,
    times: Times,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { mood: Mood::Busy, engaged: 0, since: None, times: Times::default() }
    }

    /// Takes note of what the stage does from now on.
    #[inline]
    pub(super) fn turn(&mut self, mood: Mood, engaged: usize) {
        if cfg!(regatta_uncounted) {
            return;
        }
        if mood != self.mood || engaged != self.engaged || self.since.is_none() {
            self.change(mood, engaged);
        }
    }

    #[cold]
    fn change(&mut self, mood: Mood, engaged: usize) {
        let now = Instant::now();
        self.times = self.at(now);
        (self.mood, self.engaged, self.since) = (mood, engaged, Some(now));
    }

    pub(super) fn times(&self) -> Times {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Times {
        let (mut times, spent) = (self.times, self.since.map_or(Duration::ZERO, |since| now - since));
        match self.mood {
            Mood::Busy => {
                times.busy += spent;
                let engaged = u32::try_from(self.engaged).unwrap_or(u32::MAX);
                times.worked = times.worked.saturating_add(spent.saturating_mul(engaged));
            }
            Mood::Blocked => times.blocked += spent,
            Mood::Starved => times.starved += spent,
            Mood::Over => {}
        }
        times
    }
}
