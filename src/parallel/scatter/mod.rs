//! Data in even chunks, each worked on by itself, the results gathered.

mod error;
mod gather;
mod scattering;

pub use error::{Missing, ScatterError};
pub use gather::{Gathered, ScatterGather, ScatterGatherPartly, scatter_gather};
