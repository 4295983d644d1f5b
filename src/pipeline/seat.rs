//! The place of a worker, or of a relay, at its stage's hub: what it does there, turn by turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::error::PipelineError;
use super::hub::Hub;
use super::keys::{Line, Mark, Ready, Refusal};
use super::segment::Halt;
use super::stage::Stage;
use super::state::{After, Desk};
use super::window::{Gone, Outcome, Window};
use crate::error::drop_quietly;

/// The place of one worker at the hub. Dropping it, also by an abort, settles what it held.
pub(super) struct Seat<I, O> {
    hub: Arc<Hub<I, O>>,
    desk: Desk,
}

/// What a worker does next.
pub(super) enum Next<I> {
    /// Work on this.
    Work(Ready<I>),
    /// Pull: `Seat::pulling` says how many.
    Pull,
    /// Sleep; the waker is registered.
    Idle,
    /// Leave.
    Over,
}

impl<I, O> Seat<I, O> {
    /// Takes the place of the first worker.
    pub(super) fn first(hub: &Arc<Hub<I, O>>) -> Self {
        {
            let mut state = hub.lock();
            state.workers += 1;
            state.is_waking = true;
        }
        Self::hired(hub)
    }

    /// Takes the place of a worker the hub has asked for.
    pub(super) fn hired(hub: &Arc<Hub<I, O>>) -> Self {
        Self {
            hub: hub.clone(),
            desk: Desk { waker: None, ticket: None, is_called: true, pulling: None, is_parked: false, working: 0 },
        }
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.hub.stage
    }

    /// How many items this worker was told to pull, if it was.
    pub(super) fn pulling(&self) -> Option<usize> {
        self.desk.pulling
    }

