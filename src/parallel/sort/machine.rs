//! Who does which part of a sort, and where the elements are meanwhile.
//!
//! Invariants:
//! 1. An element is in one place: in a task, or on the board of what waits for other parts. A task that panics keeps its own.
//! 2. No comparison, key function or destructor runs under the lock: there, whole vectors are moved.
//! 3. Once a task has panicked, none is begun. The member that ends the last one in hand tells of it, so all elements are at
//!    home by then. A member that is stopped ends its task first: when no member is left, no task is in hand.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::SortError;
use crate::error::{caught, drop_quietly};
use crate::pool::{Member, Quiet, Work, Workers};

/// A way to sort, cut into tasks.
pub(super) trait Engine: Send + Sync + Sized + 'static {
    type Item: Send + 'static;
    /// Something to do, with the elements it is done to.
    type Task: Send + 'static;
    /// What is done and waits for more.
    type Board: Send + 'static;

    /// Does a task. If it panics, the elements are still in it.
    fn work(&self, task: &mut Self::Task);

    /// Puts away what came of a task, and says what can be done next. Gives the elements when they are sorted. This is under
    /// the lock.
    fn settle(
        &self,
        board: &mut Self::Board,
        task: Self::Task,
        next: &mut Vec<Self::Task>,
    ) -> Option<Quiet<Self::Item>>;

    /// Collects all elements.
    fn give_back(&self, board: Self::Board, tasks: Vec<Self::Task>, back: &mut Vec<Quiet<Self::Item>>);
}

struct Machine<E: Engine> {
    engine: E,
    state: Mutex<State<E>>,
}

struct State<E: Engine> {
    /// Last in, first out: so the last steps are done as soon as they can be, and memory is free again.
    tasks: Vec<E::Task>,
    board: Option<E::Board>,
    in_hand: usize,
    broken: Vec<E::Task>,
    failed: Failed,
    /// All elements, once nothing is done with them any more.
    home: Option<Quiet<E::Item>>,
}

type Payload = Box<dyn Any + Send>;

enum Failed {
    No,
    Yes(Payload),
    Told,
}

/// What the members of a team share with the future that waits for them.
struct Sorting<E: Engine>(Arc<Machine<E>>);

/// What waits. The comparison may be dropped here, and elements, too.
struct Waiting<E: Engine>(Option<Arc<Machine<E>>>);

enum Step<T> {
    Next,
    Sorted(Quiet<T>),
    Panicked(Payload),
}

/// Sorts on a pool's workers.
pub(super) async fn run<E: Engine>(
    workers: Workers,
    what: &'static str,
    engine: E,
    board: E::Board,
    tasks: Vec<E::Task>,
) -> Result<Vec<E::Item>, SortError<E::Item>> {
    let machine = Arc::new(Machine::new(engine, board, tasks));
    let waiting = Waiting(Some(machine.clone()));
    match workers.work_on(what, Sorting(machine)).await {
        Ok(sorted) => Ok(sorted.into_inner()),
        Err(error) => Err(SortError::new(waiting.take_back(), error)),
    }
}

/// Puts pieces together, in the place of the first where there is room.
pub(super) fn join<T>(pieces: Vec<Quiet<T>>) -> Quiet<T> {
    let total = pieces.iter().map(|piece| piece.0.len()).sum::<usize>();
    let mut pieces = pieces.into_iter();
    let Some(mut all) = pieces.next() else { return Quiet(Vec::new()) };
    all.0.reserve_exact(total - all.0.len());
    for mut piece in pieces {
        all.0.append(&mut piece.0);
    }
    all
}

impl<E: Engine> Machine<E> {
    fn new(engine: E, board: E::Board, tasks: Vec<E::Task>) -> Self {
        let board = Some(board);
        let state = State { tasks, board, in_hand: 0, broken: Vec::new(), failed: Failed::No, home: None };
        Self { engine, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a task, and tells how many are left.
    fn take(&self) -> Option<(E::Task, usize)> {
        let mut state = self.state();
        if !matches!(state.failed, Failed::No) {
            return None;
        }
        let task = state.tasks.pop()?;
        state.in_hand += 1;
        Some((task, state.tasks.len()))
    }

    fn put(&self, task: E::Task, worked: Result<(), Payload>) -> Step<E::Item> {
        let mut surplus = None;
        let mut guard = self.state();
        let state = &mut *guard;
        state.in_hand -= 1;
        match (worked, &mut state.board) {
            (Ok(()), Some(board)) if matches!(state.failed, Failed::No) => {
                if let Some(sorted) = self.engine.settle(board, task, &mut state.tasks) {
                    return Step::Sorted(sorted);
                }
            }
            (Ok(()), _) => state.broken.push(task),
            (Err(payload), _) => {
                state.broken.push(task);
                match state.failed {
                    Failed::No => state.failed = Failed::Yes(payload),
                    Failed::Yes(_) | Failed::Told => surplus = Some(payload),
                }
            }
        }
        let step = match std::mem::replace(&mut state.failed, Failed::Told) {
            Failed::Yes(payload) if state.in_hand == 0 => Step::Panicked(payload),
            other => {
                state.failed = other;
                Step::Next
            }
        };
        drop(guard);
        drop_quietly(surplus);
        step
    }

    /// Puts all elements together, where no task is in hand. The future would keep its thread busy with it.
    fn gather(&self) {
        let (board, tasks) = {
            let mut state = self.state();
            state.failed = Failed::Told;
            let mut tasks = std::mem::take(&mut state.tasks);
            tasks.append(&mut state.broken);
            (state.board.take(), tasks)
        };
        let Some(board) = board else { return };
        let mut pieces = Vec::new();
        self.engine.give_back(board, tasks, &mut pieces);
        // The largest allocation may have room for all.
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.0.capacity()));
        let all = join(pieces);
        self.state().home = Some(all);
    }

    fn take_back(&self) -> Quiet<E::Item> {
        self.gather();
        self.state().home.take().unwrap_or_else(|| Quiet(Vec::new()))
    }
}

impl<E: Engine> Work for Sorting<E> {
    type Output = Quiet<E::Item>;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<Quiet<E::Item>> {
        let Self(machine) = self;
        while !member.is_stopped() {
            let (mut task, others) = machine.take()?;
            member.call(others);
            let worked = caught(|| machine.engine.work(&mut task));
            match machine.put(task, worked) {
                Step::Next => {}
                Step::Sorted(items) => return Some(items),
                Step::Panicked(payload) => {
                    machine.gather();
                    resume_unwind(payload)
                }
            }
        }
        None
    }
}

impl<E: Engine> Drop for Sorting<E> {
    /// The last member is gone: if there is no outcome, the future will ask for the elements.
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) > 1 {
            self.0.gather();
        }
    }
}

impl<E: Engine> Waiting<E> {
    fn take_back(&self) -> Quiet<E::Item> {
        self.0.as_ref().map_or_else(|| Quiet(Vec::new()), |machine| machine.take_back())
    }
}

impl<E: Engine> Drop for Waiting<E> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}
