//! Describing how an asynchronous stage tries again, and how long it waits.

use std::time::Duration;

use super::builder::Pipeline;
use super::outlet::{Awaited, Outlet};
use super::rules::{Rules, above_zero};
use super::segment::Segment;
use crate::policy::{Backoff, RetryBudget};

/// Stages whose work is a future, and can be begun again or given up.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`retry`, `retry_budget` and `timeout` must follow a stage that awaits futures",
    note = "put them behind `map_async` or `try_map_async`, or at the end behind `for_each`, `try_for_each` or `forward`; a closure cannot be given up in the middle"
)]
pub trait Attempted {
    /// What comes into the stage.
    type Input;

    #[doc(hidden)]
    fn amend(&mut self, amend: impl FnOnce(&mut Rules<Self::Input>));
}

impl<O, I> Attempted for Outlet<O, Awaited<I>> {
    type Input = I;

    fn amend(&mut self, amend: impl FnOnce(&mut Rules<I>)) {
        self.rulebook().amend(amend);
    }
}

impl<S: Segment> Pipeline<S> {
    /// Tries an item again when its future gives an error or [takes too long](Self::timeout): after a delay, and so often as
    /// the backoff says; what is still an error then meets the stage's [policy](Self::on_error). A panic is not tried
    /// again: it is a mistake in the program.
    ///
    /// Where much fails at once, a [budget](Self::retry_budget) keeps retries from making it worse: an item that finds it
    /// spent has failed. The item is cloned before each attempt, and holds its worker while it waits: in an ordered stage
    /// those behind it wait too.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, policy::Backoff};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// static CALLS: AtomicU32 = AtomicU32::new(0);
    ///
    /// async fn fetch(id: u32) -> Result<u32, &'static str> {
    ///     if CALLS.fetch_add(1, Ordering::Relaxed) == 0 { Err("busy") } else { Ok(id * 10) }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pages = Pipeline::from_iter(1..=3)
    ///     .try_map_async(2, fetch)
    ///     .retry(Backoff::exponential(Duration::from_millis(10)..=Duration::from_secs(1)).attempts(5));
    /// assert_eq!(pages.collect::<Vec<_>>().await?, [10, 20, 30]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// A runtime without timers fails the item, as a panic.
    pub fn retry<I>(mut self, backoff: Backoff) -> Self
    where
        S: Attempted<Input = I>,
        I: Clone,
    {
        self.segment.amend(|rules| rules.retry(backoff));
        self
    }

    /// Sets how many retries the whole stage may spend: one for five items otherwise, and ten in reserve.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::{OnError, Pipeline}, policy::{Backoff, RetryBudget}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let down = Pipeline::from_iter(0..100)
    ///     .try_map_async(4, |_| async { Err::<u32, _>("down") })
    ///     .retry(Backoff::exponential(Duration::from_millis(1)..=Duration::from_millis(1)).attempts(10))
    ///     .retry_budget(RetryBudget::ratio(0.1).reserve(0))
    ///     .on_error(OnError::Skip);
    /// let mut running = down.fold(0, |count, _| count + 1).spawn();
    /// assert_eq!((&mut running).await?, 0);
    /// assert_eq!(running.stats().stages[1].retried, 10); // for 100 items, and not 900
    /// # Ok(()) }
    /// ```
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self
    where
        S: Attempted,
    {
        self.segment.amend(|rules| rules.budget = budget);
        self
    }

    /// Bounds how long an attempt may take. A future that takes longer is dropped where it is, and the attempt has failed
    /// with [`Elapsed`](crate::error::Elapsed): it is [tried again](Self::retry), or meets the stage's
    /// [policy](Self::on_error).
    ///
    /// # Examples
    /// ```
    /// use regatta::{error::Elapsed, pipeline::Pipeline};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let stuck = Pipeline::from_iter(1..=3)
    ///     .map_async(2, |n| async move { if n == 2 { std::future::pending().await } else { n } })
    ///     .named("fetch")
    ///     .timeout(Duration::from_secs(1));
    /// let error = stuck.fold(0, |sum, n| sum + n).await.unwrap_err();
    /// assert!(error.downcast_ref::<Elapsed>().is_some());
    /// # }
    /// ```
    ///
    /// # Panics
    /// When `limit` is zero. A runtime without timers fails the item.
    #[track_caller]
    pub fn timeout(mut self, limit: Duration) -> Self
    where
        S: Attempted,
    {
        let limit = above_zero(limit);
        self.segment.amend(|rules| rules.timeout = limit);
        self
    }
}
