//! Who stands where: the slots, the workers in them, and the jobs that are bound to one. Plain data, under the desk's lock.
//!
//! Each unit of the word's `active` is *seated* in a slot below the limit, or not: on its way, or in a slot that the limit
//! has sunk below.
//!
//! Invariants:
//! 1. `held` counts the bound jobs that have a place in the queue, from their admission until they are popped.
//! 2. `wanted` holds the slots below the limit that nobody stands in and jobs are bound to. For each there is a unit of
//!    `active` that is not seated: one is raised for it, unless all are out, and then each free slot has one. A unit that
//!    takes a seat takes a wanted one first.
//! 3. A worker leaves a slot below the limit only when no job is bound to it, or when more are out than the limit allows:
//!    then one of those above it comes when its job has ended.
//! 4. Slots are made when they are first needed, and never unmade: what lies in their lines stays in reach.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::job::Work;
use super::lanes::Lanes;
use super::slot::Slot;
use crate::policy::Priority;

pub(super) struct Floor {
    places: Vec<Place>,
    held: u32,
    /// The slots that nobody stands in and no job is bound to.
    vacant: BTreeSet<usize>,
    wanted: BTreeSet<usize>,
}

struct Place {
    slot: Arc<Slot>,
    bound: Lanes<Arc<dyn Work>>,
    is_occupied: bool,
}

/// What came of looking for a free slot.
pub(super) enum Found {
    Slot(Arc<Slot>),
    /// There may be one more: make it, and look again.
    Unmade,
    /// All below the limit are taken.
    Nothing,
}

impl Floor {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), held: 0, vacant: BTreeSet::new(), wanted: BTreeSet::new() }
    }

    pub(super) fn held(&self) -> u32 {
        self.held
    }

    // Slots.

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn slot(&self, index: usize) -> Option<Arc<Slot>> {
        self.places.get(index).map(|place| place.slot.clone())
    }

    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.places.iter().map(|place| place.slot.clone()).collect()
    }

    /// Takes in the slot that is next in number; false if somebody else was first.
    pub(super) fn add(&mut self, slot: &Arc<Slot>) -> bool {
        let is_next = slot.index == self.places.len();
        if is_next {
            self.vacant.insert(slot.index);
            self.places.push(Place { slot: slot.clone(), bound: Lanes::new(), is_occupied: false });
        }
        is_next
    }

    // Workers.

    /// Seats a worker below the limit: where jobs are bound and nobody stands, else where it was called to, else anywhere.
    pub(super) fn sit_down(&mut self, limit: usize, called_to: Option<usize>) -> Found {
        let called_to = called_to.filter(|index| *index < limit);
        let index = called_to
            .filter(|index| self.wanted.contains(index))
            .or_else(|| self.wanted.first().copied())
            .or_else(|| called_to.filter(|index| self.vacant.contains(index)))
            .or_else(|| self.vacant.first().copied().filter(|index| *index < limit));
        match index {
            Some(index) => {
                self.wanted.remove(&index);
                self.vacant.remove(&index);
                let place = &mut self.places[index];
                place.is_occupied = true;
                Found::Slot(place.slot.clone())
            }
            None if self.places.len() < limit => Found::Unmade,
            None => Found::Nothing,
        }
    }

    /// Frees a slot; what is bound to it waits for the next who sits down there, or, above the limit, below it.
    pub(super) fn stand_up(&mut self, index: usize, limit: usize) {
        if index >= limit {
            self.rehome_one(index, limit);
        }
        let place = &mut self.places[index];
        place.is_occupied = false;
        match place.bound.is_empty() {
            true => self.vacant.insert(index),
            false => self.wanted.insert(index),
        };
    }

    pub(super) fn has_bound(&self, index: usize) -> bool {
        !self.places[index].bound.is_empty()
    }

    /// Whether some slot has bound jobs and nobody who stands there.
    pub(super) fn is_somebody_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// How many slots are wanted that no unit is there for.
    pub(super) fn unattended(&self, active: usize, limit: usize) -> usize {
        if self.wanted.is_empty() {
            return 0;
        }
        let seated = self.places.iter().take(limit).filter(|place| place.is_occupied).count();
        self.wanted.len().saturating_sub(active.saturating_sub(seated))
    }

    // Bound jobs.

    /// Counts a bound job whose place was just taken.
    pub(super) fn hold(&mut self) {
        self.held += 1;
    }

    /// Binds a job that is held to a worker; the limit may have sunk since it was asked for. Tells whether somebody has to
    /// be called.
    pub(super) fn bind(&mut self, index: usize, limit: usize, priority: Priority, job: Arc<dyn Work>) -> bool {
        let index = if index < limit { index } else { index % limit };
        let place = &mut self.places[index];
        place.bound.push(priority, job);
        place.note();
        self.want(index)
    }

    pub(super) fn pop_bound(&mut self, index: usize) -> Option<Arc<dyn Work>> {
        let place = &mut self.places[index];
        let job = place.bound.pop()?;
        place.note();
        self.popped(index);
        Some(job)
    }

    /// The least urgent of what is bound: to be dropped.
    pub(super) fn pop_lowest(&mut self) -> Option<Arc<dyn Work>> {
        let index = self.places.iter().position(|place| !place.bound.is_empty())?;
        let job = self.places[index].bound.pop_lowest()?;
        self.places[index].note();
        self.popped(index);
        Some(job)
    }

    /// What is bound to slots that are wanted: to be dropped, when nobody will come.
    pub(super) fn pop_unattended(&mut self) -> Option<Arc<dyn Work>> {
        let index = *self.wanted.first()?;
        self.pop_bound(index)
    }

    fn popped(&mut self, index: usize) {
        self.held -= 1;
        if self.places[index].bound.is_empty() && self.wanted.remove(&index) {
            self.vacant.insert(index);
        }
    }

    /// Gives what is bound to slots at or above the limit, where nobody stands, to those below it: the jobs of one slot
    /// stay together and in order.
    pub(super) fn rehome(&mut self, limit: usize) {
        for index in limit..self.places.len() {
            if !self.places[index].is_occupied {
                self.rehome_one(index, limit);
            }
        }
    }

    fn rehome_one(&mut self, index: usize, limit: usize) {
        let (below, above) = self.places.split_at_mut(index);
        let (home, place) = (&mut below[index % limit], &mut above[0]);
        if place.bound.is_empty() {
            return;
        }
        place.bound.append_to(&mut home.bound);
        place.note();
        home.note();
        if self.wanted.remove(&index) {
            self.vacant.insert(index);
        }
        self.want(index % limit);
    }

    /// Tells whether this is new.
    fn want(&mut self, index: usize) -> bool {
        if self.places[index].is_occupied {
            return false;
        }
        self.vacant.remove(&index);
        self.wanted.insert(index)
    }
}

impl Place {
    /// Tells the worker how much is bound to it.
    fn note(&self) {
        self.slot.bound.store(self.bound.len(), Relaxed);
    }
}
