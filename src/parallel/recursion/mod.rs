//! Problems that are solved by solving parts of them: in any number of parts, or in halves.

mod bisect;
mod divide;
mod join;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub mod model;
mod plan;
mod solving;
mod way;

pub use bisect::{Bisect, bisect};
pub use divide::{DivideAndConquer, divide_and_conquer};
