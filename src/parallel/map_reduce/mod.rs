//! Map-reduce: pairs of records, joined by key.

mod builder;
mod emit;
mod engine;
mod error;
mod form;
mod memory;
mod progress;
mod quiet;
mod reducing;
mod run;
mod set;
mod skipped;
mod source;
mod stream;
mod table;
mod text;
mod whole;

pub use builder::MapReduce;
pub use emit::Emit;
pub use error::{MapReduceError, MemoryLimit};
pub use progress::{Phase, Progress};
pub use skipped::{OnRecordError, Skipped};
pub use source::IntoRecords;
pub use text::Text;
