//! Why not enough of several futures succeeded.

use std::error::Error;
use std::fmt;

use crate::error::Panicked;

/// Too many of several futures failed; given by [`any`](super::any()) and [`quorum`](super::quorum()).
///
/// # Examples
/// ```
/// use regatta::promise::any;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mirrors = ["a", "b"].map(|name| async move { Err::<u32, _>(format!("{name} is down")) });
/// let error = any(mirrors).await.unwrap_err();
/// assert_eq!(error.to_string(), "any: 2 of 2 futures failed, where 1 had to succeed; first: a is down");
/// assert_eq!(error.into_errors(), ["a is down", "b is down"]);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateError<E> {
    of: &'static str,
    needed: usize,
    total: usize,
    errors: Vec<(usize, E)>,
    panics: Vec<(usize, Panicked)>,
}

impl<E> AggregateError<E> {
    pub(super) fn new(of: &'static str, needed: usize, total: usize) -> Self {
        Self { of, needed, total, errors: Vec::new(), panics: Vec::new() }
    }

    /// Adds one that failed.
    pub(super) fn add(&mut self, index: usize, failure: Result<E, Panicked>) {
        match failure {
            Ok(error) => self.errors.push((index, error)),
            Err(panicked) => self.panics.push((index, panicked)),
        }
    }

    /// How many failed so far.
    pub(super) fn failed(&self) -> usize {
        self.errors.len() + self.panics.len()
    }

    /// They came in the order of completion; a reader looks for the order of the input.
    pub(super) fn sort(&mut self) {
        self.errors.sort_by_key(|(index, _)| *index);
        self.panics.sort_by_key(|(index, _)| *index);
    }

    /// How many had to succeed.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// How many futures there were.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// The errors, each with the place of its future in the input, in the order of the input. Futures that had not
    /// ended when success became impossible have none.
    #[must_use]
    pub fn errors(&self) -> impl ExactSizeIterator<Item = (usize, &E)> {
        self.errors.iter().map(|(index, error)| (*index, error))
    }

    /// The errors alone, in the order of the input.
    #[must_use]
    pub fn into_errors(self) -> Vec<E> {
        self.errors.into_iter().map(|(_, error)| error).collect()
    }

    /// The futures that panicked, in the order of the input; each says which one it was.
    #[must_use]
    pub fn panics(&self) -> impl ExactSizeIterator<Item = &Panicked> {
        self.panics.iter().map(|(_, panicked)| panicked)
    }
}

impl<E: fmt::Display> fmt::Display for AggregateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, needed, total, errors, panics } = self;
        if self.failed() == 0 {
            // There were too few from the start.
            return match total {
                0 => write!(f, "{of}: {needed} had to succeed, but there were no futures"),
                _ => write!(f, "{of}: {needed} had to succeed, but there were only {total} futures"),
            };
        }
        write!(f, "{of}: {} of {total} futures failed, where {needed} had to succeed", self.failed())?;
        match (errors.first(), panics.first()) {
            (Some((_, error)), _) => write!(f, "; first: {error}"),
            (None, Some((_, panicked))) => write!(f, "; first: {panicked}"),
            (None, None) => Ok(()),
        }
    }
}

impl<E: Error + 'static> Error for AggregateError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.errors.first() {
            Some((_, error)) => Some(error),
            None => self.panics.first().map(|(_, panicked)| panicked as &(dyn Error + 'static)),
        }
    }
}
