//! The await side of one task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::{AbortHandle, JoinHandle};

use super::blocking::Discard;
use super::error::TaskError;
use crate::error::{Cancelled, Panicked};

/// Waits for one task of a [`TaskGroup`](super::TaskGroup) and gives its value.
///
/// Dropping the handle changes nothing: the group owns the task.
///
/// # Cancel safety
/// Awaiting `&mut handle` may be given up and taken up again; the value is lost only with the handle.
///
/// # Errors
/// [`TaskError::Panicked`] with the message and the task's name, [`TaskError::Cancelled`] when it was aborted.
pub struct TaskHandle<T> {
    place: Arc<str>,
    join: JoinHandle<Result<T, TaskError>>,
    /// Of a blocking task.
    closure: Option<Arc<dyn Discard>>,
}

impl<T> TaskHandle<T> {
    pub(super) fn new(
        place: Arc<str>,
        join: JoinHandle<Result<T, TaskError>>,
        closure: Option<Arc<dyn Discard>>,
    ) -> Self {
        Self { place, join, closure }
    }

    /// Stops the task at its next await; a blocking closure only if it has not begun, and drops it then, here and now.
    /// Does not wait.
    pub fn abort(&self) {
        self.join.abort();
        self.closure.iter().for_each(|closure| closure.discard());
    }

    /// What aborts an async task after the handle has gone elsewhere.
    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.join.abort_handle()
    }

    /// Tells whether the task has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.join).poll(cx)) {
            Ok(result) => result,
            // Panics of user code never get this far, but one in a destructor of an aborted task does: `Tracked` says
            // it again, after it is in the books.
            Err(error) => Err(match error.try_into_panic() {
                Ok(payload) => TaskError::Panicked(Panicked::from_payload(self.place.clone(), payload)),
                Err(_) => TaskError::Cancelled(Cancelled::new(self.place.clone())),
            }),
        })
    }
}

impl<T> std::fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskHandle").field("task", &self.place).field("is_finished", &self.is_finished()).finish()
    }
}
