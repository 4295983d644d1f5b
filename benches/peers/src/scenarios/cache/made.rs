//! Ours and the rivals', with the same capacity and the same hasher.

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;
use regatta::cache::Cache;

pub(super) type Ours = Cache<u64, u64, RandomState>;
pub(super) type Moka = moka::sync::Cache<u64, u64, RandomState>;
pub(super) type MokaFuture = moka::future::Cache<u64, u64, RandomState>;
pub(super) type Quick = quick_cache::sync::Cache<u64, u64, UnitWeighter, RandomState>;

pub(super) fn ours(capacity: u64) -> Ours {
    Cache::builder(capacity).hasher(RandomState::default()).build()
}

pub(super) fn moka(capacity: u64) -> Moka {
    moka::sync::Cache::builder().max_capacity(capacity).build_with_hasher(RandomState::default())
}

pub(super) fn moka_future(capacity: u64) -> MokaFuture {
    moka::future::Cache::builder().max_capacity(capacity).build_with_hasher(RandomState::default())
}

pub(super) fn quick(capacity: u64) -> Quick {
    Quick::with(capacity as usize, capacity, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}
