//! A checker of linearizability for the operations on one key of a map.
//!
//! It looks for an order in which the operations, one after the other, would give the results that were seen, and in which
//! none comes before one that had ended when it began. Operations on different keys do not touch each other, so each key is
//! checked by itself; see Wing and Gong, *Testing and Verifying Concurrent Objects* (1993), and Lowe's memory of states
//! that led nowhere (2017).

use std::collections::HashSet;

/// What was asked of a key, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Gave what was there.
    Get(Option<u32>),
    /// Put the first there; gave what was there before.
    Insert(u32, Option<u32>),
    /// Put it there, and said nothing.
    Put(u32),
    /// Took out, and gave, what was there.
    Remove(Option<u32>),
    /// Added one to what was there, or to nothing; gave what was there before.
    Increment(Option<u32>),
}

/// An operation between two moments of a clock that all threads share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) op: Op,
}

impl Op {
    /// What is there afterwards, if the operation could have given what it gave.
    fn apply(self, state: Option<u32>) -> Option<Option<u32>> {
        let (said, next) = match self {
            Self::Get(said) => (said, state),
            Self::Insert(value, said) => (said, Some(value)),
            Self::Put(value) => (state, Some(value)),
            Self::Remove(said) => (said, None),
            Self::Increment(said) => (said, Some(state.unwrap_or(0) + 1)),
        };
        (said == state).then_some(next)
    }
}

/// Tells whether there is such an order, from an empty place on. For up to 64 operations.
pub(crate) fn is_linearizable(events: &[Event]) -> bool {
    assert!(events.len() <= 64, "too many operations on one key");
    let all = events.iter().enumerate().fold(0, |all, (at, _)| all | 1 << at);
    search(events, all, None, &mut HashSet::new())
}

/// Tries every operation that may come next. `left` has one bit for each that was not placed yet.
fn search(events: &[Event], left: u64, state: Option<u32>, dead_ends: &mut HashSet<(u64, Option<u32>)>) -> bool {
    if left == 0 {
        return true;
    }
    if dead_ends.contains(&(left, state)) {
        return false;
    }
    let open = || events.iter().enumerate().filter(|(at, _)| left & (1 << at) != 0);
    // Whoever began after another had ended must wait for it.
    let first_end = open().map(|(_, event)| event.ended).min().unwrap_or(u64::MAX);
    let found = open().filter(|(_, event)| event.begun <= first_end).any(|(at, event)| {
        event.op.apply(state).is_some_and(|next| search(events, left & !(1 << at), next, dead_ends))
    });
    if !found {
        dead_ends.insert((left, state));
    }
    found
}

fn event(begun: u64, ended: u64, op: Op) -> Event {
    Event { begun, ended, op }
}

#[test]
fn one_after_the_other_is_an_order() {
    assert!(is_linearizable(&[]));
    assert!(is_linearizable(&[
        event(1, 2, Op::Get(None)),
        event(3, 4, Op::Insert(1, None)),
        event(5, 6, Op::Increment(Some(1))),
        event(7, 8, Op::Remove(Some(2))),
        event(9, 10, Op::Increment(None)),
    ]));
}

#[test]
fn what_overlaps_may_go_either_way() {
    for seen in [None, Some(1)] {
        assert!(is_linearizable(&[event(1, 4, Op::Insert(1, None)), event(2, 3, Op::Get(seen))]));
    }
    // An early beginning is no place: this one has to come last.
    assert!(is_linearizable(&[
        event(1, 10, Op::Get(Some(2))),
        event(2, 3, Op::Insert(1, None)),
        event(4, 5, Op::Insert(2, Some(1))),
    ]));
}

#[test]
fn a_read_of_what_was_replaced_before_it_began_is_refused() {
    let stale = [event(1, 2, Op::Insert(1, None)), event(3, 4, Op::Insert(2, Some(1))), event(5, 6, Op::Get(Some(1)))];
    assert!(!is_linearizable(&stale));
}

#[test]
fn a_read_of_what_is_written_later_is_refused() {
    assert!(!is_linearizable(&[event(1, 2, Op::Get(Some(1))), event(3, 4, Op::Insert(1, None))]));
}

#[test]
fn reads_that_see_two_writes_in_different_orders_are_refused() {
    assert!(!is_linearizable(&[
        event(1, 10, Op::Insert(1, None)),
        event(1, 10, Op::Insert(2, Some(1))),
        event(2, 3, Op::Get(Some(2))),
        event(4, 5, Op::Get(Some(1))),
    ]));
}

#[test]
fn a_lost_update_is_refused() {
    let twice = [event(1, 4, Op::Increment(None)), event(2, 3, Op::Increment(None))];
    assert!(!is_linearizable(&twice));
    let late = [event(1, 2, Op::Increment(None)), event(3, 4, Op::Increment(Some(1))), event(5, 6, Op::Get(Some(1)))];
    assert!(!is_linearizable(&late));
}
