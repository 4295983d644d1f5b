//! Giving places back: when a job is popped, begun out of turn, or stopped where it lies.
//!
//! A job that is begun or stopped out of turn stays in its line without a place, as a *ghost*: taking it out of the middle
//! would cost a search. Whoever pops a ghost drops it. When there are more of them than jobs with places and
//! [`GHOSTS_LEFT`] together, all lines are swept, by one canceller at a time: so lines hold about twice what the queue holds,
//! and those few, at the most, and a sweep costs each ghost a constant.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use super::core::{Core, Desk};
use super::floor::Floor;
use super::slot::Slot;
use super::word::{Calls, Levels};
use super::work::Work;
use crate::error::wake_quietly;

/// How many ghosts are left alone whatever is queued.
const GHOSTS_LEFT: usize = 64;

impl Core {
    /// Pops a job that has a place, and gives the place back.
    pub(super) fn take(&self, pop: impl Fn() -> Option<Arc<dyn Work>>) -> Option<Arc<dyn Work>> {
        loop {
            let job = pop()?;
            if job.leave_place() {
                self.freed(self.word.take());
                return Some(job);
            }
            self.lay(1);
        }
    }

    /// The same for what is bound to a worker.
    pub(super) fn take_bound(&self, slot: &Slot) -> Option<Arc<dyn Work>> {
        match slot.bound.load(Relaxed) {
            0 => None,
            _ => self.take_off(|floor| floor.pop_bound(slot.index)),
        }
    }

    /// Takes the least urgent job off the queue, wherever it is.
    pub(super) fn take_lowest(&self) -> Option<Arc<dyn Work>> {
        let free = || self.queue.pop_lowest().or_else(|| self.desk().floor.pop_lowest_free());
        self.take(free).or_else(|| self.take_off(Floor::pop_lowest))
    }

    fn take_off(&self, pop: impl Fn(&mut Floor) -> Option<Arc<dyn Work>>) -> Option<Arc<dyn Work>> {
        loop {
            let (job, levels) = {
                let mut desk = self.desk();
                let job = pop(&mut desk.floor);
                let levels = job.as_ref().and_then(|job| self.leave(&mut desk, &**job));
                self.note(&desk.floor);
                (job?, levels)
            };
            match levels {
                None => self.lay(1),
                Some(levels) => {
                    self.freed(levels);
                    return Some(job);
                }
            }
        }
    }

    /// Takes all that lies in lines, and gives the places back; also what is bound, and ghosts.
    pub(super) fn take_all(&self) -> Vec<Arc<dyn Work>> {
        let mut jobs = Vec::new();
        self.queue.take_all(&mut jobs);
        let freed: Vec<_> = {
            let mut desk = self.desk();
            desk.floor.take_all(&mut jobs);
            let freed = jobs.iter().filter_map(|job| self.leave(&mut desk, &**job)).collect();
            self.note(&desk.floor);
            freed
        };
        self.lay(jobs.len() - freed.len());
        freed.into_iter().for_each(|levels| self.freed(levels));
        jobs
    }

    /// Gives back the place of a job that stays in its line.
    pub(super) fn vacate(&self, job: &dyn Work) {
        if !job.has_place() {
            return;
        }
        // Before the place is gone: whoever pops the ghost takes it off this count.
        self.ghosts.fetch_add(1, Relaxed);
        let levels = match job.is_bound() {
            true => {
                let mut desk = self.desk();
                let levels = self.leave(&mut desk, job);
                self.note(&desk.floor);
                levels
            }
            false => job.leave_place().then(|| self.word.take()),
        };
        let Some(levels) = levels else { return self.lay(1) };
        self.freed(levels);
        // What others leave there meanwhile, the next one sweeps out.
        if self.has_too_many_ghosts() && !self.is_sweeping.swap(true, Relaxed) {
            self.sweep();
            self.is_sweeping.store(false, Relaxed);
        }
    }

    /// As signed numbers: the count may be off by who has not counted yet.
    fn has_too_many_ghosts(&self) -> bool {
        let few = GHOSTS_LEFT + self.levels().queued() as usize;
        self.ghosts.load(Relaxed).cast_signed() > few.cast_signed()
    }

    /// Takes away the place that a job has, under the lock, and gives it back.
    fn leave(&self, desk: &mut Desk, job: &dyn Work) -> Option<Levels> {
        if !job.leave_place() {
            return None;
        }
        if job.is_bound() {
            desk.floor.let_go();
        }
        Some(self.word.take())
    }

    fn sweep(&self) {
        let mut ghosts = Vec::new();
        self.queue.sweep(&mut ghosts);
        {
            let mut desk = self.desk();
            desk.floor.sweep(&mut ghosts);
            self.note(&desk.floor);
        }
        self.lay(ghosts.len());
    }

    /// Counts ghosts that were taken out of their lines.
    fn lay(&self, count: usize) {
        self.ghosts.fetch_sub(count, Relaxed);
    }

    /// Whether a worker that has taken a job is to call another, since there is more to do. It owes that one then.
    pub(super) fn recruits(&self) -> bool {
        let levels = self.levels();
        if self.settings.calls != Calls::OneByOne
            || levels.queued() == 0
            || levels.active() >= levels.limit()
            || levels.is_called()
        {
            return false;
        }
        match self.held() {
            // Stale, it calls one too many, who leaves again.
            0 => self.word.recruit(0),
            // Stale, it could call one too few: under the lock the number is exact.
            _ => self.word.recruit(self.desk().floor.held()),
        }
    }

    /// Lets somebody in for a place that was given back; the levels are those after that.
    fn freed(&self, levels: Levels) {
        if levels.has_waiting() && levels.queued() <= self.low_water {
            let capacity = self.settings.capacity;
            let batch = if levels.queued() == self.low_water { capacity - self.low_water } else { 1 };
            let next: Vec<Waker> = {
                let mut desk = self.desk();
                let next = (0..batch).map_while(|_| desk.submitters.notify_one()).collect();
                self.waited_for(&desk);
                next
            };
            next.into_iter().for_each(wake_quietly);
        }
        if levels.is_closed() && levels.queued() == 0 {
            self.tell_watchers();
        }
    }
}
