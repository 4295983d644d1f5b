//! Parallel computations for async code: data in by value, result out by value, cancelled by dropping the future.
mod items;
mod pieces;
mod reduce;

pub use items::Items;
pub use reduce::{Reduce, reduce};
