//! What a worker does: takes a seat, looks for jobs, leaves when there are none.
//!
//! Where a worker looks, in this order: at its own end, among what is bound to it, among what would like to run here, in the
//! common queue, and last at the other ends of the others. Of eight looks three begin elsewhere, so that nothing that
//! always has jobs starves the rest.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::core::Core;
use super::crew::Crew;
use super::error::JobError;
use super::floor::Found;
use super::here::Post;
use super::job::Work;
use super::slot::Slot;
use super::trace::Source;
use super::word::{Calls, Levels};

/// How often a worker looks whether jobs are bound to a slot that nobody has come to: where the runtime has fewer threads
/// than the pool has workers, nobody may come for long.
const LOOK_AROUND_EVERY: u32 = 64;

/// A worker in its slot. Dropped, as with a runtime that goes away, it gives up the slot and its unit of `active`.
pub(super) struct Seat {
    post: Arc<Post>,
    /// All slots that this worker knows of.
    slots: Vec<Arc<Slot>>,
    /// Counts looks.
    look: u32,
    /// Counts what was taken from the common queue.
    turn: u32,
    is_busy: bool,
    has_left: bool,
}

/// What a worker is to do.
pub(super) enum Next {
    Job(Arc<dyn Work>, Source),
    /// Look again: somebody is just bringing a job, or taking one.
    Soon,
    /// There is nothing; leave, or look again.
    Idle,
    /// The limit has sunk: the worker has left.
    Retired,
}

impl Seat {
    /// Seats a worker that was called; nothing, where the limit has sunk meanwhile.
    pub(super) fn take(crew: &Arc<dyn Crew>, called_to: Option<usize>) -> Option<Self> {
        let core = crew.core();
        let slot = core.sit_down(called_to)?;
        let post = Arc::new(Post { core: core.clone(), crew: crew.clone(), slot });
        Some(Self { post, slots: Vec::new(), look: 0, turn: 0, is_busy: false, has_left: false })
    }

    pub(super) fn post(&self) -> &Arc<Post> {
        &self.post
    }

    pub(super) fn next(&mut self) -> Next {
        self.look = self.look.wrapping_add(1);
        let levels = self.core().levels();
        if (self.slot().index >= levels.limit() || levels.active() > levels.limit()) && !self.keep_a_seat() {
            return Next::Retired;
        }
        if self.look.is_multiple_of(LOOK_AROUND_EVERY) && self.core().is_somebody_wanted() {
            self.help_out();
        }
        match self.find() {
            Some((job, source)) => {
                if !self.is_busy {
                    self.is_busy = true;
                    self.slot().meter.becomes_busy();
                }
                Next::Job(job, source)
            }
            None => {
                self.becomes_idle();
                if self.core().has_free_jobs() { Next::Soon } else { Next::Idle }
            }
        }
    }

    /// Leaves, unless there is something to do after all; tells whether it has left.
    pub(super) fn leave(&mut self) -> bool {
        self.has_left = self.post.core.stand_up(self.slot().index);
        self.has_left
    }

    fn slot(&self) -> &Slot {
        &self.post.slot
    }

    fn core(&self) -> &Core {
        &self.post.core
    }

    fn find(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        let found = match self.look % 8 {
            3 => self.bound().or_else(|| self.own()).or_else(|| self.preferred()).or_else(|| self.common()),
            5 => self.preferred().or_else(|| self.own()).or_else(|| self.bound()).or_else(|| self.common()),
            7 => self.common().or_else(|| self.own()).or_else(|| self.bound()).or_else(|| self.preferred()),
            _ => self.own().or_else(|| self.bound()).or_else(|| self.preferred()).or_else(|| self.common()),
        };
        let found = found.or_else(|| if self.core().has_free_jobs() { self.steal() } else { None })?;
        let levels = match found.1 {
            // Its place was given back with it.
            Source::Bound => self.core().levels(),
            _ => self.core().took(),
        };
        if self.core().recruits(levels) {
            self.post.crew.call(None);
        }
        Some(found)
    }

    fn own(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.slot().pop_own()?, Source::Own))
    }

    fn bound(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.core().pop_bound(self.slot())?, Source::Bound))
    }

    fn preferred(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.slot().pop_preferred()?, Source::Preferred))
    }

    fn common(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        let job = self.core().queue.pop(self.turn)?;
        self.turn = self.turn.wrapping_add(1);
        Some((job, Source::Injector))
    }

    /// Goes round the others once, each time from another one on.
    fn steal(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        if self.slots.len() != self.core().slot_count() {
            self.slots = self.core().slots();
        }
        let (count, mine) = (self.slots.len(), self.slot().index);
        let start = mine + 1 + self.look as usize;
        let mut others = (0..count).map(|step| &self.slots[(start + step) % count]).filter(|slot| slot.index != mine);
        others.find_map(|slot| Some((slot.steal()?, Source::Stolen { from: slot.index })))
    }

    /// The limit has sunk: leaves, if more workers are out than it allows; else moves below it.
    fn keep_a_seat(&mut self) -> bool {
        self.becomes_idle();
        match self.core().move_down(self.slot().index) {
            Moved::Stay => true,
            Moved::To(slot) => {
                self.move_to(slot);
                true
            }
            Moved::Left => {
                self.has_left = true;
                false
            }
        }
    }

    /// Moves to where jobs are bound that nobody has come for, if none is bound here.
    fn help_out(&mut self) {
        if let Some(slot) = self.core().move_to_wanted(self.slot().index) {
            self.becomes_idle();
            self.move_to(slot);
        }
    }

    fn move_to(&mut self, slot: Arc<Slot>) {
        let Post { core, crew, .. } = &*self.post;
        self.post = Arc::new(Post { core: core.clone(), crew: crew.clone(), slot });
    }

    fn becomes_idle(&mut self) {
        if std::mem::take(&mut self.is_busy) {
            self.slot().meter.becomes_idle();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.becomes_idle();
        if !self.has_left {
            let core = &self.post.core;
            core.forgo(Some(self.slot().index), &core.closed());
        }
    }
}

