//! How many items a stage works on at once, and in which order they leave it.

use crate::error::refuse_zero;

/// How many items a stage works on at once, and whether they leave in the order they came.
///
/// A plain number is ordered: `map_async(8, fetch)` is `map_async(Concurrency::ordered(8), fetch)`.
///
/// # Examples
/// ```
/// use regatta::pipeline::Concurrency;
///
/// assert_eq!(Concurrency::from(8), Concurrency::ordered(8));
/// assert_eq!(Concurrency::unordered(8).limit(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concurrency {
    limit: usize,
    is_ordered: bool,
}

impl Concurrency {
    /// Works on up to `limit` items at once; results leave in the order of the input. A slow item holds back those
    /// behind it, and the window they may fill is bounded.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[must_use]
    #[track_caller]
    pub fn ordered(limit: usize) -> Self {
        refuse_zero("pipeline", "concurrency", limit);
        Self { limit, is_ordered: true }
    }

    /// Works on up to `limit` items at once; results leave as they are finished.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[must_use]
    #[track_caller]
    pub fn unordered(limit: usize) -> Self {
        refuse_zero("pipeline", "concurrency", limit);
        Self { limit, is_ordered: false }
    }

    /// How many items at once.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Tells whether results leave in the order of the input.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }
}

impl From<usize> for Concurrency {
    #[track_caller]
    fn from(limit: usize) -> Self {
        Self::ordered(limit)
    }
}
