//! Elements in order.

mod closed;
mod ends;
mod order;
mod panics;
