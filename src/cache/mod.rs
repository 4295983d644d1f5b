//! A cache: values by key, read without locks, loaded once however many ask.

mod builder;
mod cache;
mod clock;
mod core;
mod directory;
mod entry;
mod error;
mod flight;
mod ghost;
mod leader;
mod loading;
mod loom;
mod policy;
mod reader;
mod rules;
mod seats;
mod shard;
mod snapshot;
mod stats;
mod table;

pub use builder::CacheBuilder;
pub use cache::Cache;
pub use error::{LoadError, LoadFailure};
pub use flight::Abandoned;
pub use reader::CacheReader;
pub use rules::Cause;
pub use snapshot::CacheSnapshot;
pub use stats::{CacheStats, Removed};
