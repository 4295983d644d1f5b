//! Stable sorts on all workers of a pool.
//!
//! Two ways to sort, of safe code alone:
//!
//! - [`runs`]: chunks are sorted and merged. It takes any elements and any comparison.
//! - [`partition`]: elements are dealt out by their value, and nothing has to be merged. Equal elements change places, so it
//!   takes numbers, of which nobody sees that, and pairs of a key and a position, of which none are equal: see [`keyed`] and
//!   [`text`].
//!
//! Both are cut into tasks, and [`machine`] has the members of a team work on them.

mod builder;
mod error;
mod here;
mod keyed;
mod machine;
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
