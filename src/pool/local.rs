//! The value that stays with a worker, while jobs take it and bring it back.
//!
//! Invariants:
//! 1. At most one job has the kept value: the one that holds the newest turn. What others bring back is dropped.
//! 2. A job that the worker has begun by itself and that finds the value out takes over: whoever has it may keep it for
//!    ever. One that runs beside or inside another gets a value of its own, for its own time.
//! 3. No user code runs under the lock.

use std::any::Any;

use super::atomics::{Mutex, lock};
use crate::error::drop_quietly;

/// A worker-local value. What type it has is known to the pool that made it.
pub(super) type State = Box<dyn Any + Send>;

pub(super) struct Local(Mutex<Kept>);

struct Kept {
    state: Option<State>,
    is_out: bool,
    turn: u64,
}

/// The right to bring a value back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn(u64);

impl Local {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { state: None, is_out: false, turn: 0 }))
    }

    /// Takes the value, if there is one, and the right to bring one back, unless the job is a guest of one that has it.
    pub(super) fn take(&self, is_guest: bool) -> (Option<State>, Option<Turn>) {
        let mut kept = lock(&self.0);
        if kept.is_out && is_guest {
            return (None, None);
        }
        kept.is_out = true;
        kept.turn += 1;
        (kept.state.take(), Some(Turn(kept.turn)))
    }

    /// Brings the value back for the next job, or nothing, and the next job makes it anew.
    pub(super) fn give_back(&self, turn: Option<Turn>, state: Option<State>) {
        let surplus = {
            let mut kept = lock(&self.0);
            match turn {
                Some(Turn(turn)) if turn == kept.turn => {
                    kept.is_out = false;
                    std::mem::replace(&mut kept.state, state)
                }
                _ => state,
            }
        };
        drop_quietly(surplus);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let state = lock(&self.0).state.take();
        drop_quietly(state);
    }
}
