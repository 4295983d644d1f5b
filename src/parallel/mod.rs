//! Parallel computations for async code: data in by value, result out by value, cancelled by dropping the future.
mod items;
mod loom;
mod pieces;
mod recursion;
mod reduce;
mod scatter;

pub use items::Items;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub use recursion::model;
pub use recursion::{Bisect, DivideAndConquer, bisect, divide_and_conquer};
pub use reduce::{Reduce, reduce};
pub use scatter::{Gathered, Missing, ScatterError, ScatterGather, ScatterGatherPartly, scatter_gather};
