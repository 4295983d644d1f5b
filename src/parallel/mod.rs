//! Parallel computations for async code: data in by value, result out by value, cancelled by dropping the future.
mod items;
mod pieces;
mod reduce;
mod sort;

pub use items::Items;
pub use reduce::{Reduce, reduce};
pub use sort::{Sort, SortError, sort, sort_by, sort_by_cached_key, sort_by_key};
