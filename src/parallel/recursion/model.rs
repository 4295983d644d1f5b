//! A recursion without a pool, for the models in `crates/models`.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

use std::cell::Cell;

use super::bisect::Halves;
use super::plan::Team;
use super::solving::Solving;

/// Adds up ones, `n` of them, and joins them in order.
pub struct Recursion(Solving<Count>);

type Count = Halves<(u32, u32), String, IsBase, Solve, Divide, Combine>;
type IsBase = fn(&(u32, u32)) -> bool;
type Solve = fn((u32, u32)) -> String;
type Divide = fn((u32, u32)) -> [(u32, u32); 2];
type Combine = fn(String, String) -> String;

/// How many were called that have not come.
#[derive(Default)]
struct Called(Cell<usize>);

impl Team for Called {
    fn is_stopped(&self) -> bool {
        false
    }

    fn is_short(&self) -> bool {
        false
    }

    fn call(&self, wanted: usize) {
        self.0.set(self.0.get() + wanted);
    }
}

impl Recursion {
    #[must_use]
    pub fn new(n: u32, workers: usize) -> Self {
        let is_base: IsBase = |(from, to)| to - from == 1;
        let solve: Solve = |(from, _)| from.to_string();
        let divide: Divide = |(from, to)| [(from, to - 1), (to - 1, to)];
        let combine: Combine = |left, right| left + &right;
        Self(Solving::new(Halves::new(is_base, solve, divide, combine), (0, n), workers))
    }

    /// Takes part, and again for each that was called meanwhile, as if nobody else had come.
    pub fn take_part(&self) -> Option<String> {
        let called = Called(Cell::new(1));
        while called.0.get() > 0 {
            called.0.set(called.0.get() - 1);
            if let Some(solution) = self.0.work_with(&called) {
                return Some(solution);
            }
        }
        None
    }
}
