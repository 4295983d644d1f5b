//! How a cache is made.

use std::fmt;
use std::hash::RandomState;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use super::flight::Abandoned;
use super::handle::Cache;
use super::rules::{Cause, Rules};

/// How many entries a shard has at the least, if the capacity is shared out.
const SHARD: u64 = 256;

/// Sets how much a [`Cache`] holds, for how long, and what it does besides; made by [`Cache::builder`].
///
/// Closures learn the types of key and value from the first line: write `Cache::<String, String>::builder(n)`, or name the
/// types of their arguments.
///
/// # Examples
/// ```
/// use regatta::cache::{Cache, Cause};
/// use std::time::Duration;
///
/// let pages: Cache<String, String> = Cache::builder(64 << 20)
///     .weigher(|path: &String, page: &String| (path.len() + page.len()) as u64) // so the capacity is in bytes
///     .time_to_live(Duration::from_secs(60))
///     .refresh_ahead(Duration::from_secs(5))
///     .on_removal(|path, _, cause| {
///         if cause == Cause::Capacity {
///             println!("no room for {path}");
///         }
///     })
///     .name("pages")
///     .build();
/// pages.insert("/".to_owned(), "hello".to_owned());
/// assert_eq!(pages.stats().weight, 6);
/// ```
#[must_use = "a builder builds nothing before `build`"]
pub struct CacheBuilder<K, V, S = RandomState> {
    name: Option<Arc<str>>,
    capacity: u64,
    shards: Option<usize>,
    hasher: S,
    rules: Rules<K, V>,
    /// Of the cache to come.
    _made: PhantomData<fn() -> (K, V)>,
}

impl<K, V> CacheBuilder<K, V> {
    #[track_caller]
    pub(super) fn new(capacity: u64) -> Self {
        assert!(capacity > 0, "cache: capacity must be above zero");
        let rules = Rules {
            place: "".into(),
            loader: "".into(),
            weigher: None,
            expiry: None,
            listener: None,
            time_to_live: None,
            time_to_idle: None,
            negative_time_to_live: None,
            ahead: None,
            stale: None,
            abandoned: Abandoned::default(),
            load_timeout: None,
        };
        Self { name: None, capacity, shards: None, hasher: RandomState::new(), rules, _made: PhantomData }
    }
}

impl<K, V, S> CacheBuilder<K, V, S> {
    /// Sets the name in errors, logs and snapshots; without it, `cache` and a number.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Hashes keys by another hasher than std's, which is safe against keys that an attacker has chosen.
    pub fn hasher<H>(self, hasher: H) -> CacheBuilder<K, V, H> {
        let Self { name, capacity, shards, rules, .. } = self;
        CacheBuilder { name, capacity, shards, hasher, rules, _made: PhantomData }
    }

    /// Weighs entries: the capacity is then what all of them together may weigh, in the weigher's unit, and not their number.
    ///
    /// It is asked once for each value. Nothing weighs less than 1, so that the number of entries has a bound, too. An entry
    /// that is heavier than a [shard](Self::shards) is not taken in; what was there of its key goes all the same.
    ///
    /// # Panics
    /// A panic of the weigher arrives at whoever inserts; in a load it is its outcome.
    pub fn weigher(mut self, weigh: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        self.rules.weigher = Some(Arc::new(weigh));
        self
    }

