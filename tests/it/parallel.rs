//! Parallel computations.

mod reduce;
