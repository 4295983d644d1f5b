//! Parallel computations.

mod kit;
mod recursion;
mod reduce;
mod scatter;
mod word_count;
mod sort;
