//! The way all elements are sorted: they are dealt out to segments by their value, each segment is sorted, and the segments
//! are put together. Nothing is merged.
//!
//! Where elements that are equal may change places, because nobody sees it, they are dealt out in place, and each segment is
//! sorted in place, too. Pivots come from a sample of the elements, as in sample sort (Frazer, McKellar, 1970,
//! <https://doi.org/10.1145/321592.321600>).

use std::mem;

use super::machine::{Engine, join};
use super::order::{Order, settle_order};
use super::split::{self, Shares};
use super::{PIECE_MIN, pieces};
use crate::pool::Quiet;

/// Sorts by an order.
pub(super) struct Partition<O>(pub(super) O);

pub(super) struct Task<E> {
    kind: Kind,
    items: Quiet<E>,
    /// What comes behind `items`.
    right: Quiet<E>,
    /// One that is compared with.
    pivot: Quiet<E>,
    segments: Vec<Quiet<E>>,
}

enum Kind {
    /// All elements as they came, for so many segments.
    Whole(usize),
    /// Elements of some segments: the number of the first, and how many there are.
    Unsorted {
        first: usize,
        count: usize,
    },
    /// The same, in two parts, the first of which is for so many segments.
    Split {
        first: usize,
        shares: Shares,
    },
    /// A sorted segment of this number.
    Sorted(usize),
    /// Sorted segments.
    Join,
    Joined,
}

/// Sorted segments, by number. There may be fewer than were planned.
pub(super) struct Board<E> {
    segments: Vec<(usize, Quiet<E>)>,
    missing: usize,
}

impl<E> Task<E> {
    fn new(kind: Kind, items: Quiet<E>) -> Self {
        Self { kind, items, right: Quiet(Vec::new()), pivot: Quiet(Vec::new()), segments: Vec::new() }
    }

    /// The first one.
    pub(super) fn whole(items: Quiet<E>, workers: usize) -> Self {
        Self::new(Kind::Whole(pieces(items.0.len(), workers)), items)
    }

    /// The first one, where it is known that the elements are in no order.
    pub(super) fn unsorted(items: Quiet<E>, segments: usize) -> Self {
        Self::new(Kind::Unsorted { first: 0, count: segments }, items)
    }
}

impl<E> Board<E> {
    pub(super) fn new() -> Self {
        Self { segments: Vec::new(), missing: 1 }
    }
}

impl<O: Order> Partition<O> {
    fn look(&self, task: &mut Task<O::Item>, segments: usize) {
        let is_settled = {
            let seen = self.0.see();
            settle_order(&mut task.items.0, |left, right| O::compare(&seen, left, right))
        };
        if is_settled {
            task.kind = Kind::Sorted(0);
        } else {
            self.split_or_sort(task, 0, segments);
        }
    }

    fn split_or_sort(&self, task: &mut Task<O::Item>, first: usize, count: usize) {
        let seen = self.0.see();
        let compare = |left: &O::Item, right: &O::Item| O::compare(&seen, left, right);
        let Task { items: Quiet(items), right: Quiet(right), pivot: Quiet(pivot), .. } = task;
        // What has no size takes no time; and a part may have come out small, where most elements are equal.
        let is_worth_it = size_of::<O::Item>() > 0 && items.len() >= PIECE_MIN / 2;
        let shares = Shares { left: if is_worth_it { count / 2 } else { 0 }, count };
        if shares.left > 0 && O::IS_TOTAL {
            let middle = split::in_place(items, shares, compare);
            *right = items.split_off(middle);
        } else if shares.left > 0 {
            split::stably(items, right, pivot, shares, compare);
        }
        if right.is_empty() {
            match O::IS_TOTAL {
                true => items.sort_unstable_by(compare),
                false => items.sort_by(compare),
            }
            task.kind = Kind::Sorted(first);
            return;
        }
        task.kind = Kind::Split { first, shares };
        right.shrink_to_fit();
        if first > 0 {
            // The first segment's room is kept for all of them.
            items.shrink_to_fit();
        }
    }
}

impl<O: Order> Engine for Partition<O>
where
    O::Item: Send + 'static,
{
    type Item = O::Item;
    type Task = Task<O::Item>;
    type Board = Board<O::Item>;

    fn work(&self, task: &mut Self::Task) {
        match task.kind {
            Kind::Whole(segments) => self.look(task, segments),
            Kind::Unsorted { first, count } => self.split_or_sort(task, first, count),
            Kind::Join => {
                task.items = join(mem::take(&mut task.segments));
                task.kind = Kind::Joined;
            }
            Kind::Split { .. } | Kind::Sorted(_) | Kind::Joined => {}
        }
    }

    fn settle(
        &self,
        board: &mut Self::Board,
        task: Self::Task,
        next: &mut Vec<Self::Task>,
    ) -> Option<Quiet<Self::Item>> {
        let Task { kind, items, right, .. } = task;
        match kind {
            Kind::Split { first, shares: Shares { left, count } } => {
                board.missing += 1;
                next.push(Task::new(Kind::Unsorted { first: first + left, count: count - left }, right));
                next.push(Task::new(Kind::Unsorted { first, count: left }, items));
            }
            Kind::Sorted(number) => {
                board.segments.push((number, items));
                board.missing -= 1;
                if board.missing == 0 {
                    let mut segments = mem::take(&mut board.segments);
                    segments.sort_unstable_by_key(|(number, _)| *number);
                    let segments = segments.into_iter().map(|(_, segment)| segment).collect();
                    next.push(Task { segments, ..Task::new(Kind::Join, Quiet(Vec::new())) });
                }
            }
            Kind::Joined => return Some(items),
            Kind::Whole(_) | Kind::Unsorted { .. } | Kind::Join => {
                unreachable!("each is of another kind when it was worked on")
            }
        }
        None
    }

    fn give_back(&self, board: Self::Board, tasks: Vec<Self::Task>, back: &mut Vec<Quiet<Self::Item>>) {
        back.extend(board.segments.into_iter().map(|(_, segment)| segment));
        for Task { items, right, pivot, segments, .. } in tasks {
            back.extend([items, right, pivot].into_iter().chain(segments));
        }
    }
}
