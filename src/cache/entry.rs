//! One entry: key and value, and what readers and writers note about it.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::clock::{Moment, NEVER, after};
use super::policy::Ranked;

/// How often an entry can have been read since the policy last came by, before it makes no more difference.
const HOTTEST: u8 = 3;

/// How soon after a failure the next attempt is made to load it again.
const PAUSE: Duration = Duration::from_millis(100);

/// What every read looks at comes first, so that it is mostly in one line of memory.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    /// As which one of its shard it was sent away; [`NEVER`] as long as it is in. It may lie in a table for a while then.
    gone: AtomicU64,
    heat: AtomicU8,
    /// How often in a row it could not be loaded again.
    failures: AtomicU8,
    /// Its place in the policy's lists; written under the shard's lock.
    place: AtomicU32,
    pub(super) key: K,
    pub(super) value: V,
    /// From when on [`get`](super::Cache::get) does not give it any more.
    pub(super) expires: Moment,
    /// When it was last read or written; kept where there is a time to idle.
    touched: AtomicU64,
    /// From when on whoever can load is asked to; [`NEVER`] while somebody does.
    refresh_at: AtomicU64,
    /// Under which moment the shard looks for it; written under the shard's lock.
    due: AtomicU64,
    pub(super) weight: u64,
}

// Relaxed, all of them: each is a number of its own, and the worst that a late reader can do is to miss a note of the moment.
impl<K, V> Entry<K, V> {
    pub(super) fn new(hash: u64, key: K, value: V, weight: u64, expires: Moment) -> Self {
        Self {
            key,
            value,
            hash,
            weight,
            expires,
            refresh_at: AtomicU64::new(NEVER),
            touched: AtomicU64::new(0),
            due: AtomicU64::new(NEVER),
            gone: AtomicU64::new(NEVER),
            place: AtomicU32::new(u32::MAX),
            heat: AtomicU8::new(0),
            failures: AtomicU8::new(0),
        }
    }

    #[inline]
    pub(super) fn heat_up(&self) {
        let heat = self.heat.load(Ordering::Relaxed);
        if heat < HOTTEST {
            self.heat.store(heat + 1, Ordering::Relaxed);
        }
    }

    /// Tells whether it was not sent away.
    #[inline]
    pub(super) fn is_in(&self) -> bool {
        self.gone.load(Ordering::Relaxed) == NEVER
    }

    /// Tells whether it was in when so many of its shard had been sent away.
    pub(super) fn was_in(&self, sent_away: u64) -> bool {
        self.gone.load(Ordering::Relaxed) > sent_away
    }

    /// Sends it away. Under the shard's lock, as whoever asks [`Entry::was_in`] has the number from there.
    pub(super) fn send_away(&self, number: u64) {
        self.gone.store(number, Ordering::Relaxed);
    }

    pub(super) fn touched(&self) -> Moment {
        self.touched.load(Ordering::Relaxed)
    }

    pub(super) fn touch(&self, now: Moment) {
        // Whoever is late must not make it older.
        if self.touched() < now {
            self.touched.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(super) fn due(&self) -> Moment {
        self.due.load(Ordering::Relaxed)
    }

    pub(super) fn set_due(&self, due: Moment) {
        self.due.store(due, Ordering::Relaxed);
    }

    pub(super) fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    pub(super) fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(super) fn wants_refresh(&self, now: Moment) -> bool {
        self.refresh_at.load(Ordering::Relaxed) <= now
    }

    /// Tells whether the caller, and nobody else, is to load it again.
    pub(super) fn claim_refresh(&self, now: Moment) -> bool {
        let due = self.refresh_at.load(Ordering::Relaxed);
        let claim = || self.refresh_at.compare_exchange(due, NEVER, Ordering::Relaxed, Ordering::Relaxed);
        due <= now && claim().is_ok()
    }

    pub(super) fn refresh_from(&self, moment: Moment) {
        self.refresh_at.store(moment, Ordering::Relaxed);
    }

    /// The next attempt is made a little later, as this one came to nothing.
    pub(super) fn refresh_later(&self, now: Moment) {
        self.refresh_from(after(now, PAUSE));
    }

    /// After it could not be loaded again: the next attempt is made twice as much later, up to half a minute.
    pub(super) fn refresh_failed(&self, now: Moment) {
        let failures = self.failures.load(Ordering::Relaxed).min(9);
        self.failures.store(failures + 1, Ordering::Relaxed);
        let pause = PAUSE.saturating_mul(1 << failures).min(Duration::from_secs(30));
        self.refresh_from(after(now, pause));
    }
}

impl<K, V> Ranked for std::sync::Arc<Entry<K, V>> {
    fn weight(&self) -> u64 {
        self.weight
    }

    fn hash(&self) -> u64 {
        self.hash
    }

    fn heat(&self) -> u8 {
        self.heat.load(Ordering::Relaxed)
    }

    fn set_heat(&self, heat: u8) {
        self.heat.store(heat, Ordering::Relaxed);
    }
}
