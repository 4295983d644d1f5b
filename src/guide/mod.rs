//! Pages that belong to no single module.
//!
//! - [`semantics`]: what actors and supervisors promise, and which test holds it.
//! - [`backpressure`]: who waits when work comes in faster than it is done, and the deadlock of `buffered`.
//! - [`cancellation`]: how work is stopped, and what becomes of it.
//! - [`observing`]: what can be seen of a program, what is said to be wrong with it and when, and what looking costs.
//! - [`performance`]: what each hand-over costs, what belongs off the executor, how many threads, and how to measure.

#[doc = include_str!("semantics.md")]
pub mod semantics {}

#[doc = include_str!("backpressure.md")]
pub mod backpressure {}

#[doc = include_str!("cancellation.md")]
pub mod cancellation {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("performance.md")]
pub mod performance {}
