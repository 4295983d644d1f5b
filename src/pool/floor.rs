//! Who stands where: the slots, the workers in them, and the jobs that are bound to one. Plain data, under the desk's lock.
//!
//! Each unit of the word's `active` is *seated* in a slot, or *coming*: called and not there yet, or between two slots. A
//! slot that the limit has sunk below is left as soon as the job there ends.
//!
//! Invariants:
//! 1. `held` counts the bound jobs that have a place in the queue, from their admission until the place is given back.
//! 2. `seated` is how many slots somebody stands in; what `active` is more is coming.
//! 3. `wanted` holds the slots that jobs are bound to and nobody stands in. All are below the limit: what is bound above it
//!    moves as soon as nobody stands there.
//! 4. Somebody is coming for each wanted slot, or as many are out as the limit allows. Then whoever is out takes a
//!    wanted slot before it leaves, and whoever sits down sits down in a wanted one first. So each gets its worker.
//! 5. Slots are made when they are first needed, and never unmade: what lies in their lines stays in reach.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::lanes::Lanes;
use super::slot::Slot;
use super::work::Work;
use crate::policy::Priority;

pub(super) struct Floor {
    places: Vec<Place>,
    held: u32,
    seated: usize,
    /// The slots that nobody stands in and no job is bound to.
    vacant: BTreeSet<usize>,
    wanted: BTreeSet<usize>,
    /// What has moved to another slot: those who await it may be there, and have to be told once the lock is gone.
    moved: Vec<Arc<dyn Work>>,
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
        Self {
            places: Vec::new(),
            held: 0,
            seated: 0,
            vacant: BTreeSet::new(),
            wanted: BTreeSet::new(),
            moved: Vec::new(),
        }
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

    /// Seats a worker below the limit: where jobs are bound and nobody stands, first where it was called to, then from
    /// `after` on; else where it was called to; else anywhere.
    pub(super) fn sit_down(&mut self, limit: usize, called_to: Option<usize>, after: usize) -> Found {
        let called_to = called_to.filter(|index| *index < limit);
        let index = called_to
            .filter(|index| self.wanted.contains(index))
            .or_else(|| self.next_wanted(after))
            .or_else(|| called_to.filter(|index| self.vacant.contains(index)))
            .or_else(|| self.vacant.first().copied().filter(|index| *index < limit));
        match index {
            Some(index) => {
                self.wanted.remove(&index);
                self.vacant.remove(&index);
                self.seated += 1;
                let place = &mut self.places[index];
                place.is_occupied = true;
                Found::Slot(place.slot.clone())
            }
            None if self.places.len() < limit => Found::Unmade,
            None => Found::Nothing,
        }
    }

    /// The wanted slot that comes next in turn.
    fn next_wanted(&self, after: usize) -> Option<usize> {
        self.wanted.range(after.saturating_add(1)..).next().or_else(|| self.wanted.first()).copied()
    }

    /// Frees a slot; what is bound to it waits for the next who sits down there, or, above the limit, below it.
    pub(super) fn stand_up(&mut self, index: usize, limit: usize) {
        self.seated -= 1;
        self.places[index].is_occupied = false;
        if index >= limit {
            self.rehome_one(index, limit);
        }
        match self.has_bound(index) {
            true => self.wanted.insert(index),
            false => self.vacant.insert(index),
        };
    }

    pub(super) fn has_bound(&self, index: usize) -> bool {
        !self.places[index].bound.is_empty()
    }

    /// Whether some slot has bound jobs and nobody who stands there.
    pub(super) fn is_somebody_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether fewer are coming than are wanted.
    pub(super) fn lacks_workers(&self, active: usize) -> bool {
        self.wanted.len() > active.saturating_sub(self.seated)
    }

    // Bound jobs.

    /// Counts a bound job whose place was just taken.
    pub(super) fn hold(&mut self) {
        self.held += 1;
    }

    /// Counts a bound job whose place is just given back.
    pub(super) fn let_go(&mut self) {
        self.held -= 1;
    }

    /// Binds a job to a worker; the limit may have sunk since it was asked for.
    pub(super) fn bind(&mut self, index: usize, limit: usize, priority: Priority, job: Arc<dyn Work>) {
        let home = if index < limit { index } else { index % limit };
        job.rebind(home);
        let place = &mut self.places[home];
        place.bound.push(priority, job);
        place.note();
        self.want(home);
    }

    /// Takes a job off the line of a slot, whether it still has a place or not.
    pub(super) fn pop_bound(&mut self, index: usize) -> Option<Arc<dyn Work>> {
        self.change(index, Lanes::pop)
    }

    /// The least urgent of what is bound: to be dropped.
    pub(super) fn pop_lowest(&mut self) -> Option<Arc<dyn Work>> {
        let index = self.places.iter().position(|place| !place.bound.is_empty())?;
        self.change(index, Lanes::pop_lowest)
    }

    /// The least urgent of what lies in lines of slots and is bound to nobody.
    pub(super) fn pop_lowest_free(&self) -> Option<Arc<dyn Work>> {
        self.places.iter().find_map(|place| place.slot.pop_lowest())
    }

    /// Takes everything that is bound, and what else lies in lines of slots.
    pub(super) fn take_all(&mut self, into: &mut Vec<Arc<dyn Work>>) {
        for index in 0..self.places.len() {
            self.change(index, |bound| bound.take_all(into));
            self.places[index].slot.take_all(into);
        }
    }

    /// Takes out what has no place any more.
    pub(super) fn sweep(&mut self, out: &mut Vec<Arc<dyn Work>>) {
        for index in 0..self.places.len() {
            self.change(index, |bound| bound.sweep(out));
            self.places[index].slot.sweep(out);
        }
    }

    fn change<R>(&mut self, index: usize, change: impl FnOnce(&mut Lanes<Arc<dyn Work>>) -> R) -> R {
        let place = &mut self.places[index];
        let result = change(&mut place.bound);
        place.note();
        if place.bound.is_empty() && self.wanted.remove(&index) {
            self.vacant.insert(index);
        }
        result
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

    /// What has moved since this was asked last.
    pub(super) fn take_moved(&mut self) -> Vec<Arc<dyn Work>> {
        std::mem::take(&mut self.moved)
    }

    fn rehome_one(&mut self, index: usize, limit: usize) {
        let home = index % limit;
        let (below, above) = self.places.split_at_mut(index);
        let (to, from) = (&mut below[home], &mut above[0]);
        if from.bound.is_empty() {
            return;
        }
        for job in from.bound.iter() {
            job.rebind(home);
            self.moved.push(job.clone());
        }
        from.bound.append_to(&mut to.bound);
        from.note();
        to.note();
        if self.wanted.remove(&index) {
            self.vacant.insert(index);
        }
        self.want(home);
    }

    fn want(&mut self, index: usize) {
        if !self.places[index].is_occupied && self.vacant.remove(&index) {
            self.wanted.insert(index);
        }
    }
}

impl Place {
    /// Tells the worker how much is bound to it.
    fn note(&self) {
        self.slot.bound.store(self.bound.len(), Relaxed);
    }
}
