//! Model checks of our own state machines; built with `--cfg regatta_loom`, empty otherwise.
#![cfg(regatta_loom)]

mod cache;
mod parallel;
mod pipeline;
mod pool;
mod promise;
mod queue;
mod sync;
