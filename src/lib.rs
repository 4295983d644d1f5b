//! Concurrency patterns for tokio services.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::unwrap_used, clippy::print_stdout)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]

pub mod error;
pub mod observe;
pub mod pipeline;
pub mod policy;
pub mod pool;
pub mod queue;
pub mod task;

pub use error::BoxError;
pub use tokio_util::sync::CancellationToken;
