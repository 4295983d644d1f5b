//! Parallel computations.

mod kit;
mod map_reduce;
mod map_reduce_panics;
mod map_reduce_policies;
mod map_reduce_stops;
mod map_reduce_streams;
mod reduce;
