//! Pages that belong to no single module.
//!
//! - [`semantics`]: what actors and supervisors promise, and which test holds it.

#[doc = include_str!("semantics.md")]
pub mod semantics {}
