//! Whoever loads: what it brings is put in, if its flight still has its seat, and told to those who wait.
//!
//! Those who wait are told before anything of the user's is dropped or called that could hold it up.

use std::sync::{Arc, Weak};

use tokio::time::Instant;

use super::clock::after;
use super::core::Core;
use super::entry::Entry;
use super::error::LoadError;
use super::flight::Flight;
use super::rules::{Age, Left};
use super::shard::{Compared, Counts, Located};
use crate::error::{Closed, Kept, catch, drop_quietly, log_quietly};

/// Dropped without a word, it was stopped.
pub(super) struct Leader<K: Eq, V, S> {
    core: Arc<Core<K, V, S>>,
    flight: Arc<Flight<K, V>>,
    /// What it is to replace, if that could still be had when it began; gone, it is kept by nobody.
    stale: Option<Weak<Entry<K, V>>>,
    begun: Instant,
    has_landed: bool,
}

impl<K: Eq, V, S> Leader<K, V, S> {
    pub(super) fn new(core: Arc<Core<K, V, S>>, flight: Arc<Flight<K, V>>, stale: Option<Weak<Entry<K, V>>>) -> Self {
        Self { core, flight, stale, begun: Instant::now(), has_landed: false }
    }

    /// Makes an entry of what was loaded, and puts it in, unless somebody has written its key meanwhile.
    fn settle(&self, value: V, left: &mut Left<K, V>) -> Arc<Entry<K, V>>
    where
        K: Clone,
    {
        let (core, flight, now) = (&*self.core, &self.flight, self.core.now());
        let value = Kept::new(value);
        let key = flight.key.get().clone();
        // A comparison may panic.
        let entry = Kept::new(Arc::new(core.rules.entry(flight.hash, key, value.into_inner(), now)));
        let (shard, mut compared) = (core.shard(flight.hash), Compared::new());
        let seat = {
            let Located { mut pages, entry: old, .. } = shard.locate(flight.hash, &entry.get().key, &mut compared);
            self.count(&mut pages.counts);
            let seat = pages.seats.leave(flight);
            if seat.is_some() {
                shard.put(&mut pages, entry.get(), old, now, &core.rules, left);
            }
            seat
        };
        if seat.is_none() {
            // It is put in by nobody, so the one that is aging has to be loaded again.
            let stale = Kept::new(self.stale.as_ref().and_then(Weak::upgrade));
            stale.get().iter().for_each(|stale| stale.refresh_later(now));
        }
        entry.into_inner()
    }

    fn fail(&self, error: &LoadError) {
        let (core, flight, now) = (&*self.core, &self.flight, self.core.now());
        // Dropped without the lock.
        let stale = Kept::new(self.stale.as_ref().and_then(Weak::upgrade));
        let seat = {
            let mut pages = core.shard(flight.hash).lock();
            let is_had = |stale: &Arc<Entry<K, V>>| pages.has(stale) && core.rules.age(stale, now) != Age::Dead;
            let has_value = stale.get().as_ref().is_some_and(is_had);
            // What failed because it was stopped says nothing of the key.
            let keeps = core.rules.negative_time_to_live.filter(|_| !has_value && !error.is_closed());
            self.count(&mut pages.counts);
            pages.counts.loads_failed += 1;
            match keeps {
                Some(time) => pages.seats.linger(flight, after(now, time)),
                None => pages.seats.leave(flight),
            }
        };
        stale.get().iter().for_each(|stale| stale.refresh_failed(now));
        flight.finish(Err(error.clone()));
        // It may be the one of another key, which made room.
        drop_quietly(seat);
        if self.stale.is_some() {
            // Nobody may have been there to be told.
            log_quietly(|| tracing::warn!(target: "regatta::cache", %error, "a value could not be loaded again"));
        }
    }

    fn count(&self, counts: &mut Counts) {
        let took = self.begun.elapsed();
        counts.loads_ended += 1;
        counts.load_time = counts.load_time.saturating_add(took);
        counts.load_longest = counts.load_longest.max(took);
    }
}

impl<K: Clone + Eq, V, S> Leader<K, V, S> {
    /// Ends the flight.
    pub(super) fn land(mut self, loaded: Result<V, LoadError>) {
        self.has_landed = true;
        let (loader, mut left) = (&self.core.rules.loader, Left::new());
        let settled = loaded.and_then(|value| {
            // With user code in it: the weigher, the expiry, what keys do when they are cloned and compared.
            catch(loader, || self.settle(value, &mut left)).map_err(LoadError::Panicked)
        });
        match settled {
            Ok(entry) => {
                self.flight.finish(Ok(entry));
            }
            Err(error) => self.fail(&error),
        }
        left.tell(&self.core.rules);
    }
}

impl<K: Eq, V, S> Drop for Leader<K, V, S> {
    fn drop(&mut self) {
        if !self.has_landed {
            let cause = "the load was stopped, by the cache's owner or the end of its runtime";
            self.fail(&LoadError::Closed(Closed::new(self.core.rules.place.clone()).because(cause)));
        }
    }
}
