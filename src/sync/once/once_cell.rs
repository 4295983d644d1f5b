//! A value that is made once.

use std::any::type_name;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::super::circles;
use super::super::error::{InitError, InitFailure, Reentrant};
use super::attempt::{Attempt, Leader, Verdict};
use super::slot::{Joined, Slot};
use crate::error::{BoxError, Cancelled, catch};
use crate::task::{Caught, TaskGroup, block_on, runtime};

/// A value that is made by whoever needs it first, once, and then read with one load.
///
/// Many callers share one attempt: the initialiser of the first runs in a task of its own, which the cell owns. So what
/// becomes of the callers does not matter to it:
///
/// | what happens | what becomes of it |
/// |---|---|
/// | the first caller leaves, or is not polled any more | the initialiser goes on, the others get the value |
/// | all callers leave | the same; the next call, and [`get`](Self::get), find the value |
/// | the initialiser fails or panics | all who waited get the same error, and the next call tries again with its own |
/// | its runtime goes away in the middle | one of those who waited goes on with its own initialiser, on its own runtime |
/// | the initialiser asks for its own cell, or for one that waits for it | it gets an error instead of a hang |
/// | somebody [sets](Self::set) the value meanwhile | all who wait get that one, and the initialiser is aborted |
/// | the cell is dropped | the initialiser is aborted |
///
/// For an initialiser that is known from the start use [`Lazy`](super::Lazy); for one that neither waits nor blocks,
/// [`std::sync::OnceLock`].
///
/// # Examples
/// ```
/// use regatta::sync::OnceCell;
///
/// static TOKEN: OnceCell<String> = OnceCell::named("token");
///
/// # async fn sign_in() -> Result<String, std::io::Error> { Ok("secret".into()) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::sync::InitError> {
/// let offline = || async { Err::<String, _>(std::io::Error::other("offline")) };
/// let error = TOKEN.get_or_try_init(offline).await.unwrap_err();
/// assert_eq!(error.to_string(), "once cell `token` could not be initialised: offline");
///
/// assert_eq!(TOKEN.get_or_try_init(sign_in).await?, "secret");
/// assert_eq!(TOKEN.get().map(String::as_str), Some("secret"));
/// # Ok(()) }
/// ```
// In this order: a read then adds nothing to the address before it looks.
#[repr(C)]
#[doc(alias = "singleton")]
#[doc(alias = "double-checked")]
pub struct OnceCell<T> {
    slot: Slot<T>,
    name: Option<&'static str>,
}

impl<T> OnceCell<T> {
    /// Creates an empty cell; errors call it by the type of its value.
    #[cfg(not(regatta_loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { slot: Slot::new(), name: None }
    }

    /// Creates an empty cell with a name for errors.
    #[cfg(not(regatta_loom))]
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self { slot: Slot::new(), name: Some(name) }
    }

    /// The same for models, whose locks cannot be made at compile time.
    #[cfg(regatta_loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { slot: Slot::new(), name: None }
    }

    /// The same with a name.
    #[cfg(regatta_loom)]
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { slot: Slot::new(), name: Some(name) }
    }

    /// The value, if it is made.
    ///
    /// # Complexity
    /// One load when it is; a lock, held for a moment, when it is not.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.slot.get()
    }

    /// Sets the value, unless there is one. All who wait for an initialiser get it at once.
    ///
    /// An initialiser that runs just now is aborted; one that is sync runs to its end, and drops what it has made.
    ///
    /// # Errors
    /// The value that was not set.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.slot.set(value)
    }

    /// Gives the value, if it is made; an initialiser that runs is aborted.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.slot.into_inner()
    }

    fn place(&self) -> Arc<str> {
        match self.name {
            Some(name) => format!("once cell `{name}`").into(),
            None => format!("once cell of `{}`", type_name::<T>()).into(),
        }
    }

    /// Waits for somebody's attempt; nothing if it was lost.
    async fn follow(&self, attempt: &Attempt<T>, wait: Option<circles::Wait>) -> Result<Option<&T>, InitError> {
        // Until the end: others see whom this code waits for.
        let _wait = wait;
        let verdict = attempt.verdict().await;
        // Somebody may have set a value since: then it does not matter what became of the attempt.
        match (self.get(), verdict) {
            (None, Verdict::Failed(error)) => Err(error),
            (value, _) => Ok(value),
        }
    }

    fn wait_for(&self, attempt: &Attempt<T>) -> Result<Option<circles::Wait>, InitError> {
        circles::wait_for(attempt.id).map_err(|circles::Circle| InitError::Reentrant(Reentrant { place: self.place() }))
    }

    fn cancelled(&self) -> InitError {
        InitError::Cancelled(Cancelled::new(self.place()))
    }
}

