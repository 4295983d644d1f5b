//! Values that are made once.

mod attempt;
mod lazy;
mod once_cell;
mod slot;

#[cfg(regatta_loom)]
pub(super) use attempt::{Attempt, Leader, Verdict};
pub use lazy::Lazy;
pub use once_cell::OnceCell;
#[cfg(regatta_loom)]
pub(super) use slot::{Joined, Slot};
