//! The members of a registry by id, packed: ids are given out in order, so that most neighbours are there or gone together.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use super::group::Group;
use super::registry::Observe;
use super::row::RowId;

/// Ids that share one allocation. A single survivor keeps it, which is why it is small.
const SHELF: usize = 16;

#[derive(Default)]
pub(super) struct Members {
    shelves: BTreeMap<u64, Box<Shelf>>,
    len: usize,
}

#[derive(Default)]
struct Shelf([Option<Member>; SHELF]);

#[derive(Clone)]
pub(super) struct Member {
    pub(super) kind: &'static str,
    pub(super) name: Arc<str>,
    pub(super) parent: Option<RowId>,
    /// It has no row of its own, but a part in this one.
    pub(super) group: Option<Arc<Group>>,
    /// When it was entered, in nanoseconds of the registry's life.
    pub(super) entered: u64,
    pub(super) subject: Weak<dyn Observe>,
}

impl Member {
    /// How many have what a copy of it shares.
    pub(super) fn references(&self) -> usize {
        Arc::strong_count(&self.name) + self.subject.strong_count()
    }
}

impl Members {
    pub(super) const fn new() -> Self {
        Self { shelves: BTreeMap::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tells whether nothing is kept for anybody.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.shelves.is_empty() && self.len == 0
    }

    /// Enters a member under an id of its own.
    pub(super) fn insert(&mut self, id: u64, member: Member) {
        let (shelf, place) = place_of(id);
        let before = self.shelves.entry(shelf).or_default().0[place].replace(member);
        debug_assert!(before.is_none(), "id {id} is given once");
        self.len += 1;
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Member> {
        let (number, place) = place_of(id);
        let shelf = self.shelves.get_mut(&number)?;
        let member = shelf.0[place].take()?;
        self.len -= 1;
        if shelf.0.iter().all(Option::is_none) {
            self.shelves.remove(&number);
        }
        Some(member)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Member> {
        let (shelf, place) = place_of(id);
        self.shelves.get(&shelf)?.0[place].as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Member> {
        let (shelf, place) = place_of(id);
        self.shelves.get_mut(&shelf)?.0[place].as_mut()
    }

    /// Those with at least this id, in the order of the ids.
    pub(super) fn from(&self, least: u64) -> impl Iterator<Item = (u64, &Member)> {
        let shelves = self.shelves.range(place_of(least).0..);
        let all = shelves.flat_map(|(number, shelf)| {
            let first = number * SHELF as u64;
            (first..).zip(&shelf.0).filter_map(|(id, member)| Some((id, member.as_ref()?)))
        });
        all.skip_while(move |(id, _)| *id < least)
    }
}

fn place_of(id: u64) -> (u64, usize) {
    (id / SHELF as u64, (id % SHELF as u64) as usize)
}
