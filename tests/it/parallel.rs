//! Parallel computations.

mod reduce;
mod sort;
