//! Whoever loads: what it brings is put in, if its flight still has its seat, and told to those who wait.

use std::sync::Arc;

use tokio::time::Instant;

use super::clock::after;
use super::core::Core;
use super::entry::Entry;
use super::error::LoadError;
use super::flight::Flight;
use super::rules::Left;
use super::shard::{Compared, Counts, Located};
use crate::error::{Closed, catch, log_quietly};

/// Dropped without a word, it was stopped.
pub(super) struct Leader<K: Eq, V, S> {
    core: Arc<Core<K, V, S>>,
    flight: Arc<Flight<K, V>>,
    /// For the entry; present until it has landed.
    key: Option<K>,
    begun: Instant,
}

impl<K: Eq, V, S> Leader<K, V, S> {
    pub(super) fn new(core: Arc<Core<K, V, S>>, flight: Arc<Flight<K, V>>, key: K) -> Self {
        Self { core, flight, key: Some(key), begun: Instant::now() }
    }

    /// Ends the flight.
    pub(super) fn land(mut self, loaded: Result<V, LoadError>) {
        let Some(key) = self.key.take() else { unreachable!("it lands once") };
        let place = &self.core.rules.loader;
        // With user code in it: the weigher, the expiry, the comparison of keys.
        let settled = loaded.and_then(|value| catch(place, || self.settle(key, value)).map_err(LoadError::Panicked));
        match settled {
            Ok(entry) => drop(self.flight.finish(Ok(entry))),
            Err(error) => self.fail(&error),
        }
    }

    /// Makes an entry of what was loaded, and puts it in, unless somebody has written its key meanwhile.
    fn settle(&self, key: K, value: V) -> Arc<Entry<K, V>> {
        let (core, flight, now) = (&*self.core, &self.flight, self.core.now());
        let entry = Arc::new(core.rules.entry(flight.hash, key, value, now));
        let (shard, mut left, mut compared) = (core.shard(flight.hash), Left::new(), Compared::new());
        let seat = {
            let Located { mut pages, entry: old, .. } = shard.locate(flight.hash, &entry.key, &mut compared);
            self.count(&mut pages.counts);
            let seat = pages.seats.leave(flight);
            if seat.is_some() {
                shard.put(&mut pages, &entry, old, now, &core.rules, &mut left);
            }
            seat
        };
        if seat.is_none() {
            // It is put in by nobody, so the one that is aging has to be loaded again.
            flight.stale.iter().for_each(|stale| stale.refresh_failed(now));
        }
        drop(seat);
        left.tell(&core.rules);
        entry
    }

    fn fail(&self, error: &LoadError) {
        let (core, flight, now) = (&*self.core, &self.flight, self.core.now());
        // What failed because it was stopped says nothing of the key.
        let keeps = core.rules.negative_time_to_live.filter(|_| flight.stale.is_none() && !error.is_closed());
        let seat = {
            let mut pages = core.shard(flight.hash).lock();
            self.count(&mut pages.counts);
            pages.counts.loads_failed += 1;
            match keeps {
                Some(time) => pages.seats.linger(flight, after(now, time)),
                None => pages.seats.leave(flight),
            }
        };
        drop(seat);
        flight.stale.iter().for_each(|stale| stale.refresh_failed(now));
        flight.finish(Err(error.clone()));
        if flight.stale.is_some() {
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

impl<K: Eq, V, S> Drop for Leader<K, V, S> {
    fn drop(&mut self) {
        if self.key.take().is_some() {
            let cause = "the load was stopped, by the cache's owner or the end of its runtime";
            self.fail(&LoadError::Closed(Closed::new(self.core.rules.place.clone()).because(cause)));
        }
    }
}
