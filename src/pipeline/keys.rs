//! Lines of items that have a key in common: of each line one item is worked on, the others wait behind it.
//!
//! Keys are known by a 64-bit hash with a random seed (SipHash). Should two collide they share a line, which costs
//! concurrency and not order; and hashing, which is the user's code, runs outside of the hub's lock.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::num::NonZeroU64;

#[allow(unused_imports, reason = "for the links in the docs")]
use super::concurrency::Concurrency;
use super::on_error::Failure;
use crate::error::{Full, Panicked, refuse_zero};

/// Which line an item stands in, if any.
pub(super) type Line = Option<NonZeroU64>;

/// Finds the line of an item.
#[doc(hidden)]
pub trait Sort<T> {
    /// There are no lines.
    #[doc(hidden)]
    const IS_TRIVIAL: bool = false;

    /// Runs the user's code.
    #[doc(hidden)]
    fn sort(&mut self, item: &T) -> Option<NonZeroU64>;
}

/// No item has to wait for another.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Unsorted;

/// Items of one key one after the other; made by [`Concurrency::keyed`].
#[must_use]
pub struct Keyed<F> {
    key: F,
    random: RandomState,
    pub(super) limit: usize,
    pub(super) cap: usize,
    pub(super) window: Option<usize>,
}

/// What is known of an item before it is worked on.
#[derive(Debug)]
pub(super) struct Ready<I> {
    pub(super) mark: Mark,
    pub(super) item: I,
    pub(super) refusal: Refusal,
}

/// What is left of an item at the hub while it is worked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) sequence: u64,
    pub(super) line: Line,
}