impl<T: Send + 'static> OnceCell<T> {
    /// The value; the first caller's initialiser makes it.
    ///
    /// `init` itself runs here, and may borrow; the future that it gives runs in a task of its own.
    ///
    /// # Errors
    /// - [`InitError::Panicked`]: the initialiser panicked; whoever waits for this attempt gets the same.
    /// - [`InitError::Cancelled`]: this call's initialiser was dropped together with its runtime.
    /// - [`InitError::Reentrant`]: an initialiser waits for itself.
    /// - [`InitError::Failed`]: another caller's initialiser, of [`get_or_try_init`](Self::get_or_try_init), failed.
    ///
    /// # Cancel safety
    /// Nothing is lost: the initialiser goes on, and the next call finds its value or waits for it.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is something to run; others that wait are not hurt.
    ///
    /// # Complexity
    /// One load when the value is made.
    pub async fn get_or_init<F, R>(&self, init: F) -> Result<&T, InitError>
    where
        F: FnOnce() -> R,
        R: Future<Output = T> + Send + 'static,
    {
        self.make("OnceCell::get_or_init", init).await
    }

    /// The value; the first caller's initialiser makes it, or fails.
    ///
    /// # Errors
    /// As [`get_or_init`](Self::get_or_init), and [`InitError::Failed`] with the error of the initialiser. All who wait for
    /// the same attempt get one shared error; it is not kept, the next call tries again.
    ///
    /// # Cancel safety
    /// Nothing is lost: the initialiser goes on, and the next call finds its value or waits for it.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is something to run; others that wait are not hurt.
    pub async fn get_or_try_init<F, R, E>(&self, init: F) -> Result<&T, InitError>
    where
        F: FnOnce() -> R,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.try_make("OnceCell::get_or_try_init", init).await
    }

    /// The value, for whoever called `what`.
    pub(super) async fn make<F, R>(&self, what: &str, init: F) -> Result<&T, InitError>
    where
        F: FnOnce() -> R,
        R: Future<Output = T> + Send + 'static,
    {
        let init = || {
            let init = init();
            async { Ok::<T, Infallible>(init.await) }
        };
        self.try_make(what, init).await
    }

    async fn try_make<F, R, E>(&self, what: &str, init: F) -> Result<&T, InitError>
    where
        F: FnOnce() -> R,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        loop {
            if let Some(value) = self.get() {
                return Ok(value);
            }
            match self.slot.join() {
                Joined::Ready => {}
                Joined::Waits(attempt) => {
                    let wait = self.wait_for(&attempt)?;
                    if let Some(value) = self.follow(&attempt, wait).await? {
                        return Ok(value);
                    }
                }
                Joined::Leads(leader) => {
                    let attempt = leader.attempt().clone();
                    let wait = self.wait_for(&attempt)?;
                    drop(runtime(what));
                    self.start(leader, init);
                    return self.follow(&attempt, wait).await?.ok_or_else(|| self.cancelled());
                }
            }
        }
    }

    /// Spawns the initialiser.
    fn start<F, R, E>(&self, leader: Leader<T>, init: F)
    where
        F: FnOnce() -> R,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let (place, attempt) = (self.place(), leader.attempt().clone());
        let made = match catch(&place, || circles::inside(attempt.id, init)) {
            Ok(made) => made,
            Err(panicked) => return leader.finish(Err(InitError::Panicked(panicked))),
        };
        let failed = place.clone();
        let made = async move { made.await.map_err(|error| InitError::Failed(InitFailure::new(failed, error.into()))) };
        let made = circles::inside_future(attempt.id, Caught::new(place.clone(), made));
        let tasks = TaskGroup::unobserved(place, CancellationToken::new());
        let spawned = tasks.spawn("init", async move {
            leader.finish(made.await.unwrap_or_else(|panicked| Err(InitError::Panicked(panicked))));
        });
        // A new group is open. The handle may go: the group owns the task.
        drop(spawned);
        self.slot.own(&attempt, tasks);
    }
}

impl<T> OnceCell<T> {
    /// The value, from sync code: the first caller runs `init` on its own thread, others block until it is done.
    ///
    /// Async callers that come meanwhile wait for it, too, and it waits for an async initialiser that has begun.
    ///
    /// # Errors
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Panics
    /// On a thread that drives async tasks, unless the value is made. A panic of `init` does not arrive here: it is an
    /// error for all who wait.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::OnceCell;
    ///
    /// static PRIMES: OnceCell<Vec<u32>> = OnceCell::new();
    /// let primes = PRIMES.get_or_init_blocking(|| vec![2, 3, 5, 7])?;
    /// assert_eq!(primes.len(), 4);
    /// # Ok::<(), regatta::sync::InitError>(())
    /// ```
    #[track_caller]
    pub fn get_or_init_blocking(&self, init: impl FnOnce() -> T) -> Result<&T, InitError> {
        self.get_or_try_init_blocking(|| Ok::<T, Infallible>(init()))
    }

    /// The value, from sync code; making it may fail.
    ///
    /// # Errors
    /// As [`get_or_try_init`](Self::get_or_try_init).
    ///
    /// # Panics
    /// On a thread that drives async tasks, unless the value is made.
    #[track_caller]
    pub fn get_or_try_init_blocking<E: Into<BoxError>>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, InitError> {
        loop {
            if let Some(value) = self.get() {
                return Ok(value);
            }
            // Also where there is nothing to wait for: what is wrong should be wrong every time.
            block_on(std::future::ready(()));
            match self.slot.join() {
                Joined::Ready => {}
                Joined::Waits(attempt) => {
                    let wait = self.wait_for(&attempt)?;
                    if let Some(value) = block_on(self.follow(&attempt, wait))? {
                        return Ok(value);
                    }
                }
                Joined::Leads(leader) => {
                    let attempt = leader.attempt().clone();
                    let wait = self.wait_for(&attempt)?;
                    leader.finish(self.run(attempt.id, init));
                    return block_on(self.follow(&attempt, wait))?.ok_or_else(|| self.cancelled());
                }
            }
        }
    }

    /// Runs a sync initialiser.
    fn run<E: Into<BoxError>>(&self, attempt: u64, init: impl FnOnce() -> Result<T, E>) -> Result<T, InitError> {
        let place = self.place();
        // With the conversion of the error, which is user code as well.
        let made = catch(&place, || circles::inside(attempt, || init().map_err(Into::into)));
        match made {
            Ok(made) => made.map_err(|error| InitError::Failed(InitFailure::new(place, error))),
            Err(panicked) => Err(InitError::Panicked(panicked)),
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("name", &self.name).field("value", &self.get()).finish()
    }
}
