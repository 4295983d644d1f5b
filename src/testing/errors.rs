//! Why an ask has no answer, for mocks that say so.

use std::time::Duration;

use crate::actor::AskError;

/// The error of an ask that was not answered in time, though the message was there: for
/// [`Call::failed`](crate::actor::Call::failed).
///
/// # Examples
/// ```
/// use regatta::{actor::Call, testing};
/// use std::time::Duration;
///
/// struct Clock;
///
/// #[regatta::actor]
/// impl Clock {
///     pub fn hour(&self) -> u8 { 12 }
/// }
///
/// /// A clock that is stuck.
/// struct Stuck;
///
/// impl ClockApi for Stuck {
///     fn hour(&self) -> Call<'_, ClockMsg, u8> { Call::failed(testing::elapsed(Duration::from_secs(5))) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(Stuck.hour().await.unwrap_err().is_elapsed());
/// # }
/// ```
#[must_use]
pub fn elapsed<E>(limit: Duration) -> AskError<E> {
    AskError::mock_elapsed(limit)
}

/// The error of an ask whose actor accepts nothing more.
#[must_use]
pub fn closed<E>() -> AskError<E> {
    AskError::mock_closed()
}

/// The error of an ask whose actor has no room, and whose mailbox is not waited for.
#[must_use]
pub fn full<E>(limit: usize) -> AskError<E> {
    AskError::mock_full(limit)
}

/// The error of an ask whose reply was dropped.
#[must_use]
pub fn no_reply<E>() -> AskError<E> {
    AskError::mock_no_reply()
}
