//! Where the time of a component goes.

use std::time::Duration;

/// Where the time of a stage with tasks of its own went, since it started.
///
/// Of the stages of a pipeline, the one that limits it is busy all the time; those before it are blocked, those after it
/// starved. Tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Times {
    /// At least one item was worked on, or the fused stages before it ran; or it kept to its rate.
    #[cfg_attr(feature = "serde", serde(rename = "busy_ns", with = "super::serial::nanos"))]
    pub busy: Duration,
    /// Nothing was worked on: its results have not been taken, and there was no place for more.
    #[cfg_attr(feature = "serde", serde(rename = "blocked_ns", with = "super::serial::nanos"))]
    pub blocked: Duration,
    /// Nothing was worked on: there was no input.
    #[cfg_attr(feature = "serde", serde(rename = "starved_ns", with = "super::serial::nanos"))]
    pub starved: Duration,
    /// How long its workers were at work, added up: with four of them up to four times as long as it was busy.
    #[cfg_attr(feature = "serde", serde(rename = "worked_ns", with = "super::serial::nanos"))]
    pub worked: Duration,
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
        let whole = self.whole().as_nanos().max(1);
        // A share of a hundred fits.
        [self.busy, self.blocked, self.starved].map(|part| (part.as_nanos() * 100 / whole) as usize)
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Duration {
        self.busy + self.blocked + self.starved
    }

    /// What was added since.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(earlier.busy),
            blocked: self.blocked.saturating_sub(earlier.blocked),
            starved: self.starved.saturating_sub(earlier.starved),
            worked: self.worked.saturating_sub(earlier.worked),
        }
    }
}
