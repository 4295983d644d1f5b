//! Stable sorts on all workers of a pool.
//!
//! - [`partition`]: elements are dealt out by their value to a segment for each worker, and each segment is sorted. Nothing
//!   has to be merged.
//! - [`numbers`]: the same for elements of which nobody sees whether equal ones change places: that is faster.
//! - [`keyed`]: so are pairs of a key and a position, of which none are equal; elements follow them at the end. [`text`] makes
//!   such keys of the first bytes.
//!
//! All are cut into tasks, and [`machine`] has the members of a team work on them. None has `unsafe` code.

mod builder;
mod error;
mod here;
mod keyed;
mod machine;
mod numbers;
mod order;
mod partition;
mod special;
mod split;
mod text;

pub use builder::{Sort, sort, sort_by, sort_by_cached_key, sort_by_key};
pub use error::SortError;

/// What becomes of elements that are to be sorted.
type Sorted<T> = Result<Vec<T>, SortError<T>>;

/// How many elements are worth a worker of their own.
const PIECE_MIN: usize = 8192;

/// In how many pieces so many elements are sorted.
fn pieces(items: usize, workers: usize) -> usize {
    (items / PIECE_MIN).clamp(1, workers.max(1))
}
