//! The end for code that is not async.

use std::time::Duration;

use super::error::PromiseError;
use super::future::PromiseFuture;
use crate::error::Elapsed;
use crate::task::block_on_timeout;

impl<T: Clone, E: Clone> PromiseFuture<T, E> {
    /// Blocks this thread until the promise is settled, for at most `limit` of real time; [`Duration::MAX`] is no
    /// limit.
    ///
    /// For threads that run no async code. The future stays usable, whatever comes of it: after an elapsed wait it can
    /// wait again. Needs no runtime.
    ///
    /// # Examples
    /// ```
    /// use regatta::promise::promise;
    /// use std::{thread, time::Duration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (writer, future) = promise::<u32, std::fmt::Error>();
    /// let late = future.wait_blocking(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(late.to_string(), "a promise took longer than 1ms");
    ///
    /// thread::spawn(move || writer.resolve(7));
    /// assert_eq!(future.wait_blocking(Duration::MAX)??, 7);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Elapsed`] when the promise was not settled in time. Inside is the result, with the errors of [awaiting it](Self).
    ///
    /// # Panics
    /// On a thread that drives async tasks, with tokio's message and at the caller's line, also when the promise is
    /// settled: there it could wait for a task that waits for this thread. Inside `spawn_blocking` and `block_in_place`
    /// it is allowed.
    #[track_caller]
    pub fn wait_blocking(&self, limit: Duration) -> Result<Result<T, PromiseError<E>>, Elapsed> {
        match block_on_timeout(self.wait_ref(), limit) {
            Some(outcome) => Ok(outcome.cloned().map_err(PromiseError::clone)),
            None => Err(Elapsed::new("a promise", limit)),
        }
    }
}
