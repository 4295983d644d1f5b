//! Values that are made once.

mod attempt;
mod circles;
mod lazy;
mod once_cell;
mod slot;

pub use lazy::Lazy;
pub use once_cell::OnceCell;
