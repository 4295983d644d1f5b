//! A map with more than entries.

use std::fmt;
use std::hash::RandomState;
use std::marker::PhantomData;
use std::sync::Arc;

use super::super::builder::{Settings, enrolled};
use super::super::rcu::Rcu;
use super::super::reclaimer::Reclaimer;
use super::super::table::Table;
use super::rcu_map::RcuMap;

/// Makes a [`RcuMap`] with a name, a hasher, or somebody who drops its old versions; begun by [`RcuMap::builder`].
///
/// # Examples
/// ```
/// use regatta::sync::{RcuMap, Reclaimer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let reclaimer = Reclaimer::new("old sessions", 1_000);
/// let sessions: RcuMap<u64, String> = RcuMap::builder().name("sessions").reclaimer(&reclaimer).build();
/// sessions.insert(1, String::from("alice"));
/// # }
/// ```
#[must_use = "nothing is made before `build`"]
pub struct RcuMapBuilder<K, V, S = RandomState> {
    hasher: S,
    settings: Settings<Table<K, V, S>>,
    entries: PhantomData<fn() -> (K, V)>,
}

impl<K, V, S> RcuMapBuilder<K, V, S> {
    pub(super) fn new(hasher: S) -> Self {
        Self { hasher, settings: Settings { name: None, reclaim: None }, entries: PhantomData }
    }

    /// Names the map, in snapshots and logs. Default: `rcu map#` and a number.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Hashes keys with something else than std's `RandomState`. Sets a reclaimer back: choose it after this.
    pub fn hasher<H>(self, hasher: H) -> RcuMapBuilder<K, V, H> {
        let settings = Settings { name: self.settings.name, reclaim: None };
        RcuMapBuilder { hasher, settings, entries: PhantomData }
    }

    /// Lets a reclaimer drop what old versions do not share with newer ones, instead of their last readers.
    pub fn reclaimer(mut self, reclaimer: &Reclaimer) -> Self
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + 'static,
    {
        self.settings.reclaim = Some(reclaimer.lease());
        self
    }

    /// Makes the map, empty.
    #[must_use]
    pub fn build(self) -> RcuMap<K, V, S> {
        RcuMap::from_rcu(Rcu::from_core(enrolled("rcu map", Table::new(self.hasher), self.settings)))
    }
}

impl<K, V, S> fmt::Debug for RcuMapBuilder<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { name, reclaim } = &self.settings;
        f.debug_struct("RcuMapBuilder").field("name", name).field("has_reclaimer", &reclaim.is_some()).finish()
    }
}
