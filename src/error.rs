//! The five words for what can go wrong, and [`BoxError`].
//!
//! Every pattern fails in one of five ways, and says it with the same word: something is [`Full`], it is [`Closed`],
//! time has [`Elapsed`], the work was [`Cancelled`], or user code [`Panicked`]. The *types* of an operation's errors
//! live beside the operation and hand the value back; these are the words they are made of and their
//! [`source`](std::error::Error::source).
//!
//! Each word names the place it happened at, so that one line in a log is enough:
//!
//! ```
//! use regatta::error::{Closed, Full, Panicked};
//!
//! assert_eq!(Full::new("queue `mails`", 128).to_string(), "queue `mails` is full: 128 of 128 taken");
//! assert_eq!(Closed::new("pool `cpu`").because("it was aborted").to_string(), "pool `cpu` is closed: it was aborted");
//! assert_eq!(Panicked::new("task `fetch[3]`", "index out of bounds").to_string(), "task `fetch[3]` panicked: index out of bounds");
//! ```

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Any error of user code that crosses a task boundary.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// A bound is reached and the caller did not want to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Full {
    /// What is full, for example ``queue `mails` ``.
    pub place: Arc<str>,
    /// How many it holds.
    pub limit: usize,
}

/// The thing no longer accepts work, because it was closed or is stopping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// What is closed.
    pub place: Arc<str>,
    /// Why, where that is known: for example `it was aborted`.
    pub cause: Option<Arc<str>>,
}

/// The time allowed for an operation is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elapsed {
    /// What was waited for.
    pub place: Arc<str>,
    /// The time allowed.
    pub limit: Duration,
}

/// The work was cancelled before it finished: by its owner, by a deadline, or because the owner was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled {
    /// What was cancelled.
    pub place: Arc<str>,
}

/// User code panicked. The panic was caught: it killed no worker and poisoned no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panicked {
    /// Where: the task, job or stage that ran the code.
    pub place: Arc<str>,
    /// The panic's message; a placeholder when the payload was not text.
    pub message: Arc<str>,
}

impl Full {
    /// Says that `place` holds `limit` already.
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>, limit: usize) -> Self {
        Self { place: place.into(), limit }
    }
}

impl Closed {
    /// Says that `place` accepts nothing more.
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>) -> Self {
        Self { place: place.into(), cause: None }
    }

    /// Says why: a sentence about the place, as `it was aborted`.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Arc<str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl Elapsed {
    /// Says that `place` took longer than `limit`.
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>, limit: Duration) -> Self {
        Self { place: place.into(), limit }
    }
}

impl Cancelled {
    /// Says that the work of `place` was stopped before its end.
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>) -> Self {
        Self { place: place.into() }
    }
}

impl Panicked {
    /// Says that code of `place` panicked with `message`.
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    /// Reads the message out of a caught payload, and drops the payload where it can do no harm.
    pub(crate) fn from_payload(place: impl Into<Arc<str>>, payload: Box<dyn Any + Send>) -> Self {
        let message: Arc<str> = match payload.downcast_ref::<&'static str>() {
            Some(text) => Arc::from(*text),
            None => match payload.downcast_ref::<String>() {
                Some(text) => Arc::from(text.as_str()),
                None => Arc::from("(a payload that is not text)"),
            },
        };
        drop_quietly(payload);
        Self { place: place.into(), message }
    }
}

/// Runs user code; a panic comes back as a value.
pub(crate) fn catch<R>(place: &Arc<str>, run: impl FnOnce() -> R) -> Result<R, Panicked> {
    // User state reached through `run` may be left half-changed; it is the user's, and never looked at by us again
    // unless the user asked to go on after a panic.
    // A `match`, as each closure that is called is one more function for each of thousands of callers to compile.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Ok(result),
        Err(payload) => Err(Panicked::from_payload(place.clone(), payload)),
    }
}

/// Runs user code of some size, as a chunk of many calls; a panic comes back as its payload.
///
/// Never inlined: rustc 1.95 has been seen to make of an inlined `catch_unwind` a landing pad that looks for the panic in the
/// wrong register, and the process aborts (`docs/design/parallel.md`).
#[inline(never)]
pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(run))
}

/// A value of the user's that is in hand while other code of the user's runs, which may panic: if it is dropped then, that is
/// done quietly, because a second panic would end the process.
pub(crate) struct Kept<T>(Option<T>);

impl<T> Kept<T> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("it is there until it is taken out"),
        }
    }

    #[inline(always)]
    pub(crate) fn into_inner(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("it is there until it is taken out"),
        }
    }
}

impl<T> Drop for Kept<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>()
            && let Some(value) = self.0.take()
        {
            drop_quietly(value);
        }
    }
}

/// Drops a user's value whose destructor may panic. A second panic from the payload of the first is forgotten, not
/// dropped: its destructor could panic for ever.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
        std::mem::forget(payload);
    }
}

/// Writes to the log; a subscriber that panics is the subscriber's own trouble. Call it last: what it is about has
/// happened.
pub(crate) fn log_quietly(log: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(log)) {
        drop_quietly(payload);
    }
}

/// Wakes a task; a waker that panics is the task's own trouble.
pub(crate) fn wake_quietly(waker: std::task::Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(move || waker.wake())) {
        drop_quietly(payload);
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is full: {limit} of {limit} taken", self.place, limit = self.limit)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is closed", self.place)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} took longer than {:?}", self.place, self.limit)
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was cancelled", self.place)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever the panic said.
        write!(f, "{} panicked: {}", self.place, self.message.replace('\n', "\\n"))
    }
}

impl Error for Full {}
impl Error for Closed {}
impl Error for Elapsed {}
impl Error for Cancelled {}
impl Error for Panicked {}

/// Refuses zero for a size, a limit or a capacity, at the line of whoever gave it.
#[track_caller]
pub(crate) fn refuse_zero(owner: &str, parameter: &str, value: usize) {
    assert!(value > 0, "{owner}: {parameter} must be above zero");
}
