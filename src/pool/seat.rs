//! What a worker does: takes a seat, looks for jobs, leaves when there are none.
//!
//! Where a worker looks, in this order: at its own end, among what is bound to it, among what would like to run here, in the
//! common queue, and last at the other ends of the others. Of sixteen looks seven begin elsewhere, so that nothing that
//! always has jobs starves the rest.

use std::sync::Arc;

use super::core::Core;
use super::crew::{Crew, RUNTIME_IS_GONE};
use super::error::JobError;
use super::here::Post;
use super::seating::Departure;
use super::slot::Slot;
use super::trace::Source;
use super::work::Work;

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
        let slot = core.sit_down(called_to, 0)?;
        let post = Arc::new(Post { core: core.clone(), crew: crew.clone(), slot });
        Some(Self { post, slots: Vec::new(), look: 0, is_busy: false, has_left: false })
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
        match self.core().stand_up(self.slot().index) {
            Departure::Stay => {}
            Departure::To(slot) => self.move_to(slot),
            Departure::Left => self.has_left = true,
        }
        self.has_left
    }

    /// Lets another worker take over, who comes as one that was just called.
    pub(super) fn hand_over(mut self) {
        self.becomes_idle();
        let index = self.slot().index;
        let owed = self.core().get_up(index);
        self.has_left = true;
        self.post.crew.call(Some(index));
        self.post.crew.call_all(owed);
    }

    fn slot(&self) -> &Slot {
        &self.post.slot
    }

    fn core(&self) -> &Core {
        &self.post.core
    }

    fn find(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        let found = match self.look % 16 {
            3 | 11 => self.bound().or_else(|| self.own()).or_else(|| self.preferred()).or_else(|| self.common()),
            5 | 13 => self.preferred().or_else(|| self.own()).or_else(|| self.bound()).or_else(|| self.common()),
            7 | 15 => self.common().or_else(|| self.own()).or_else(|| self.bound()).or_else(|| self.preferred()),
            // What lies where nobody stands, or behind a long job, must not wait until the others have nothing else to do.
            9 => self.steal_in_turn().or_else(|| self.own()).or_else(|| self.bound()).or_else(|| self.common()),
            _ => self.own().or_else(|| self.bound()).or_else(|| self.preferred()).or_else(|| self.common()),
        };
        let found = found.or_else(|| if self.core().has_free_jobs() { self.steal() } else { None })?;
        if self.core().recruits() {
            self.post.crew.call(None);
        }
        Some(found)
    }

    fn own(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.core().take(|| self.slot().pop_own())?, Source::Own))
    }

    fn bound(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.core().take_bound(self.slot())?, Source::Bound))
    }

    fn preferred(&self) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.core().take(|| self.slot().pop_preferred())?, Source::Preferred))
    }

    fn common(&self) -> Option<(Arc<dyn Work>, Source)> {
        let job = self.core().take(|| self.core().queue.pop())?;
        Some((job, Source::Injector))
    }

    /// Goes round the others once, each time from another one on.
    fn steal(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        self.get_to_know();
        let (count, mine) = (self.slots.len(), self.slot().index);
        let start = mine + 1 + self.look as usize;
        let mut others = (0..count).map(|step| &self.slots[(start + step) % count]).filter(|slot| slot.index != mine);
        others.find_map(|slot| self.steal_from(slot))
    }

    /// Looks at one of the others, the next at every call.
    fn steal_in_turn(&mut self) -> Option<(Arc<dyn Work>, Source)> {
        self.get_to_know();
        let turn = (self.look / 16) as usize;
        let slot = self.slots.get(turn % self.slots.len().max(1)).filter(|slot| slot.index != self.slot().index)?;
        self.steal_from(slot)
    }

    fn steal_from(&self, slot: &Slot) -> Option<(Arc<dyn Work>, Source)> {
        Some((self.core().take(|| slot.steal())?, Source::Stolen { from: slot.index }))
    }

    fn get_to_know(&mut self) {
        if self.slots.len() != self.core().slot_count() {
            self.slots = self.core().slots();
        }
    }

    /// The limit has sunk: leaves, if more workers are out than it allows; else moves below it.
    fn keep_a_seat(&mut self) -> bool {
        self.becomes_idle();
        let (departure, owed) = self.core().move_down(self.slot().index);
        self.post.crew.call_all(owed);
        match departure {
            Departure::Stay => true,
            Departure::To(slot) => {
                self.move_to(slot);
                true
            }
            Departure::Left => {
                self.has_left = true;
                false
            }
        }
    }

    /// Moves to where jobs are bound that nobody has come for.
    fn help_out(&mut self) {
        self.becomes_idle();
        if let Some(slot) = self.core().move_to_wanted(self.slot().index) {
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
            core.stops_because(RUNTIME_IS_GONE);
            core.forgo(Some(self.slot().index), &JobError::Closed(core.closed()));
        }
    }
}
