//! The workers of a `for_each`: who there is, who has an item in hand, and what each has done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consumer::Consumer;
use super::for_each_report::{ForEachReport, WorkerReport};
use crate::task::Spawner;

/// What the workers share.
pub(super) struct Crew<T, F> {
    pub(super) consumer: Consumer<T>,
    pub(super) handler: F,
    pub(super) spawner: Spawner,
    /// For the panics of handlers.
    pub(super) place: Arc<str>,
    limit: usize,
    roster: Mutex<Roster>,
}

struct Roster {
    /// Workers that wait for an item, or are about to.
    idle: usize,
    /// One for each worker that was ever hired, by id. They stay until the queue has ended, so this never holds more than
    /// there are tasks.
    reports: Vec<WorkerReport>,
}

/// One worker's place in the crew; nobody counts on it any more when the worker is gone, for whatever reason.
pub(super) struct Seat<T, F> {
    pub(super) crew: Arc<Crew<T, F>>,
    pub(super) id: usize,
}

/// One worker with one item in hand. However that ends, it is counted and the worker is idle again; as panicked, unless
/// it is said to have ended otherwise.
pub(super) struct Turn<'a, T, F> {
    seat: &'a Seat<T, F>,
    pub(super) ending: Ending,
}

/// Which number of the report counts it.
pub(super) type Ending = fn(&mut WorkerReport) -> &mut u64;

impl<T, F> Crew<T, F> {
    pub(super) fn new(consumer: Consumer<T>, handler: F, limit: usize, spawner: Spawner) -> Arc<Self> {
        let place = format!("handler of {}", consumer.ring.place()).into();
        let roster = Mutex::new(Roster { idle: 0, reports: Vec::new() });
        Arc::new(Self { consumer, handler, spawner, place, limit, roster })
    }

    /// The seat of the first worker.
    pub(super) fn first(self: &Arc<Self>) -> Seat<T, F> {
        self.seat(&mut self.lock())
    }

    /// Takes one more in, idle.
    fn seat(self: &Arc<Self>, roster: &mut Roster) -> Seat<T, F> {
        roster.idle += 1;
        roster.reports.push(WorkerReport::default());
        Seat { crew: self.clone(), id: roster.reports.len() - 1 }
    }

    pub(super) fn report(&self) -> ForEachReport {
        ForEachReport::of(self.lock().reports.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, F> Seat<T, F> {
    /// This worker has an item; if nobody waits for the next one, and there may be more workers, gives a seat to another.
    pub(super) fn begin(&self) -> (Turn<'_, T, F>, Option<Self>) {
        let turn = Turn { seat: self, ending: |report| &mut report.panicked };
        let mut roster = self.crew.lock();
        roster.idle -= 1;
        let is_another_needed = roster.idle == 0 && roster.reports.len() < self.crew.limit;
        (turn, is_another_needed.then(|| self.crew.seat(&mut roster)))
    }
}

impl<T, F> Drop for Seat<T, F> {
    fn drop(&mut self) {
        self.crew.lock().idle -= 1;
    }
}

impl<T, F> Drop for Turn<'_, T, F> {
    fn drop(&mut self) {
        let mut roster = self.seat.crew.lock();
        *(self.ending)(&mut roster.reports[self.seat.id]) += 1;
        roster.idle += 1;
    }
}
