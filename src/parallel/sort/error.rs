//! Why elements were not sorted.

use std::error::Error;
use std::fmt;

use crate::pool::{JobError, Quiet};

/// The elements were not sorted; all of them are handed back.
///
/// # Examples
/// ```
/// use regatta::parallel::sort_by_key;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let failed = sort_by_key(vec!["1", "x", "2"], |text| text.parse::<u32>().expect("a number")).await;
/// let error = failed.unwrap_err();
/// assert!(error.error().is_panicked());
///
/// let mut elements = error.into_inner(); // in any order
/// elements.sort();
/// assert_eq!(elements, ["1", "2", "x"]);
/// # Ok(()) }
/// ```
pub struct SortError<T> {
    elements: Quiet<T>,
    error: JobError,
}

impl<T> SortError<T> {
    pub(super) fn new(elements: Quiet<T>, error: JobError) -> Self {
        Self { elements, error }
    }

    /// Gives the elements back, each once, in whatever order they were when the work ended.
    #[must_use]
    pub fn into_inner(self) -> Vec<T> {
        self.elements.into_inner()
    }

    /// Why they were not sorted.
    #[must_use]
    pub fn error(&self) -> &JobError {
        &self.error
    }

    /// Tells whether a comparison panicked, or the function that makes keys.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        self.error.is_panicked()
    }

    /// Tells whether jobs of others pushed the work out of the pool's queue.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.error.is_full()
    }

    /// Tells whether the pool accepts nothing more, or was stopped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.error.is_closed()
    }

    /// Tells whether the operating system refused the pool its only thread.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.error.is_cancelled()
    }
}

impl<T> fmt::Debug for SortError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (elements, error) = (self.elements.0.len(), &self.error);
        f.debug_struct("SortError").field("elements", &elements).field("error", error).finish()
    }
}

impl<T> fmt::Display for SortError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the elements were not sorted: {}", self.error)
    }
}

impl<T> Error for SortError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
