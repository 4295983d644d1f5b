//! The value, or the attempt to make it.
//!
//! Invariants:
//! 1. The value is set under the lock, and checked again under it before an attempt begins: nobody begins one, or
//!    sets a value, beside a value that is there. Where there is a value, no attempt runs: whoever sets one ends it.
//! 2. While an attempt runs, nobody begins another.
//! 3. The value of an attempt goes from its outcome to the cell in one hold of the lock. So whoever was told that it is
//!    made, and takes the lock, finds it in the cell.
//! 4. What leaves (an attempt, its tasks) is dropped after the lock is gone.

use std::sync::{Arc, OnceLock};

use super::super::loom::{Mutex, lock};
use super::attempt::{Attempt, Found, Leader};
use crate::error::wake_quietly;
use crate::task::TaskGroup;

pub(in super::super) struct Slot<T> {
    value: OnceLock<T>,
    running: Mutex<Option<Running<T>>>,
}

struct Running<T> {
    attempt: Arc<Attempt<T>>,
    /// Owns the initialiser's task, so that it ends with the cell.
    tasks: Option<TaskGroup>,
}

/// What somebody who wants the value has to do.
pub(in super::super) enum Joined<T> {
    /// Take it.
    Ready,
    /// Wait for it.
    Waits(Arc<Attempt<T>>),
    /// Make it.
    Leads(Leader<T>),
}

impl<T> Slot<T> {
    #[cfg(not(regatta_loom))]
    pub(in super::super) const fn new() -> Self {
        Self { value: OnceLock::new(), running: Mutex::new(None) }
    }

    #[cfg(regatta_loom)]
    pub(in super::super) fn new() -> Self {
        Self { value: OnceLock::new(), running: Mutex::new(None) }
    }

    /// The value, if it is made. One load if it is.
    #[inline]
    pub(in super::super) fn get(&self) -> Option<&T> {
        match self.value.get() {
            None => self.settled(),
            value => value,
        }
    }

    /// Looks whether an attempt whose waiters have all gone has made it.
    #[cold]
    fn settled(&self) -> Option<&T> {
        let left = self.settle(&mut lock(&self.running));
        drop(left);
        self.value.get()
    }

    pub(in super::super) fn join(&self) -> Joined<T> {
        let (joined, _left) = {
            let mut running = lock(&self.running);
            let left = self.settle(&mut running);
            let joined = match &*running {
                _ if self.value.get().is_some() => Joined::Ready,
                Some(running) => Joined::Waits(running.attempt.clone()),
                None => {
                    let leader = Attempt::begin();
                    *running = Some(Running { attempt: leader.attempt().clone(), tasks: None });
                    Joined::Leads(leader)
                }
            };
            (joined, left)
        };
        joined
    }

    /// Gives the tasks of an attempt to the cell.
    pub(in super::super) fn own(&self, attempt: &Arc<Attempt<T>>, tasks: TaskGroup) {
        let mut tasks = Some(tasks);
        if let Some(running) = &mut *lock(&self.running)
            && Arc::ptr_eq(&running.attempt, attempt)
        {
            running.tasks = tasks.take();
        }
        // If it is over already, there is nothing left to own.
        drop(tasks);
    }

    /// Sets the value, unless there is one, and ends the attempt that runs.
    pub(in super::super) fn set(&self, value: T) -> Result<(), T> {
        let (set, left, woken) = {
            let mut running = lock(&self.running);
            // First, so that an attempt that was quicker is found to be so, and no other can be.
            let woken = running.as_ref().map(|running| running.attempt.supersede());
            let left = self.settle(&mut running);
            (self.value.set(value), left, woken)
        };
        // Whoever is told before this point asks for the lock, and finds the value.
        woken.into_iter().flatten().for_each(wake_quietly);
        drop(left);
        set
    }

    pub(in super::super) fn into_inner(self) -> Option<T> {
        self.get();
        self.value.into_inner()
    }

    /// Moves what an attempt has made to where it is found; gives what is to be dropped without the lock.
    fn settle(&self, running: &mut Option<Running<T>>) -> Option<Running<T>> {
        match running.as_ref()?.attempt.settle() {
            Found::Running => None,
            Found::Made(value) => {
                if let Some(value) = value
                    && self.value.set(value).is_err()
                {
                    unreachable!("whoever sets a value ends the attempt");
                }
                running.take()
            }
            Found::Over => running.take(),
        }
    }
}
