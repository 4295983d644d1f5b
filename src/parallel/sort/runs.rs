//! Sorting anything, stably: chunks are sorted, and pairs of them merged.
//!
//! A pair is cut into as many pieces as it has chunks, so that all workers take part in each merge. A piece is two runs, one
//! behind the other: the standard library's stable sort recognizes them, and merges them as fast as code of ours would that
//! has no `unsafe` in it.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::mem;

use super::machine::{Engine, join};
use super::order::settle_order;
use super::{merge_path, pieces};
use crate::pool::Quiet;

/// Sorts by a comparison.
pub(super) struct Runs<T, C> {
    compare: C,
    elements: PhantomData<fn(T)>,
    /// A power of two. Node 1 is the root, and the children of node `n` are `2n` and `2n + 1`: so chunks begin at this number.
    chunks: usize,
}

pub(super) struct Task<T> {
    node: usize,
    kind: Kind,
    items: Quiet<T>,
    /// What follows `items`.
    right: Quiet<T>,
    pieces: Vec<Quiet<T>>,
}

enum Kind {
    /// All elements as they came.
    Whole,
    /// All elements below a node as they came; afterwards, two halves of them.
    Unsorted,
    /// Two sorted runs; afterwards, pieces of both.
    Cut,
    /// The piece of this number: two runs, one behind the other.
    Merge(usize),
    /// Sorted pieces.
    Join,
    /// A sorted node.
    Done,
}

/// By node.
pub(super) struct Board<T>(Vec<Node<T>>);

struct Node<T> {
    /// Sorted before its sibling.
    sorted: Option<Quiet<T>>,
    pieces: Vec<Option<Quiet<T>>>,
    missing: usize,
}

impl<T, C> Runs<T, C> {
    pub(super) fn new(items: Vec<T>, workers: usize, compare: C) -> (Self, Board<T>, Task<T>) {
        // Not beyond the number of elements, whatever the number of workers.
        let chunks = match pieces(items.len(), workers) {
            chunks if chunks < workers => 1 << chunks.ilog2(),
            chunks => chunks.next_power_of_two(),
        };
        let node = || Node { sorted: None, pieces: Vec::new(), missing: 0 };
        (
            Self { compare, elements: PhantomData, chunks },
            Board((0..2 * chunks).map(|_| node()).collect()),
            Task::new(1, Kind::Whole, Quiet(items)),
        )
    }

    /// How many chunks there are below a node.
    fn chunks_below(&self, node: usize) -> usize {
        self.chunks >> node.ilog2()
    }
}

impl<T> Task<T> {
    fn new(node: usize, kind: Kind, items: Quiet<T>) -> Self {
        Self { node, kind, items, right: Quiet(Vec::new()), pieces: Vec::new() }
    }
}

impl<T, C> Runs<T, C>
where
    T: Send + 'static,
    C: Fn(&T, &T) -> Ordering + Send + Sync + 'static,
{
    fn look(&self, task: &mut Task<T>) {
        if settle_order(&mut task.items.0, &self.compare) {
            task.kind = Kind::Done;
        } else {
            task.kind = Kind::Unsorted;
            self.split_or_sort(task);
        }
    }

    fn split_or_sort(&self, task: &mut Task<T>) {
        let items = &mut task.items.0;
        if task.node < self.chunks {
            task.right = Quiet(items.split_off(items.len() / 2));
        } else {
            items.sort_by(&self.compare);
            task.kind = Kind::Done;
        }
    }

    fn cut(&self, task: &mut Task<T>) {
        let Task { items: Quiet(left), right: Quiet(right), pieces, .. } = task;
        if let (Some(last), Some(first)) = (left.last(), right.first())
            && (self.compare)(last, first) != Ordering::Greater
        {
            left.append(right);
            task.kind = Kind::Done;
            return;
        }
        let count = self.chunks_below(task.node);
        merge_path::cut(left, right, count, &self.compare, |piece| pieces.push(piece));
        left.append(right);
        *right = Vec::new();
    }

    /// A node is sorted: either all is, or its sibling is, or it waits for it.
    fn sorted(board: &mut Board<T>, node: usize, items: Quiet<T>, next: &mut Vec<Task<T>>) -> Option<Quiet<T>> {
        if node == 1 {
            return Some(items);
        }
        match board.0[node ^ 1].sorted.take() {
            None => board.0[node].sorted = Some(items),
            Some(sibling) => {
                let (left, right) = if node % 2 == 0 { (items, sibling) } else { (sibling, items) };
                next.push(Task { right, ..Task::new(node / 2, Kind::Cut, left) });
            }
        }
        None
    }
}

impl<T, C> Engine for Runs<T, C>
where
    T: Send + 'static,
    C: Fn(&T, &T) -> Ordering + Send + Sync + 'static,
{
    type Item = T;
    type Task = Task<T>;
    type Board = Board<T>;

    fn work(&self, task: &mut Task<T>) {
        match task.kind {
            Kind::Whole => self.look(task),
            Kind::Unsorted => self.split_or_sort(task),
            Kind::Cut => self.cut(task),
            Kind::Merge(_) => task.items.0.sort_by(&self.compare),
            Kind::Join => {
                task.items = join(mem::take(&mut task.pieces));
                task.kind = Kind::Done;
            }
            Kind::Done => {}
        }
    }

    fn settle(&self, board: &mut Board<T>, task: Task<T>, next: &mut Vec<Task<T>>) -> Option<Quiet<T>> {
        let Task { node, kind, items, right, pieces } = task;
        match kind {
            Kind::Whole | Kind::Join | Kind::Done => return Self::sorted(board, node, items, next),
            Kind::Unsorted => {
                next.push(Task::new(2 * node + 1, kind, right));
                next.push(Task::new(2 * node, Kind::Unsorted, items));
            }
            Kind::Cut => {
                let waiting = &mut board.0[node];
                waiting.missing = pieces.len() + 1;
                waiting.pieces.resize_with(waiting.missing, || None);
                // They were cut off from the back.
                let pieces = pieces.into_iter().rev().enumerate();
                next.extend(pieces.map(|(before, piece)| Task::new(node, Kind::Merge(before + 1), piece)));
                next.push(Task::new(node, Kind::Merge(0), items));
            }
            Kind::Merge(number) => {
                let waiting = &mut board.0[node];
                waiting.pieces[number] = Some(items);
                waiting.missing -= 1;
                if waiting.missing == 0 {
                    let pieces = mem::take(&mut waiting.pieces).into_iter().flatten().collect();
                    next.push(Task { pieces, ..Task::new(node, Kind::Join, Quiet(Vec::new())) });
                }
            }
        }
        None
    }

    fn give_back(&self, board: Board<T>, tasks: Vec<Task<T>>, back: &mut Vec<Quiet<T>>) {
        for Node { sorted, pieces, .. } in board.0 {
            back.extend(sorted.into_iter().chain(pieces.into_iter().flatten()));
        }
        for Task { items, right, pieces, .. } in tasks {
            back.extend([items, right].into_iter().chain(pieces));
        }
    }
}
