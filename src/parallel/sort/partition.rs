//! Sorting elements of which equal ones cannot be told apart, so that any sort of them is stable: the elements are
//! partitioned by pivots into a segment for each worker, and no merge is needed.
//!
//! Pivots come from a sample of the elements, as in sample sort (Frazer, McKellar, 1970,
//! <https://doi.org/10.1145/321592.321600>).

use std::cmp::Ordering;
use std::mem;

use super::machine::{Engine, join};
use super::order::{Order, settle_order};
use super::pieces;
use crate::parallel::reduce::part;
use crate::pool::Quiet;

/// Sorts by an order without equal elements, but such as are the same.
pub(super) struct Partition<O>(pub(super) O);

pub(super) struct Task<E> {
    kind: Kind,
    items: Quiet<E>,
    /// What comes behind `items`.
    right: Quiet<E>,
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
        left: usize,
        count: usize,
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

/// How many elements are looked at for a pivot.
const SAMPLE: usize = 1024;

impl<E> Task<E> {
    fn new(kind: Kind, items: Quiet<E>) -> Self {
        Self { kind, items, right: Quiet(Vec::new()), segments: Vec::new() }
    }

    /// The first one.
    pub(super) fn whole(items: Quiet<E>, workers: usize) -> Self {
        Self::new(Kind::Whole(pieces(items.0.len(), workers)), items)
    }
}

impl<E> Board<E> {
    pub(super) fn new() -> Self {
        Self { segments: Vec::new(), missing: 1 }
    }
}

impl<O: Order> Partition<O> {
    fn look(&self, task: &mut Task<O::Item>, segments: usize) {
        let seen = self.0.see();
        if settle_order(&mut task.items.0, |left, right| O::compare(&seen, left, right)) {
            task.kind = Kind::Sorted(0);
        } else {
            self.split_or_sort(task, 0, segments);
        }
    }

    fn split_or_sort(&self, task: &mut Task<O::Item>, first: usize, count: usize) {
        let seen = self.0.see();
        let compare = |left: &O::Item, right: &O::Item| O::compare(&seen, left, right);
        let items = &mut task.items.0;
        let left = count / 2;
        let middle = if left == 0 { items.len() } else { split_place(items, left, count, compare) };
        if middle == items.len() {
            items.sort_unstable_by(compare);
            task.kind = Kind::Sorted(first);
        } else {
            task.right = Quiet(items.split_off(middle));
            task.kind = Kind::Split { first, left, count };
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
        let Task { kind, items, right, segments } = task;
        match kind {
            Kind::Split { first, left, count } => {
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
                unreachable!("work makes another kind of them, and {} more", right.0.len() + segments.len())
            }
        }
        None
    }

    fn give_back(&self, board: Self::Board, tasks: Vec<Self::Task>, back: &mut Vec<Quiet<Self::Item>>) {
        back.extend(board.segments.into_iter().map(|(_, segment)| segment));
        for Task { items, right, segments, .. } in tasks {
            back.extend([items, right].into_iter().chain(segments));
        }
    }
}

/// Moves the elements of the first `left` of `count` even shares, as nearly as a sample tells, before the others, and gives
/// their number. It is above zero; and it is that of all elements if they are the same.
fn split_place<E>(items: &mut [E], left: usize, count: usize, compare: impl Fn(&E, &E) -> Ordering) -> usize {
    let pivot = sampled(items, left, count, &compare);
    items.swap(0, pivot);
    let Some((pivot, rest)) = items.split_first_mut() else { return 0 };
    let smaller = to_front(rest, |item| compare(item, pivot) == Ordering::Less);
    if smaller > part(rest.len(), count, left).start / 2 {
        items.swap(0, smaller);
        return smaller;
    }
    // The pivot's value is a frequent one, and belongs to the left rather than to the right.
    let same = to_front(&mut rest[smaller..], |item| compare(item, pivot) != Ordering::Greater);
    1 + smaller + same
}

/// Where an element is before which there are about so many shares.
fn sampled<E>(items: &[E], left: usize, count: usize, compare: impl Fn(&E, &E) -> Ordering) -> usize {
    // Not at even distances, as the elements may have a period; and the same each time.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut sample: Vec<usize> = (0..SAMPLE)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 16) as usize % items.len()
        })
        .collect();
    let place = part(SAMPLE, count, left).start;
    *sample.select_nth_unstable_by(place, |left, right| compare(&items[*left], &items[*right])).1
}

/// Moves the elements that `belongs` tells of to the front; gives how many. Without a branch that would be guessed wrong for
/// every other element.
#[inline(never)]
fn to_front<E>(items: &mut [E], belongs: impl Fn(&E) -> bool) -> usize {
    let mut front = 0;
    for place in 0..items.len() {
        let moves_on = belongs(&items[place]);
        items.swap(front, place);
        front += usize::from(moves_on);
    }
    front
}
