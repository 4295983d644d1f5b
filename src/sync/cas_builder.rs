//! A cell to exchange, with more than a value.

use std::fmt;
use std::sync::Arc;

use super::builder::{Settings, enrolled};
use super::cas_cell::CasCell;
use super::rcu::Rcu;
use super::reclaimer::Reclaimer;

/// Makes a [`CasCell`] with a name, or with somebody who drops its old values; begun by [`CasCell::builder`].
///
/// # Examples
/// ```
/// use regatta::sync::CasCell;
///
/// let leader = CasCell::builder("nobody").name("leader").build();
/// let _ = leader.compare_and_swap(&"somebody", "me");
/// let row = regatta::observe::snapshot().named("leader").expect("it is alive").clone();
/// assert_eq!((&*row.kind, &*row.gauges[0].name), ("cas cell", "version"));
/// ```
#[must_use = "nothing is made before `build`"]
pub struct CasCellBuilder<T> {
    value: T,
    settings: Settings<T>,
}

impl<T> CasCellBuilder<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, settings: Settings { name: None, reclaim: None } }
    }

    /// Names the cell, in snapshots and logs. Default: `cas cell#` and a number.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Lets a reclaimer drop the old values, instead of their last readers.
    pub fn reclaimer(mut self, reclaimer: &Reclaimer) -> Self
    where
        T: Send + 'static,
    {
        self.settings.reclaim = Some(reclaimer.lease());
        self
    }

    /// Makes the cell.
    pub fn build(self) -> CasCell<T> {
        CasCell::from_rcu(Rcu::from_core(enrolled("cas cell", self.value, self.settings)))
    }
}

impl<T> fmt::Debug for CasCellBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { name, reclaim } = &self.settings;
        f.debug_struct("CasCellBuilder").field("name", name).field("has_reclaimer", &reclaim.is_some()).finish()
    }
}
