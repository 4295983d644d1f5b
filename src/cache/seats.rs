//! The loads of one shard that may still put something into it, under the shard's lock.
//!
//! Invariants:
//! 1. A key has at most one seat. Whoever wants the key while it is taken waits for the flight on it.
//! 2. Whoever writes a key, or takes it out, takes the seat away: what the flight brings goes to those who wait for it, and
//!    nowhere else. So nothing is put in that was read before a write or an invalidation.
//! 3. A flight that failed keeps its seat for the negative time to live, at most [`Seats::limit`] at once; the oldest make room.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;

use super::clock::{Moment, NEVER};
use super::flight::Flight;

pub(super) struct Seats<K, V> {
    taken: HashTable<Seat<K, V>>,
    /// Those that failed and stay for a while, the oldest first. Some have lost their seats since.
    lingering: VecDeque<(Moment, Arc<Flight<K, V>>)>,
    limit: usize,
}

pub(super) struct Seat<K, V> {
    pub(super) flight: Arc<Flight<K, V>>,
    /// Until when it is taken by a flight that has failed; [`NEVER`] while it is in the air.
    pub(super) until: Moment,
}

impl<K, V> Seats<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { taken: HashTable::new(), lingering: VecDeque::new(), limit }
    }

    /// Somebody with this hash who is not among `strangers`. Whether it is of the same key is asked without the lock.
    pub(super) fn find(&self, hash: u64, strangers: &[Arc<Flight<K, V>>]) -> Option<&Seat<K, V>> {
        if self.taken.is_empty() {
            return None;
        }
        let is_strange = |flight: &Arc<Flight<K, V>>| strangers.iter().any(|other| Arc::ptr_eq(other, flight));
        let is_it = |seat: &Seat<K, V>| seat.flight.hash == hash && !is_strange(&seat.flight);
        self.taken.find(hash, is_it)
    }

    pub(super) fn take(&mut self, flight: Arc<Flight<K, V>>) {
        self.taken.insert_unique(flight.hash, Seat { flight, until: NEVER }, |seat| seat.flight.hash);
    }

    /// Takes the seat away from a flight; gives it back if it had one, to be dropped without the lock.
    pub(super) fn leave(&mut self, flight: &Arc<Flight<K, V>>) -> Option<Arc<Flight<K, V>>> {
        let is_it = |seat: &Seat<K, V>| Arc::ptr_eq(&seat.flight, flight);
        Some(self.taken.find_entry(flight.hash, is_it).ok()?.remove().0.flight)
    }

    /// Takes all seats away.
    pub(super) fn clear(&mut self) -> Vec<Arc<Flight<K, V>>> {
        let left = self.taken.drain().map(|seat| seat.flight);
        left.chain(self.lingering.drain(..).map(|(_, flight)| flight)).collect()
    }

    /// Lets a flight that has failed keep its seat, if it has one. Gives what is to be dropped without the lock.
    pub(super) fn linger(&mut self, flight: &Arc<Flight<K, V>>, until: Moment) -> Option<Arc<Flight<K, V>>> {
        // For ever is not in the air.
        let until = until.min(NEVER - 1);
        let is_it = |seat: &Seat<K, V>| Arc::ptr_eq(&seat.flight, flight);
        self.taken.find_mut(flight.hash, is_it)?.until = until;
        self.lingering.push_back((until, flight.clone()));
        if self.lingering.len() > self.limit { self.oldest() } else { None }
    }

    /// Takes the seats away whose time is over, two at a time: more than are added.
    pub(super) fn tidy(&mut self, now: Moment) -> [Option<Arc<Flight<K, V>>>; 2] {
        [(); 2].map(|()| match self.lingering.front() {
            Some((until, _)) if *until <= now => self.oldest(),
            _ => None,
        })
    }

    fn oldest(&mut self) -> Option<Arc<Flight<K, V>>> {
        let (_, flight) = self.lingering.pop_front()?;
        self.leave(&flight);
        Some(flight)
    }
}