    /// Reports what is finished and asks for more. Gives the number of a new worker to hire, if one is wanted.
    pub(super) fn turn(
        &mut self,
        finished: impl IntoIterator<Item = (Mark, Outcome<O>)>,
        waker: &Waker,
    ) -> (Next<I>, Option<usize>) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        desk.prepare(waker);
        let next = {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            for (mark, outcome) in finished {
                desk.working -= 1;
                state.record(mark, outcome, &mut after);
            }
            let next = state.choose(desk, hub.shape);
            state.conclude(hub.shape, &mut after);
            if matches!(next, Next::Work(..)) {
                state.hire_help(hub.shape, &mut after);
            }
            next
        };
        let hire = after.run();
        (next, hire)
    }

    /// Takes more of what is ready, up to `most` in all, without waiting: for workers that work on chunks.
    ///
    /// A fair share only: what is ready is for as many as can work at once.
    pub(super) fn take_ready(&mut self, most: usize, at_once: usize, into: &mut Vec<Ready<I>>) {
        let Self { hub, desk } = self;
        let mut state = hub.lock();
        let share = (into.len() + state.ready.len()).div_ceil(hub.shape.workers.min(at_once)).min(most);
        let more = share.saturating_sub(into.len());
        state.working += more;
        desk.working += more;
        into.extend(state.ready.drain(..more));
    }

    /// Brings what was pulled; `halt` says why pulling stopped.
    ///
    /// Those whose line is known come with it; the others stand in none.
    pub(super) fn pulled(
        &mut self,
        items: &mut VecDeque<I>,
        lines: &mut VecDeque<(Line, Refusal)>,
        halt: Option<Halt>,
    ) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        {
            let mut state = hub.lock();
            desk.pulling = None;
            state.is_pulling = false;
            after.displaced = state.puller.take();
            for item in items.drain(..) {
                let (line, refusal) = lines.pop_front().unwrap_or((None, Refusal::None));
                let mark = Mark { sequence: state.accepted, line };
                state.accepted += 1;
                state.window.admit();
                let joined = state.lines.join(Ready { mark, item, refusal });
                state.ready.extend(joined);
            }
            if state.is_closed {
                // Closed while this worker was pulling: what it brings comes too late.
                state.close(&mut after);
            }
            match halt {
                Some(Halt::End) => state.end(None, &mut after),
                Some(Halt::Failed(failure)) => state.end(Some(failure), &mut after),
                _ => {}
            }
            state.conclude(hub.shape, &mut after);
        }
        after.run();
    }

    /// Sleeps as the one who pulls. False when the stage has closed and there is nothing to pull for.
    pub(super) fn park(&mut self, waker: &Waker) -> bool {
        self.lie_down(waker, false)
    }

    /// As `park`, but it is not upstream that is waited for: the stage holds back by itself.
    pub(super) fn pause(&mut self, waker: &Waker) -> bool {
        self.lie_down(waker, true)
    }

    fn lie_down(&mut self, waker: &Waker, is_pausing: bool) -> bool {
        let waker = waker.clone();
        let mut state = self.hub.lock();
        if state.is_closed {
            self.desk.pulling = None;
            state.is_pulling = false;
            return false;
        }
        let displaced = state.puller.replace(waker);
        state.is_pausing = is_pausing;
        state.keep_time(self.hub.shape);
        drop(state);
        self.desk.is_parked = true;
        displaced.into_iter().for_each(drop_quietly);
        true
    }

    /// Looks for input again after `park`: what runs upstream from here on is work.
    pub(super) fn rise(&mut self) {
        if std::mem::take(&mut self.desk.is_parked) {
            let mut state = self.hub.lock();
            let displaced = state.puller.take();
            state.keep_time(self.hub.shape);
            drop(state);
            displaced.into_iter().for_each(drop_quietly);
        }
    }

    /// A relay's turn: how many places are free, or `None` when it is to stop. Registers the waker where there are none.
    pub(super) fn room(&mut self, waker: &Waker) -> Option<usize> {
        let Self { hub, desk } = self;
        let mut after = After::new();
        desk.prepare(waker);
        let room = {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            let room = if state.is_closed { None } else { Some(state.room(hub.shape)) };
            if room == Some(0) {
                state.sleep(desk);
            }
            state.keep_time(hub.shape);
            room
        };
        after.run();
        room
    }

    /// Takes `accepted` items in and passes results on, without any work; `spill` gives back what does not fit.
    pub(super) fn relay(
        &mut self,
        accepted: u64,
        results: impl IntoIterator<Item = O>,
        spill: impl FnOnce(&mut Window<O>) -> Vec<O>,
    ) {
        let (mut after, hub) = (After::new(), &self.hub);
        {
            let mut state = hub.lock();
            state.accepted += accepted;
            state.gathered += accepted;
            for result in results {
                state.gathered -= state.window.push(result);
            }
            after.results.extend(spill(&mut state.window));
            if state.is_deserted {
                after.results.extend(state.window.clear());
            }
            state.conclude(hub.shape, &mut after);
        }
        after.run();
    }

    /// Items that a relay had taken in are gone: in the place of others, into others, or with a failure.
    pub(super) fn gone(&mut self, gone: &Gone) {
        let mut state = self.hub.lock();
        state.gathered -= gone.displaced + gone.merged + gone.failed;
        state.window.gone(gone);
    }

    /// A relay was stopped with items in hand that it has not passed on.
    pub(super) fn lose(&mut self, items: u64) {
        let mut state = self.hub.lock();
        state.gathered -= items;
        state.window.lose(items);
    }

    /// A relay has no more to give.
    pub(super) fn end(&mut self, failure: Option<PipelineError>) {
        let (mut after, hub) = (After::new(), &self.hub);
        {
            let mut state = hub.lock();
            state.end(failure, &mut after);
            state.conclude(hub.shape, &mut after);
        }
        after.run();
    }
}

impl<I, O> Drop for Seat<I, O> {
    fn drop(&mut self) {
        let Self { hub, desk } = self;
        let mut after = After::new();
        {
            let mut state = hub.lock();
            state.arrive(desk, &mut after);
            if desk.pulling.take().is_some() {
                state.is_pulling = false;
            }
            state.working -= desk.working;
            state.window.lose(desk.working as u64);
            if desk.working > 0 || !state.is_closed {
                after.results.extend(state.window.fail(hub.stopped()));
                state.close(&mut after);
            }
            state.conclude(hub.shape, &mut after);
        }
        after.run();
    }
}
