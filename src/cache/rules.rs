//! What a cache was told when it was built.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::clock::{Moment, NEVER, after};
use super::entry::Entry;
use super::flight::Abandoned;
use super::table::Retired;
use crate::error::{Kept, catch, drop_quietly, log_quietly};

/// Why an entry is no longer in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Others took its room, or it is too heavy to be taken in at all.
    Capacity,
    /// Its time was over.
    Expired,
    /// Another value took its place.
    Replaced,
    /// Somebody took it out.
    Invalidated,
}

impl Cause {
    /// Where it is counted.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "capacity",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Invalidated => "invalidated",
        })
    }
}

pub(super) type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u64 + Send + Sync>;
pub(super) type Expiry<K, V> = Arc<dyn Fn(&K, &V) -> Option<Duration> + Send + Sync>;
pub(super) type Listener<K, V> = Arc<dyn Fn(&K, &V, Cause) + Send + Sync>;

pub(super) struct Rules<K, V> {
    /// The cache, in errors and logs.
    pub(super) place: Arc<str>,
    /// Its loaders.
    pub(super) loader: Arc<str>,
    pub(super) weigher: Option<Weigher<K, V>>,
    pub(super) expiry: Option<Expiry<K, V>>,
    pub(super) listener: Option<Listener<K, V>>,
    pub(super) time_to_live: Option<Duration>,
    pub(super) time_to_idle: Option<Duration>,
    pub(super) negative_time_to_live: Option<Duration>,
    /// How long before its end an entry is loaded again.
    pub(super) ahead: Option<Duration>,
    /// How long after its end an entry can still be had by those who can load it.
    pub(super) stale: Option<Duration>,
    pub(super) abandoned: Abandoned,
    pub(super) load_timeout: Option<Duration>,
}

/// How old an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Fresh,
    /// For those who can load it again, and only for them.
    Stale,
    Dead,
}

impl<K, V> Rules<K, V> {
    /// Tells whether anything depends on the time.
    pub(super) fn is_timed(&self) -> bool {
        let Self { time_to_live, time_to_idle, negative_time_to_live, expiry, .. } = self;
        time_to_live.is_some() || time_to_idle.is_some() || negative_time_to_live.is_some() || expiry.is_some()
    }

    /// Makes an entry: asks the weigher and the expiry, which may panic.
    pub(super) fn entry(&self, hash: u64, key: K, value: V, now: Moment) -> Entry<K, V> {
        let (key, value) = (Kept::new(key), Kept::new(value));
        let weight = self.weigher.as_ref().map_or(1, |weigh| weigh(key.get(), value.get()).max(1));
        let own = self.expiry.as_ref().and_then(|expiry| expiry(key.get(), value.get()));
        let expires = own.or(self.time_to_live).map_or(NEVER, |time| after(now, time));
        let entry = Entry::new(hash, key.into_inner(), value.into_inner(), weight, expires);
        entry.touch(now);
        if expires != NEVER && expires > now && (self.ahead.is_some() || self.stale.is_some()) {
            let (ahead, life) = (after(0, self.ahead.unwrap_or_default()), expires - now);
            // Of a life that is too short for that, half: else it would be loaded again as soon as it is there.
            entry.refresh_from(expires - if ahead < life { ahead } else { life / 2 });
        }
        entry
    }

    #[inline]
    pub(super) fn age(&self, entry: &Entry<K, V>, now: Moment) -> Age {
        let idle = self.time_to_idle.is_some_and(|idle| after(entry.touched(), idle) <= now);
        if idle {
            Age::Dead
        } else if now < entry.expires {
            Age::Fresh
        } else if self.stale.is_some_and(|stale| now < after(entry.expires, stale)) {
            Age::Stale
        } else {
            Age::Dead
        }
    }

    /// From when on an entry is dead, if nobody reads it before.
    pub(super) fn end(&self, entry: &Entry<K, V>) -> Moment {
        let end = after(entry.expires, self.stale.unwrap_or_default());
        self.time_to_idle.map_or(end, |idle| end.min(after(entry.touched(), idle)))
    }
}

/// What has left a cache: told and dropped when no lock is held.
pub(super) struct Left<K, V> {
    /// Mostly there is one.
    first: Option<(Arc<Entry<K, V>>, Cause)>,
    more: Vec<(Arc<Entry<K, V>>, Cause)>,
    pub(super) retired: Retired<K, V>,
}

impl<K, V> Left<K, V> {
    pub(super) fn new() -> Self {
        Self { first: None, more: Vec::new(), retired: Retired::new() }
    }

    pub(super) fn push(&mut self, entry: Arc<Entry<K, V>>, cause: Cause) {
        match self.first {
            None => self.first = Some((entry, cause)),
            Some(_) => self.more.push((entry, cause)),
        }
    }

    /// Tells the listener, each time whether or not it panics, and lets the entries go.
    pub(super) fn tell(self, rules: &Rules<K, V>) {
        self.first.into_iter().for_each(|(entry, cause)| tell(entry, cause, rules));
        self.more.into_iter().for_each(|(entry, cause)| tell(entry, cause, rules));
    }
}

fn tell<K, V>(entry: Arc<Entry<K, V>>, cause: Cause, rules: &Rules<K, V>) {
    if let Some(listener) = &rules.listener
        && let Err(panicked) = catch(&rules.place, || listener(&entry.key, &entry.value, cause))
    {
        log_quietly(|| tracing::error!(target: "regatta::cache", %panicked, "a removal listener panicked"));
    }
    drop_quietly(entry);
}