/// Why an item is not worked on: it goes the way of one that has failed.
#[derive(Debug)]
pub(super) enum Refusal {
    None,
    /// Its line is full.
    Full,
    /// Its key could not be told.
    Panicked(Box<Panicked>),
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Lines<I> {
    /// A line is here while one of its items is worked on, or ready to be.
    lines: HashMap<NonZeroU64, VecDeque<Ready<I>>, BuildHasherDefault<AsIs>>,
    /// How many of one key, with the one that is worked on.
    cap: usize,
    waiting: usize,
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl<T> Sort<T> for Unsorted {
    const IS_TRIVIAL: bool = true;

    fn sort(&mut self, _: &T) -> Line {
        None
    }
}

impl<T, K, F> Sort<T> for Keyed<F>
where
    F: FnMut(&T) -> K,
    K: Hash,
{
    fn sort(&mut self, item: &T) -> Line {
        Some(NonZeroU64::new(self.random.hash_one((self.key)(item))).unwrap_or(NonZeroU64::MIN))
    }
}

impl<F> Keyed<F> {
    pub(super) fn new(limit: usize, key: F) -> Self {
        Self { key, random: RandomState::new(), limit, cap: usize::MAX, window: None }
    }

    /// Sets how many items of one key may be inside: the one that is worked on, and those that wait behind it. One that
    /// comes above that fails with [`Full`], and meets the stage's [policy](super::Pipeline::on_error).
    ///
    /// Without a cap, the items of a key that is stuck fill the [window](Self::window) in time, and then they hold back all
    /// others. For the same reason a cap should be a small part of the window.
    ///
    /// # Panics
    /// When `items` is zero; and, where the stage is added, when it is above the window, and could not be reached.
    #[track_caller]
    pub fn cap(mut self, items: usize) -> Self {
        refuse_zero("pipeline", "the cap of a key", items);
        self.cap = items;
        self
    }

    /// Sets how many items the stage may hold in all: worked on, waiting for another of their key, and finished. 64 times
    /// the concurrency otherwise, at least 256.
    ///
    /// # Panics
    /// When `items` is zero.
    #[track_caller]
    pub fn window(mut self, items: usize) -> Self {
        refuse_zero("pipeline", "the window of keys", items);
        self.window = Some(items);
        self
    }
}

impl<F> fmt::Debug for Keyed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("limit", &self.limit)
            .field("cap", &self.cap)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Refusal {
    /// How it is told to the stage's policy.
    pub(super) fn failure(self, place: &std::sync::Arc<str>, cap: usize) -> Option<Failure> {
        match self {
            Self::None => None,
            Self::Full => {
                let line = format!("the line of one key at {place}");
                Some(Failure::Error(Full::new(line, cap).into()))
            }
            Self::Panicked(panicked) => Some(Failure::Panicked(*panicked)),
        }
    }
}

impl<I> Lines<I> {
    pub(super) fn new(cap: usize) -> Self {
        Self { lines: HashMap::default(), cap, waiting: 0 }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Gives back the item if it may be worked on now, or never.
    pub(super) fn join(&mut self, mut next: Ready<I>) -> Option<Ready<I>> {
        let Some(key) = next.mark.line else { return Some(next) };
        match self.lines.entry(key) {
            Entry::Vacant(line) => {
                line.insert(VecDeque::new());
                Some(next)
            }
            Entry::Occupied(line) if line.get().len() + 1 >= self.cap => {
                (next.refusal, next.mark.line) = (Refusal::Full, None);
                Some(next)
            }
            Entry::Occupied(mut line) => {
                line.get_mut().push_back(next);
                self.waiting += 1;
                None
            }
        }
    }

    /// An item is done with: gives the next of its line. A line without items is forgotten.
    pub(super) fn leave(&mut self, key: NonZeroU64) -> Option<Ready<I>> {
        let Entry::Occupied(mut line) = self.lines.entry(key) else { return None };
        let next = line.get_mut().pop_front();
        match next {
            Some(_) => self.waiting -= 1,
            None => drop(line.remove()),
        }
        next
    }

    /// Takes out everything that waits.
    pub(super) fn clear(&mut self) -> Vec<Ready<I>> {
        self.waiting = 0;
        self.lines.values_mut().flat_map(std::mem::take).collect()
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, VecDeque};
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::{Lines, Mark, Ready, Refusal};

    fn item(sequence: u64, key: u64) -> Ready<u64> {
        Ready { mark: Mark { sequence, line: NonZeroU64::new(key) }, item: key, refusal: Refusal::None }
    }

    #[test]
    fn a_million_keys_that_come_once_leave_no_line_and_no_room_for_any() {
        let mut lines = Lines::new(usize::MAX);
        for sequence in 1..=1_000_000 {
            assert!(lines.join(item(sequence, sequence)).is_some());
            // Eight are worked on at a time.
            if let Some(done) = sequence.checked_sub(8).and_then(NonZeroU64::new) {
                assert!(lines.leave(done).is_none());
            }
        }
        assert_eq!(lines.lines.len(), 8);
        assert!(lines.lines.capacity() < 64, "{}", lines.lines.capacity());
    }

    proptest! {
        /// Against a list of all items that are inside: the first of each key is worked on.
        #[test]
        fn lines_are_first_in_first_out_for_each_key(steps in prop::collection::vec((0_u64..4, any::<bool>()), 0..200), cap in 1_usize..5) {
            let (mut lines, mut inside) = (Lines::new(cap), HashMap::<u64, VecDeque<u64>>::new());
            for (sequence, (key, arrives)) in steps.into_iter().enumerate() {
                let (sequence, line) = (sequence as u64, inside.entry(key).or_default());
                if arrives {
                    match lines.join(item(sequence, key)) {
                        Some(ready) if matches!(ready.refusal, Refusal::Full) => prop_assert_eq!(line.len(), cap.max(1)),
                        Some(ready) => {
                            prop_assert!(key == 0 || line.is_empty());
                            prop_assert_eq!(ready.mark.sequence, sequence);
                            line.push_back(sequence);
                        }
                        None => {
                            prop_assert!(key != 0 && !line.is_empty() && line.len() < cap);
                            line.push_back(sequence);
                        }
                    }
                } else if line.pop_front().is_some() && let Some(key) = NonZeroU64::new(key) {
                    let next = lines.leave(key).map(|next| next.mark.sequence);
                    prop_assert_eq!(next, line.front().copied());
                }
                let waiting = inside.iter().filter(|(key, _)| **key != 0).map(|(_, line)| line.len().saturating_sub(1));
                prop_assert_eq!(lines.waiting(), waiting.sum::<usize>());
            }
            let keys = inside.iter().filter(|(key, line)| **key != 0 && !line.is_empty()).count();
            prop_assert_eq!(lines.lines.len(), keys);
        }
    }
}
