//! Parallel computations for async code: data in by value, result out by value, cancelled by dropping the future.
mod items;
mod map_reduce;
mod pieces;
mod reduce;

pub use items::Items;
pub use map_reduce::{
    Emit, IntoRecords, MapReduce, MapReduceError, MemoryLimit, OnRecordError, Phase, Progress, Skipped, Text,
};
pub use reduce::{Reduce, reduce};
