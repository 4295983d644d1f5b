//! Parallel computations.

mod kit;
mod map_reduce;
mod reduce;
