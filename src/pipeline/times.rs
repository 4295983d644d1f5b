//! Where the time of a stage goes. The clock is read only when that changes, which is where a task begins or ends to wait.

use std::time::Duration;

use tokio::time::Instant;

/// Where the time of a stage with tasks of its own went, since it started.
///
/// Of the stages of a pipeline, the one that limits it is busy all the time; those before it are blocked, those after it
/// starved. Tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Times {
    /// At least one item was worked on, or the fused stages before it ran; or it kept to its rate.
    pub busy: Duration,
    /// Nothing was worked on: its results have not been taken, and there was no place for more.
    pub blocked: Duration,
    /// Nothing was worked on: there was no input.
    pub starved: Duration,
}

impl Times {
    /// The shares of busy, blocked and starved in a hundred, rounded down.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::Pipeline;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let wait = |_| tokio::time::sleep(Duration::from_millis(10));
    /// let mut running = Pipeline::from_iter(0..10).map_async(1, wait).for_each(1, |()| async {}).spawn();
    /// (&mut running).await?;
    /// let [busy, _, _] = running.stats().stages[1].times.expect("a stage with tasks").percent();
    /// assert!(busy > 95);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn percent(&self) -> [usize; 3] {
        let whole = (self.busy + self.blocked + self.starved).as_nanos().max(1);
        // A share of a hundred fits.
        [self.busy, self.blocked, self.starved].map(|part| (part.as_nanos() * 100 / whole) as usize)
    }
}

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
    /// Since the first item was looked for.
    since: Option<Instant>,
    times: Times,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { mood: Mood::Busy, since: None, times: Times::default() }
    }

    /// Takes note of what the stage does from now on.
    #[inline]
    pub(super) fn turn(&mut self, mood: Mood) {
        if mood != self.mood || self.since.is_none() {
            self.change(mood);
        }
    }

    #[cold]
    fn change(&mut self, mood: Mood) {
        let now = Instant::now();
        self.times = self.at(now);
        (self.mood, self.since) = (mood, Some(now));
    }

    pub(super) fn times(&self) -> Times {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Times {
        let (mut times, spent) = (self.times, self.since.map_or(Duration::ZERO, |since| now - since));
        match self.mood {
            Mood::Busy => times.busy += spent,
            Mood::Blocked => times.blocked += spent,
            Mood::Starved => times.starved += spent,
            Mood::Over => {}
        }
        times
    }
}
