//! The integration tests: one binary, one module for each module of the library.

mod actor;
mod api;
mod cache;
mod docs;
mod dupes;
mod histories;
mod layers;
mod linear;
mod observe;
mod parallel;
mod pipeline;
mod policy;
mod pool;
mod promise;
mod queue;
mod supervise;
mod support;
mod sync;
mod task;
mod testing;
