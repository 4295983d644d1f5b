//! Which branches of a fan out an item goes to.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Deals out what the trunk has pulled. `rooms` tells how many items each branch has room for, and `None` for one that was
/// dropped.
pub(super) trait Route: Send + 'static {
    /// What is pulled.
    type Parcel;
    /// What the branches get.
    type Item: Send + 'static;

    /// How many may be pulled, so that there is room for them wherever they go. There is a branch.
    fn room(&mut self, rooms: &[Option<usize>]) -> usize {
        rooms.iter().flatten().copied().min().unwrap_or(0)
    }

    fn deal(&mut self, parcel: Self::Parcel, rooms: &mut [Option<usize>], into: &mut [VecDeque<Self::Item>]);
}

/// An item, and for which branch it is.
pub(super) struct ByIndex<T>(PhantomData<fn(T)>);

/// Each item to whom it suits best.
pub(super) struct ByRoom<T>(PhantomData<fn(T)>);

/// A copy for each.
pub(super) struct Copies<T, const N: usize> {
    live: Live<N>,
    item: PhantomData<fn(T)>,
}

/// The branches that were not dropped: written by the trunk before it pulls, and read while it does, both in its task.
#[derive(Clone)]
pub(super) struct Live<const N: usize>(Arc<[AtomicBool; N]>);

impl<T> ByIndex<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> ByRoom<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, const N: usize> Copies<T, N> {
    pub(super) fn new(live: Live<N>) -> Self {
        Self { live, item: PhantomData }
    }
}

impl<const N: usize> Live<N> {
    pub(super) fn new() -> Self {
        Self(Arc::new([const { AtomicBool::new(true) }; N]))
    }

    /// A copy for each branch that lives; the last of them gets the item itself.
    pub(super) fn copies<T: Clone>(&self, item: T) -> [Option<T>; N] {
        let lives = |number: usize| self.0[number].load(Ordering::Relaxed);
        let last = (0..N).rev().find(|number| lives(*number));
        let clone = |number| (lives(number) && Some(number) != last).then(|| item.clone());
        let mut copies = std::array::from_fn(clone);
        if let Some(last) = last {
            copies[last] = Some(item);
        }
        copies
    }
}

impl<T: Send + 'static> Route for ByIndex<T> {
    type Parcel = (usize, T);
    type Item = T;

    fn deal(&mut self, (number, item): (usize, T), _: &mut [Option<usize>], into: &mut [VecDeque<T>]) {
        // Also to a branch that was dropped: there it is counted.
        into[number].push_back(item);
    }
}

impl<T: Send + 'static> Route for ByRoom<T> {
    type Parcel = T;
    type Item = T;

    fn room(&mut self, rooms: &[Option<usize>]) -> usize {
        rooms.iter().flatten().fold(0, |sum, room| sum.saturating_add(*room))
    }

    fn deal(&mut self, item: T, rooms: &mut [Option<usize>], into: &mut [VecDeque<T>]) {
        let mut best = (0, 0);
        for (number, room) in rooms.iter().enumerate() {
            // The first among equals.
            if let Some(room) = room.filter(|room| *room > best.1) {
                best = (number, room);
            }
        }
        rooms[best.0] = Some(best.1.saturating_sub(1));
        into[best.0].push_back(item);
    }
}

impl<T: Send + 'static, const N: usize> Route for Copies<T, N> {
    type Parcel = [Option<T>; N];
    type Item = T;

    fn room(&mut self, rooms: &[Option<usize>]) -> usize {
        for (lives, room) in self.live.0.iter().zip(rooms) {
            lives.store(room.is_some(), Ordering::Relaxed);
        }
        rooms.iter().flatten().copied().min().unwrap_or(0)
    }

    fn deal(&mut self, copies: [Option<T>; N], _: &mut [Option<usize>], into: &mut [VecDeque<T>]) {
        for (copy, branch) in copies.into_iter().zip(into) {
            branch.extend(copy);
        }
    }
}

/// A branch was asked for that is not there.
#[derive(Debug)]
pub(super) struct NoBranch {
    pub(super) index: usize,
    pub(super) branches: usize,
}

impl fmt::Display for NoBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, branches } = self;
        write!(f, "an item was sent to branch {index}, and there are {branches}, counted from 0")
    }
}

impl std::error::Error for NoBranch {}