    /// Gives entries up when they have been there for so long, counted from when they were put in.
    ///
    /// # Panics
    /// When `time` is zero.
    #[track_caller]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.rules.time_to_live = Some(above_zero("time_to_live", time));
        self
    }

    /// Gives entries up that nobody has read for so long.
    ///
    /// Each read then writes down when it was, which makes readers of one entry slow each other down.
    ///
    /// # Panics
    /// When `time` is zero.
    #[track_caller]
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.rules.time_to_idle = Some(above_zero("time_to_idle", time));
        self
    }

    /// Asks for each entry how long it is good, from now on: [`time_to_live`](Self::time_to_live) where it gives nothing.
    ///
    /// One that is good for no time is not taken in.
    ///
    /// # Panics
    /// A panic of the closure arrives at whoever inserts; in a load it is its outcome.
    pub fn expiry(mut self, expiry: impl Fn(&K, &V) -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.rules.expiry = Some(Arc::new(expiry));
        self
    }

    /// Keeps the error of a load for so long: who asks meanwhile gets the same one, and nothing is loaded.
    ///
    /// It is for keys that have no value: where there is one that is loaded again, loads have pauses of their own, see
    /// [`stale_while_revalidate`](Self::stale_while_revalidate). A shard keeps at most 1024 errors, or as many as its part of the
    /// capacity, if that is less, but 16 in any case; the oldest go first. A value that is put in, or an invalidation, ends it.
    ///
    /// # Panics
    /// When `time` is zero.
    #[track_caller]
    pub fn negative_time_to_live(mut self, time: Duration) -> Self {
        self.rules.negative_time_to_live = Some(above_zero("negative_time_to_live", time));
        self
    }

    /// Loads an entry again in the last `time` of its life: the first call that can load starts it, and all get the value
    /// that is there.
    ///
    /// # Panics
    /// When `time` is zero; at [`build`](Self::build) when it is not shorter than the time to live, or nothing has an end. Of an
    /// entry whose own [`expiry`](Self::expiry) is not longer than that, it is half the life.
    #[track_caller]
    pub fn refresh_ahead(mut self, time: Duration) -> Self {
        self.rules.ahead = Some(above_zero("refresh_ahead", time));
        self
    }

    /// Gives a value that is too old for `time` longer to those who can load it, while it is loaded anew in the background.
    ///
    /// [`get`](Cache::get), which cannot, does not give it. If it cannot be loaded, the next attempt is made after 100 ms,
    /// then after twice as long each time, up to 30 s; meanwhile the old value is good enough. After `time` callers wait, and
    /// get the error.
    ///
    /// So an error means that the source could not be asked. That there is no such thing is a value: cache an `Option`, with
    /// an [`expiry`](Self::expiry) of its own for `None`.
    ///
    /// # Panics
    /// When `time` is zero; at [`build`](Self::build) when nothing has an end.
    #[track_caller]
    pub fn stale_while_revalidate(mut self, time: Duration) -> Self {
        self.rules.stale = Some(above_zero("stale_while_revalidate", time));
        self
    }

    /// Stops a load that takes longer: all who wait for it get [`LoadError::Elapsed`](super::LoadError::Elapsed), and the next
    /// call loads anew, unless errors are kept.
    ///
    /// A `timeout` around [`get_or_load`](Cache::get_or_load) ends only that caller's wait. Without this, a load that never ends
    /// is what all wait for, until its key is [invalidated](Cache::invalidate) or written.
    ///
    /// # Panics
    /// When `time` is zero. A load panics on a runtime without timers (`enable_time`), which is its outcome.
    #[track_caller]
    pub fn load_timeout(mut self, time: Duration) -> Self {
        self.rules.load_timeout = Some(above_zero("load_timeout", time));
        self
    }

    /// Sets what becomes of a load when all who waited for it have left; without it, it goes on.
    pub fn abandoned(mut self, abandoned: Abandoned) -> Self {
        self.rules.abandoned = abandoned;
        self
    }

    /// Calls `listener` once for each entry that leaves the cache, with the reason.
    ///
    /// It runs where the entry was taken out, a moment after, and holds up only that call; without any lock, so it may use the
    /// cache, by a [`WeakCache`](super::WeakCache) if the cache is to go some time. It hears of what is too old when that is
    /// taken out: at writes to its shard, eight at a time, or at [`remove_expired`](Cache::remove_expired). Calls for different entries can come at the same time. Entries that are still there when the cache is dropped
    /// have not left it. A panic is logged.
    #[doc(alias = "eviction_listener")]
    pub fn on_removal(mut self, listener: impl Fn(&K, &V, Cause) + Send + Sync + 'static) -> Self {
        self.rules.listener = Some(Arc::new(listener));
        self
    }

    /// Sets into how many shards the cache is divided, rounded up to a power of two, at most 256. Writers of different shards
    /// don't wait for each other; readers never do.
    ///
    /// Each shard has its part of the capacity. Without this, there is one shard for each 256 entries, up to 16; with a
    /// weigher there is only one, because a shard takes in nothing that is heavier than its part.
    ///
    /// # Panics
    /// When `shards` is zero; at [`build`](Self::build) when there are more than the capacity.
    #[track_caller]
    pub fn shards(mut self, shards: usize) -> Self {
        crate::error::refuse_zero("cache", "shards", shards);
        self.shards = Some(shards.clamp(1, 256).next_power_of_two());
        self
    }

    /// Makes the cache, which is empty. It needs no runtime; loads do.
    ///
    /// # Panics
    /// When the parts don't fit together; each says how.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Cache<K, V, S>
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let Self { name, capacity, shards, hasher, rules, .. } = self;
        let has_end = rules.time_to_live.is_some() || rules.expiry.is_some();
        if let (Some(ahead), Some(live)) = (rules.ahead, rules.time_to_live) {
            assert!(ahead < live, "cache: refresh_ahead ({ahead:?}) must be shorter than time_to_live ({live:?})");
        }
        for (is_set, what) in
            [(rules.ahead.is_some(), "refresh_ahead"), (rules.stale.is_some(), "stale_while_revalidate")]
        {
            assert!(
                !is_set || has_end,
                "cache: {what} needs time_to_live or expiry: without them nothing ever is too old"
            );
        }
        let by_itself = if rules.weigher.is_some() { 1 } else { (capacity / SHARD).clamp(1, 16) };
        let by_itself = 1 << by_itself.ilog2();
        let shards = shards.unwrap_or(by_itself);
        assert!(
            shards as u64 <= capacity,
            "cache: shards ({shards}, a power of two) must not exceed the capacity ({capacity})"
        );
        Cache::new_from(name, |place, loader| Core::new(Rules { place, loader, ..rules }, hasher, capacity, shards))
    }
}

impl<K, V, S> fmt::Debug for CacheBuilder<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn above_zero(parameter: &str, time: Duration) -> Duration {
    assert!(!time.is_zero(), "cache: {parameter} must be above zero");
    time
}
