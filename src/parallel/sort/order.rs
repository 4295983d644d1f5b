//! What elements are compared by, and a look whether they are in order already.

use std::cmp::Ordering;
use std::marker::PhantomData;

/// A way to compare.
pub(super) trait Order: Send + Sync + 'static {
    type Item;

    /// Whether nobody can tell elements apart that are equal.
    const IS_TOTAL: bool;

    /// What it compares by, for the time of one task.
    type Seen<'a>
    where
        Self: 'a;

    fn see(&self) -> Self::Seen<'_>;

    fn compare(seen: &Self::Seen<'_>, left: &Self::Item, right: &Self::Item) -> Ordering;
}

/// By a function.
pub(super) struct ByComparison<E, C> {
    compare: C,
    elements: PhantomData<fn(E)>,
}

impl<E, C> ByComparison<E, C> {
    pub(super) fn new(compare: C) -> Self {
        Self { compare, elements: PhantomData }
    }
}

impl<E: 'static, C: Fn(&E, &E) -> Ordering + Send + Sync + 'static> Order for ByComparison<E, C> {
    type Item = E;
    type Seen<'a> = &'a C;

    const IS_TOTAL: bool = false;

    fn see(&self) -> &C {
        &self.compare
    }

    fn compare(seen: &&C, left: &E, right: &E) -> Ordering {
        seen(left, right)
    }
}

/// By the elements themselves, of which equal ones are the same.
pub(super) struct Natural<E>(PhantomData<fn(E)>);

impl<E> Natural<E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Ord + 'static> Order for Natural<E> {
    type Item = E;
    type Seen<'a> = ();

    const IS_TOTAL: bool = true;

    fn see(&self) {}

    fn compare((): &(), left: &E, right: &E) -> Ordering {
        left.cmp(right)
    }
}

/// How many elements are looked at between two looks at what came of it.
const BLOCK: usize = 64;

/// Tells whether the elements are in order now: they were, or they descended without equal neighbours and are turned round.
pub(super) fn settle_order<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) -> bool {
    let [first, second, ..] = items else { return true };
    if compare(first, second) != Ordering::Greater {
        return all_pairs(items, |left, right| compare(left, right) != Ordering::Greater);
    }
    let descends = all_pairs(items, |left, right| compare(left, right) == Ordering::Greater);
    if descends {
        items.reverse();
    }
    descends
}

/// Tells whether all neighbours are in order. Mixed elements are told soon; beyond the first block, whole blocks are looked at
/// without a branch, which for numbers is as fast as memory.
pub(super) fn all_pairs<T>(items: &[T], in_order: impl Fn(&T, &T) -> bool) -> bool {
    let (head, mut tail) = items.split_at(items.len().min(BLOCK));
    let mut last = match head {
        [.., last] if head.is_sorted_by(&in_order) => last,
        _ => return head.is_empty(),
    };
    while let Some((block, rest)) = tail.split_first_chunk::<BLOCK>() {
        let pairs = block.windows(2).fold(true, |so_far, pair| so_far & in_order(&pair[0], &pair[1]));
        if !(pairs & in_order(last, &block[0])) {
            return false;
        }
        (last, tail) = (&block[BLOCK - 1], rest);
    }
    std::iter::once(last).chain(tail).is_sorted_by(|left, right| in_order(left, right))
}
