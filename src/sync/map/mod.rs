//! A table whose readers take no lock.

mod builder;
mod rcu_map;
mod reader;
mod snapshot;
mod transaction;

pub use builder::RcuMapBuilder;
pub use rcu_map::RcuMap;
pub use reader::RcuMapReader;
pub use snapshot::{MapIter, MapSnapshot};
pub use transaction::Transaction;
