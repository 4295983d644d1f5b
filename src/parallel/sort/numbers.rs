//! Numbers: several workers may look at them at once, to see whether they are in order already. Otherwise it is quite a part
//! of the work.

use std::cmp::Ordering;
use std::sync::Arc;

use super::machine::Engine;
use super::order::{Natural, all_pairs};
use super::partition::{self, Partition};
use super::pieces;
use crate::parallel::reduce::part;
use crate::pool::Quiet;

pub(super) struct Numbers<E> {
    sort: Partition<Natural<E>>,
    segments: usize,
    looks: usize,
}

/// How many pieces a worker looks at: one that comes late takes fewer.
const LOOKS_EACH: usize = 8;

pub(super) enum Task<E> {
    /// A look at the piece of this number, and what it looks like.
    Look(Arc<Quiet<E>>, usize, Seen),
    Sort(partition::Task<E>),
}

/// How neighbours are ordered, without exception.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    ascend: bool,
    descend: bool,
}

pub(super) struct Board<E> {
    seen: Seen,
    sort: partition::Board<E>,
}

impl<E: Ord + 'static> Numbers<E> {
    pub(super) fn new(items: Vec<E>, workers: usize) -> (Self, Board<E>, Vec<Task<E>>) {
        let (segments, items) = (pieces(items.len(), workers), Arc::new(Quiet(items)));
        let looks = if segments > 1 { LOOKS_EACH * segments } else { 1 };
        let seen = Seen { ascend: true, descend: true };
        let tasks = (0..looks).map(|piece| Task::Look(items.clone(), piece, seen)).collect();
        let board = Board { seen, sort: partition::Board::new() };
        (Self { sort: Partition(Natural::new()), segments, looks }, board, tasks)
    }
}

impl Seen {
    fn at<E: Ord>(items: &[E]) -> Self {
        let ascend = all_pairs(items, |left, right| left <= right);
        let descend = !ascend && all_pairs(items, |left, right| left.cmp(right) == Ordering::Greater);
        Self { ascend, descend }
    }
}

impl<E: Ord + Send + Sync + 'static> Engine for Numbers<E> {
    type Item = E;
    type Task = Task<E>;
    type Board = Board<E>;

    fn work(&self, task: &mut Task<E>) {
        match task {
            Task::Look(items, piece, seen) => {
                let piece = part(items.0.len(), self.looks, *piece);
                // Up to the first of the next piece.
                *seen = Seen::at(&items.0[piece.start..(piece.end + 1).min(items.0.len())]);
            }
            Task::Sort(task) => self.sort.work(task),
        }
    }

    fn settle(&self, board: &mut Board<E>, task: Task<E>, next: &mut Vec<Task<E>>) -> Option<Quiet<E>> {
        match task {
            Task::Look(items, _, Seen { ascend, descend }) => {
                board.seen.ascend &= ascend;
                board.seen.descend &= descend;
                // The last task has the last reference.
                let items = Arc::into_inner(items)?;
                if board.seen.ascend {
                    return Some(items);
                }
                let task = match board.seen.descend {
                    true => partition::Task::whole(items, self.segments),
                    false => partition::Task::unsorted(items, self.segments),
                };
                next.push(Task::Sort(task));
                None
            }
            Task::Sort(task) => {
                let mut tasks = Vec::new();
                let sorted = self.sort.settle(&mut board.sort, task, &mut tasks);
                next.extend(tasks.into_iter().map(Task::Sort));
                sorted
            }
        }
    }

    fn give_back(&self, board: Board<E>, tasks: Vec<Task<E>>, back: &mut Vec<Quiet<E>>) {
        let mut sorts = Vec::new();
        for task in tasks {
            match task {
                Task::Look(items, ..) => back.extend(Arc::into_inner(items)),
                Task::Sort(task) => sorts.push(task),
            }
        }
        self.sort.give_back(board.sort, sorts, back);
    }
}