/// Where a worker goes when the limit has sunk.
enum Moved {
    Stay,
    To(Arc<Slot>),
    Left,
}

impl Core {
    /// Seats a unit of `active`; if more are out than the limit allows, gives it back: the others are enough.
    fn sit_down(&self, called_to: Option<usize>) -> Option<Arc<Slot>> {
        loop {
            let next = {
                let mut desk = self.desk();
                if self.retires() {
                    self.word.answer();
                    return None;
                }
                match desk.floor.sit_down(self.levels().limit(), called_to) {
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
    fn stand_up(&self, index: usize) -> bool {
        let levels = {
            let mut desk = self.desk();
            let limit = self.levels().limit();
            if index >= limit || desk.floor.has_bound(index) {
                return false;
            }
            let Some(levels) = self.word.leave(desk.floor.held()) else { return false };
            desk.floor.stand_up(index, limit);
            levels
        };
        self.left(levels);
        true
    }

    fn move_down(&self, index: usize) -> Moved {
        {
            let mut desk = self.desk();
            let limit = self.levels().limit();
            let is_surplus = self.retires();
            if index < limit && !is_surplus {
                return Moved::Stay;
            }
            desk.floor.stand_up(index, limit);
            self.note(&desk.floor);
            if is_surplus {
                return Moved::Left;
            }
        }
        match self.sit_down(None) {
            Some(slot) => Moved::To(slot),
            None => Moved::Left,
        }
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

    fn move_to_wanted(&self, index: usize) -> Option<Arc<Slot>> {
        let mut desk = self.desk();
        let limit = self.levels().limit();
        if !desk.floor.is_somebody_wanted() || desk.floor.has_bound(index) {
            return None;
        }
        desk.floor.stand_up(index, limit);
        // Somebody is wanted, so there is a seat, and it is not the one just left.
        let Found::Slot(slot) = desk.floor.sit_down(limit, None) else { unreachable!("a wanted slot is free") };
        self.note(&desk.floor);
        Some(slot)
    }

    fn pop_bound(&self, slot: &Slot) -> Option<Arc<dyn Work>> {
        if slot.bound.load(Relaxed) == 0 {
            return None;
        }
        let (job, levels) = {
            let mut desk = self.desk();
            let job = desk.floor.pop_bound(slot.index)?;
            self.note(&desk.floor);
            (job, self.word.take())
        };
        self.freed(levels);
        Some(job)
    }

    /// Gives up a unit of `active`, and the slot if it had one. What then nobody would come for is discarded.
    pub(super) fn forgo(&self, mut seat: Option<usize>, why: &JobError) {
        loop {
            let (orphans, levels) = {
                let mut desk = self.desk();
                let limit = self.levels().limit();
                match seat.take() {
                    Some(index) => desk.floor.stand_up(index, limit),
                    None => self.word.answer(),
                }
                let orphans = match desk.floor.unattended(self.levels().active() - 1, limit) {
                    0 => Vec::new(),
                    _ => std::iter::from_fn(|| desk.floor.pop_unattended()).collect(),
                };
                let levels = match orphans.is_empty() {
                    true => self.word.forgo(desk.floor.held()),
                    false => {
                        desk.dropping += 1;
                        orphans.iter().map(|_| self.word.take()).last()
                    }
                };
                self.note(&desk.floor);
                (orphans, levels)
            };
            match levels {
                Some(levels) if orphans.is_empty() => return self.left(levels),
                Some(levels) => {
                    self.freed(levels);
                    for job in &orphans {
                        job.stop(why, false);
                    }
                    self.drop_ends();
                }
                None => self.drain(why),
            }
        }
    }

    fn left(&self, levels: Levels) {
        if levels.is_closed() && levels.active() == 0 {
            self.tell_watchers();
        }
    }

    /// Changes the limit; gives the workers that are to be called.
    pub(super) fn resize(&self, limit: usize) -> Vec<Option<usize>> {
        let mut desk = self.desk();
        let raised = self.word.set_limit(limit, desk.floor.held(), self.settings.calls);
        let mut calls = vec![None; raised];
        if self.settings.calls == Calls::OneByOne && self.word.recruit(desk.floor.held()) {
            calls.push(None);
        }
        desk.floor.rehome(limit);
        while desk.floor.unattended(self.levels().active(), limit) > 0 && self.word.raise() {
            calls.push(None);
        }
        self.note(&desk.floor);
        calls
    }
}
