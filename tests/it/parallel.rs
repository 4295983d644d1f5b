//! Parallel computations.

mod kit;
mod map_reduce;
mod recursion;
mod reduce;
mod scatter;
mod sort;
mod word_count;
