//! The integration tests: one binary, one module for each module of the library.
mod queue;
