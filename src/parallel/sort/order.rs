//! What elements are compared by, and a look whether they are in order already.

use std::cmp::Ordering;
use std::marker::PhantomData;

/// A way to compare.
pub(super) trait Order: Send + Sync + 'static {
    type Item;

    /// What it compares by, for the time of one task.
    type Seen<'a>
    where
        Self: 'a;

    fn see(&self) -> Self::Seen<'_>;

    fn compare(seen: &Self::Seen<'_>, left: &Self::Item, right: &Self::Item) -> Ordering;
}

/// By the elements themselves.
pub(super) struct Natural<E>(PhantomData<fn(E)>);

impl<E> Natural<E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Ord + 'static> Order for Natural<E> {
    type Item = E;
    type Seen<'a> = ();

    fn see(&self) {}

    fn compare((): &(), left: &E, right: &E) -> Ordering {
        left.cmp(right)
    }
}

/// Tells whether the elements are in order now: they were, or they descended without equal neighbours and are turned round.
pub(super) fn settle_order<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) -> bool {
    let [first, second, ..] = items else { return true };
    if compare(first, second) != Ordering::Greater {
        return items.is_sorted_by(|left, right| compare(left, right) != Ordering::Greater);
    }
    let descends = items.is_sorted_by(|left, right| compare(left, right) == Ordering::Greater);
    if descends {
        items.reverse();
    }
    descends
}
