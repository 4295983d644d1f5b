//! CPU work for async code: at most so many closures at once, on threads that the runtime has already.

mod atomics;
mod books;
mod builder;
mod core;
mod cpu;
mod current;
mod error;
mod handle;
mod injector;
mod job;
mod map;
#[cfg(regatta_loom)]
#[doc(hidden)]
pub mod model;
mod settled;
mod stats;
mod submit;
mod word;
mod worker;

pub use builder::CpuPoolBuilder;
pub use cpu::CpuPool;
pub use error::{JobError, SubmitError};
pub use handle::JobHandle;
pub use stats::PoolStats;
pub use submit::SubmitFuture;
