//! Sitting down, standing up and moving: what happens to a unit of `active` under the desk's lock.

use std::sync::Arc;

use super::core::Core;
use super::error::JobError;
use super::floor::{Floor, Found};
use super::slot::Slot;
use super::word::{Calls, Levels};
use super::work::Work;

/// Where a worker goes from its slot.
pub(super) enum Departure {
    Stay,
    To(Arc<Slot>),
    Left,
}

impl Core {
    /// Seats a unit of `active`; if more are out than the limit allows, gives it back: the others are enough.
    pub(super) fn sit_down(&self, called_to: Option<usize>, after: usize) -> Option<Arc<Slot>> {
        loop {
            let next = {
                let mut desk = self.desk();
                if self.retires() {
                    self.word.answer();
                    return None;
                }
                match desk.floor.sit_down(self.levels().limit(), called_to, after) {
                    Found::Slot(slot) => {
                        self.note(&desk.floor);
                        // From here on this worker sees what comes.
                        self.word.answer();
                        return Some(slot);
                    }
                    Found::Unmade => desk.floor.len(),
                    Found::Nothing => unreachable!("no more are out than there are slots"),
                }
            };
            self.make_slot(next);
        }
    }

    /// Ends a worker's stay, unless something is queued that it could run.
    pub(super) fn stand_up(&self, index: usize) -> Departure {
        let levels = {
            let mut desk = self.desk();
            let limit = self.levels().limit();
            if index >= limit || desk.floor.has_bound(index) {
                return Departure::Stay;
            }
            if desk.floor.is_somebody_wanted() {
                return Departure::To(self.change_seats(&mut desk.floor, index, limit));
            }
            let Some(levels) = self.word.leave(desk.floor.held()) else { return Departure::Stay };
            desk.floor.stand_up(index, limit);
            levels
        };
        self.left(levels);
        Departure::Left
    }

    /// Moves from one slot to one that is wanted, of which there is one.
    fn change_seats(&self, floor: &mut Floor, index: usize, limit: usize) -> Arc<Slot> {
        floor.stand_up(index, limit);
        let Found::Slot(slot) = floor.sit_down(limit, None, index) else { unreachable!("a wanted slot is free") };
        self.note(floor);
        slot
    }

    pub(super) fn move_down(&self, index: usize) -> (Departure, usize) {
        let (is_surplus, owed, moved) = {
            let mut desk = self.desk();
            let limit = self.levels().limit();
            let is_surplus = self.retires();
            if index < limit && !is_surplus {
                return (Departure::Stay, 0);
            }
            desk.floor.stand_up(index, limit);
            let owed = self.settle(&desk.floor);
            self.note(&desk.floor);
            (is_surplus, owed, desk.floor.take_moved())
        };
        tell(&moved);
        let slot = if is_surplus { None } else { self.sit_down(None, index) };
        (slot.map_or(Departure::Left, Departure::To), owed)
    }

    /// Leaves a slot and keeps the unit of `active`; gives how many others are to be called.
    pub(super) fn get_up(&self, index: usize) -> usize {
        let (owed, moved) = {
            let mut desk = self.desk();
            desk.floor.stand_up(index, self.levels().limit());
            let owed = self.settle(&desk.floor);
            self.note(&desk.floor);
            (owed, desk.floor.take_moved())
        };
        tell(&moved);
        owed
    }

    /// Gives back a unit of `active`, if more are out than the limit allows. Under the lock: nobody else lowers it meanwhile,
    /// and it is raised no further.
    fn retires(&self) -> bool {
        let levels = self.levels();
        if levels.active() > levels.limit() {
            self.word.retire();
            return true;
        }
        false
    }

    /// Raises `active` for slots that are wanted and nobody comes to, as far as the limit allows; gives how many workers are
    /// to be called. Under the lock. What it reads of `active` may be too low by who was called just now: then it calls one
    /// too many.
    pub(super) fn settle(&self, floor: &Floor) -> usize {
        let mut owed = 0;
        while floor.lacks_workers(self.levels().active()) && self.word.raise() {
            owed += 1;
        }
        owed
    }

    pub(super) fn move_to_wanted(&self, index: usize) -> Option<Arc<Slot>> {
        let mut desk = self.desk();
        let limit = self.levels().limit();
        if index >= limit || !desk.floor.is_somebody_wanted() {
            return None;
        }
        Some(self.change_seats(&mut desk.floor, index, limit))
    }

    /// Gives up a unit of `active`, and the slot if it had one. If it was the last, what is queued is discarded: nobody
    /// would come for it. Else whoever is out looks after what is bound, too, before it leaves.
    pub(super) fn forgo(&self, mut seat: Option<usize>, why: &JobError) {
        loop {
            let (levels, moved) = {
                let mut desk = self.desk();
                match seat.take() {
                    Some(index) => desk.floor.stand_up(index, self.levels().limit()),
                    None => self.word.answer(),
                }
                self.note(&desk.floor);
                (self.word.forgo(), desk.floor.take_moved())
            };
            tell(&moved);
            match levels {
                Some(levels) => return self.left(levels),
                None => self.drain(why),
            }
        }
    }

    fn left(&self, levels: Levels) {
        if levels.is_closed() && levels.active() == 0 {
            self.tell_watchers();
        }
    }

    /// Changes the limit; gives how many workers are to be called.
    pub(super) fn resize(&self, limit: usize) -> usize {
        let (owed, moved) = {
            let mut desk = self.desk();
            let held = desk.floor.held();
            let mut owed = self.word.set_limit(limit, held, self.settings.calls);
            if self.settings.calls == Calls::OneByOne && self.word.recruit(held) {
                owed += 1;
            }
            desk.floor.rehome(limit);
            owed += self.settle(&desk.floor);
            self.note(&desk.floor);
            (owed, desk.floor.take_moved())
        };
        tell(&moved);
        owed
    }
}

/// Tells those who await jobs that have moved: one that runs where they are now bound to has to help.
fn tell(moved: &[Arc<dyn Work>]) {
    moved.iter().for_each(|job| job.look_again());
}
