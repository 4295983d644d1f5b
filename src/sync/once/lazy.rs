//! A value that is made when it is first needed, by an initialiser that is known from the start.

use std::fmt;
use std::future::Future;

use futures::future::BoxFuture;

use super::super::error::InitError;
use super::once_cell::OnceCell;

/// A singleton: a value that is made when it is first needed, once, whoever asks and whoever leaves.
///
/// The initialiser is async, and then the value comes from [`force`](Self::force), or sync, with
/// [`force_blocking`](Self::force_blocking). Everything that [`OnceCell`] promises holds; after a failure, which here is
/// a panic, the next call tries again. An initialiser that can fail fits [`OnceCell::get_or_try_init`]; one that neither
/// waits nor blocks, [`std::sync::LazyLock`].
///
/// # Examples
/// ```
/// use regatta::sync::Lazy;
///
/// static GREETING: Lazy<String> = Lazy::new(|| Box::pin(async { String::from("hello") }));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), regatta::sync::InitError> {
/// assert_eq!(GREETING.get(), None);
/// assert_eq!(GREETING.force().await?, "hello");
/// assert_eq!(GREETING.get().map(String::as_str), Some("hello"));
/// # Ok(()) }
/// ```
#[doc(alias = "singleton")]
pub struct Lazy<T, F = fn() -> BoxFuture<'static, T>> {
    cell: OnceCell<T>,
    init: F,
}

impl<T, F> Lazy<T, F> {
    /// Takes note of the initialiser: `|| async { … }`, boxed where the type must be written down, or `|| value`.
    #[cfg(not(regatta_loom))]
    pub const fn new(init: F) -> Self {
        Self { cell: OnceCell::new(), init }
    }

    /// The same for models.
    #[cfg(regatta_loom)]
    pub fn new(init: F) -> Self {
        Self { cell: OnceCell::new(), init }
    }

    /// The value, if it is made. One load when it is.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.cell.get()
    }
}

impl<T, F, R> Lazy<T, F>
where
    T: Send + 'static,
    F: Fn() -> R,
    R: Future<Output = T> + Send + 'static,
{
    /// The value; made by the first call.
    ///
    /// # Errors
    /// As [`OnceCell::get_or_init`]; all who wait for the same attempt get the same.
    ///
    /// # Cancel safety
    /// Nothing is lost: the initialiser goes on in its own task.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is something to run.
    pub async fn force(&self) -> Result<&T, InitError> {
        self.cell.make("Lazy::force", &self.init).await
    }
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    /// The value, from sync code, of a sync initialiser; made by the first call, on its thread.
    ///
    /// # Errors
    /// As [`OnceCell::get_or_init_blocking`].
    ///
    /// # Panics
    /// On a thread that drives async tasks, unless the value is made.
    ///
    /// # Examples
    /// ```
    /// use regatta::sync::Lazy;
    ///
    /// let sum: Lazy<u32, _> = Lazy::new(|| (1..=10).sum());
    /// assert_eq!(sum.force_blocking()?, &55);
    /// # Ok::<(), regatta::sync::InitError>(())
    /// ```
    #[track_caller]
    pub fn force_blocking(&self) -> Result<&T, InitError> {
        self.cell.get_or_init_blocking(&self.init)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("value", &self.get()).finish_non_exhaustive()
    }
}
