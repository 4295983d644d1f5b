//! Where to cut two sorted runs so that the pieces can be merged independently of each other.
//!
//! Source: “Merge Path - Parallel Merging Made Simple” (Odeh, Green, Mwassi, Shmueli, Birk, 2012),
//! <https://arxiv.org/abs/1406.2628>.

use std::cmp::Ordering;

use crate::parallel::reduce::part;
use crate::pool::Quiet;

/// How many elements of the left run are among the first `rank` of both. Of equal elements, the left run's come first.
///
/// Whatever `compare` says, neither share is longer than its run.
fn left_share<T>(left: &[T], right: &[T], rank: usize, compare: impl Fn(&T, &T) -> Ordering) -> usize {
    let (mut low, mut high) = (rank.saturating_sub(right.len()), rank.min(left.len()));
    while low < high {
        let share = low.midpoint(high);
        // Here the right run's share is above zero: `share` is below `rank`.
        if compare(&left[share], &right[rank - share - 1]) == Ordering::Greater {
            high = share;
        } else {
            low = share + 1;
        }
    }
    low
}

/// Cuts two runs into pieces of even size, the last first: each is a run of the left and one of the right, one behind the
/// other. What is left in `left` and `right` is the first piece's.
pub(super) fn cut<T>(
    left: &mut Vec<T>,
    right: &mut Vec<T>,
    pieces: usize,
    compare: impl Fn(&T, &T) -> Ordering,
    mut put: impl FnMut(Quiet<T>),
) {
    let total = left.len() + right.len();
    for piece in (1..pieces).rev() {
        let rank = part(total, pieces, piece).start;
        let share = left_share(left, right, rank, &compare);
        let mut both = Vec::with_capacity(left.len() + right.len() - rank);
        both.extend(left.drain(share..));
        both.extend(right.drain(rank - share..));
        put(Quiet(both));
    }
}
