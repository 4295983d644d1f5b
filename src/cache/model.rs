//! One key of a shard, bare, for the models in `crates/models`: its seat, its flights, and what is put in; no runtime, whoever
//! loads is a thread of the model.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::must_use_candidate)]

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;

use super::entry::Entry;
use super::error::LoadError;
use super::flight::{Abandoned, Flight, Guest};
use super::loom::{Mutex, lock};
use super::seats::Seats;
use crate::error::Closed;

const HASH: u64 = 7;

/// The key's part of a shard: what shards do under their lock, with a single place instead of tables.
pub struct Place {
    state: Mutex<State>,
    abandoned: Abandoned,
}

struct State {
    seats: Seats<(), u32>,
    value: Option<u32>,
    loads: u64,
}

/// What somebody who wants the value finds.
pub enum Role {
    Ready(u32),
    Waits(Waits),
    /// Waits as well, and somebody has to land the flight.
    Leads(Waits, Leads),
}

pub struct Waits(Guest<(), u32>);

#[derive(Clone)]
pub struct Leads(Arc<Flight<(), u32>>);

impl Place {
    pub fn new(abandoned: Abandoned) -> Self {
        Self { state: Mutex::new(State { seats: Seats::new(1), value: None, loads: 0 }), abandoned }
    }

    pub fn join(&self) -> Role {
        loop {
            let mut state = lock(&self.state);
            if let Some(value) = state.value {
                return Role::Ready(value);
            }
            let Some(flight) = state.seats.find(HASH, &[]).map(|seat| seat.flight.clone()) else {
                state.loads += 1;
                let flight = Arc::new(Flight::new(state.loads, HASH, (), self.abandoned));
                let Some(guest) = flight.enter() else { unreachable!("nobody has given it up yet") };
                state.seats.take(flight.clone());
                return Role::Leads(Waits(guest), Leads(flight));
            };
            let guest = flight.enter();
            drop(state);
            match guest {
                Some(guest) => return Role::Waits(Waits(guest)),
                None => drop(lock(&self.state).seats.leave(&flight)),
            }
        }
    }

    /// Puts in what was loaded, if the flight still has its seat, and tells those who wait.
    pub fn land(&self, Leads(flight): &Leads, value: u32) {
        {
            let mut state = lock(&self.state);
            if state.seats.leave(flight).is_some() {
                state.value = Some(value);
            }
        }
        flight.finish(Ok(Arc::new(Entry::new(HASH, (), value, 1, 0))));
    }

    /// The leader was stopped.
    pub fn lose(&self, Leads(flight): &Leads) {
        drop(lock(&self.state).seats.leave(flight));
        flight.finish(Err(LoadError::Closed(Closed::new("a model"))));
    }

    /// Tells how many loads had begun by then.
    pub fn invalidate(&self) -> u64 {
        self.write(None)
    }

    pub fn insert(&self, value: u32) {
        self.write(Some(value));
    }

    pub fn value(&self) -> Option<u32> {
        lock(&self.state).value
    }

    pub fn loads(&self) -> u64 {
        lock(&self.state).loads
    }

    fn write(&self, value: Option<u32>) -> u64 {
        let mut state = lock(&self.state);
        state.value = value;
        let flight = state.seats.find(HASH, &[]).map(|seat| seat.flight.clone());
        flight.into_iter().for_each(|flight| drop(state.seats.leave(&flight)));
        state.loads
    }
}

impl Waits {
    /// # Cancel safety
    /// As the future that callers wait with: nothing is lost.
    pub fn end(self) -> impl Future<Output = Option<u32>> {
        self.0.map(|outcome| match &*outcome {
            Ok(entry) => Some(entry.value),
            Err(_) => None,
        })
    }
}

impl Leads {
    /// Tells whether the last guest took the load along.
    pub fn is_given_up(&self) -> bool {
        self.0.is_given_up()
    }
}
