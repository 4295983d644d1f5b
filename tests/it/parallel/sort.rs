//! Elements in order.

mod closed;
mod ends;
mod kit;
mod order;
mod panics;
