//! Cutting elements in two by their value.

use std::cell::Cell;
use std::cmp::Ordering;
use std::{mem, ptr};

use crate::parallel::reduce::part;

/// How many elements are looked at for a pivot, at the most.
const SAMPLE: usize = 1024;

/// In which shares elements are to be cut: the first `left` of `count` from the others, as nearly as a sample tells.
#[derive(Clone, Copy)]
pub(super) struct Shares {
    pub(super) left: usize,
    pub(super) count: usize,
}

impl Shares {
    /// How many of so many elements are the left ones'.
    fn of(self, items: usize) -> usize {
        part(items, self.count, self.left).start
    }

    /// Where an element is that has about so many before it.
    fn pivot<T>(self, items: &[T], compare: impl Fn(&T, &T) -> Ordering) -> usize {
        // Not at even distances, as the elements may have a period; and the same each time.
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let size = (items.len() / 16).clamp(1, SAMPLE);
        let places = std::iter::repeat_with(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 16) as usize % items.len()
        });
        let mut sample: Vec<usize> = places.take(size).collect();
        let by_value = |left: &usize, right: &usize| compare(&items[*left], &items[*right]);
        *sample.select_nth_unstable_by(self.of(size).min(size - 1), by_value).1
    }
}

/// Moves the left shares' elements to the front, and gives their number. Others keep no order. The number is above zero, and
/// that of all elements if they are the same.
pub(super) fn in_place<T>(items: &mut [T], shares: Shares, compare: impl Fn(&T, &T) -> Ordering) -> usize {
    items.swap(0, shares.pivot(items, &compare));
    let Some((pivot, rest)) = items.split_first_mut() else { return 0 };
    let smaller = to_front(rest, |item| compare(item, pivot) == Ordering::Less);
    if smaller > shares.of(rest.len()) / 2 {
        items.swap(0, smaller);
        return smaller;
    }
    // The pivot's value is a frequent one: what has it goes to the left, or that would have next to nothing.
    1 + smaller + to_front(&mut rest[smaller..], |item| compare(item, pivot) != Ordering::Greater)
}

/// Moves the elements that `belongs` tells of to the front; gives how many. Without a branch, which would be guessed wrong
/// for every other element.
#[inline(never)]
fn to_front<T>(items: &mut [T], belongs: impl Fn(&T) -> bool) -> usize {
    let mut front = 0;
    for place in 0..items.len() {
        let moves_on = belongs(&items[place]);
        items.swap(front, place);
        front += usize::from(moves_on);
    }
    front
}

/// Moves the right shares' elements from `items` to `right`, which is empty. All keep their order.
///
/// The pivot has to be out of the way while it is compared with: it lies in `pivot`, and the last element stands in for it,
/// and is moved wherever the pivot belongs. If `compare` panics, each element is in one of the three.
pub(super) fn stably<T>(
    items: &mut Vec<T>,
    right: &mut Vec<T>,
    pivot: &mut Vec<T>,
    shares: Shares,
    compare: impl Fn(&T, &T) -> Ordering,
) {
    let total = items.len();
    let wanted = shares.of(total);
    let place = shares.pivot(items, &compare);
    pivot.push(items.swap_remove(place));
    // The sample errs by some hundredths.
    right.reserve_exact(total - wanted + total / 16);
    let to_pivot = |item: &T| compare(item, &pivot[0]);
    let place = (place < items.len()).then_some(place);
    let mut place = extract(items, right, place, |item| to_pivot(item) != Ordering::Less);
    // The pivot's value may be a frequent one: what has it goes to the left, or that would have next to nothing.
    let goes_left = items.len() <= wanted / 2;
    if goes_left {
        place = extract(right, items, place, |item| to_pivot(item) != Ordering::Greater);
    }
    let mut last_goes_left = goes_left;
    if let Some(place) = place {
        let stand_in = if goes_left { &mut items[place] } else { &mut right[place] };
        last_goes_left = match to_pivot(stand_in) {
            Ordering::Less => true,
            Ordering::Equal => goes_left,
            Ordering::Greater => false,
        };
        mem::swap(stand_in, &mut pivot[0]);
    }
    // The last element, which the pivot may be itself.
    if last_goes_left { items } else { right }.append(pivot);
}

/// Moves what `belongs` from one to the end of the other, and the element at `place` in any case; tells where that is now.
///
/// That element is known by its address: counting takes a third longer. The elements must have a size.
fn extract<T>(from: &mut Vec<T>, to: &mut Vec<T>, place: Option<usize>, belongs: impl Fn(&T) -> bool) -> Option<usize> {
    let address = place.map_or(ptr::null(), |place| ptr::from_ref(&from[place]));
    let (is_next, mut moved_to) = (Cell::new(false), None);
    let room = from.len() / 8;
    let extracted = from.extract_if(.., |item| {
        let is_chosen = ptr::eq(item, address);
        if is_chosen {
            is_next.set(true);
        }
        is_chosen | belongs(item)
    });
    for item in extracted {
        if is_next.take() {
            moved_to = Some(to.len());
        }
        if to.len() == to.capacity() {
            // Not twice as much: there is a lot of it.
            to.reserve_exact(room + 1);
        }
        to.push(item);
    }
    moved_to
}
