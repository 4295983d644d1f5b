//! A cell with more than a value.

use std::fmt;
use std::sync::{Arc, Weak};

use super::books::Books;
use super::core::Core;
use super::rcu::Rcu;
use super::reclaimer::{Reclaim, Reclaimer};
use crate::observe::{Observe, Registry};

/// Makes a [`Rcu`] with a name, or with somebody who drops its old values; begun by [`Rcu::builder`].
///
/// # Examples
/// ```
/// use regatta::sync::Rcu;
///
/// let routes = Rcu::builder(vec!["/"]).name("routes").build();
/// assert_eq!(regatta::observe::snapshot().named("routes").expect("it is alive").kind, "rcu");
/// # drop(routes);
/// ```
#[must_use = "nothing is made before `build`"]
pub struct RcuBuilder<T> {
    value: T,
    settings: Settings<T>,
}

/// What a cell can have besides its value.
pub(super) struct Settings<T> {
    pub(super) name: Option<Arc<str>>,
    pub(super) reclaim: Option<Reclaim<T>>,
}

impl<T> RcuBuilder<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, settings: Settings { name: None, reclaim: None } }
    }

    /// Names the cell, in snapshots and logs. Default: `rcu#` and a number.
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
    pub fn build(self) -> Rcu<T> {
        Rcu::from_core(enrolled("rcu", self.value, self.settings))
    }
}

/// A core with a row in the current registry.
pub(super) fn enrolled<T>(kind: &'static str, value: T, Settings { name, reclaim }: Settings<T>) -> Arc<Core<T>> {
    let core = Core::new(value, reclaim);
    let registry = Registry::current();
    let id = registry.reserve();
    let name = name.unwrap_or_else(|| format!("{kind}#{id}").into());
    let subject: Weak<Books> = Arc::downgrade(&core.books);
    let subject: Weak<dyn Observe> = subject;
    // The cell is ours alone so far, so both are empty.
    let _ = core.books.registration.set(registry.enroll(id, kind, &name, None, subject));
    let _ = core.books.name.set(name);
    Arc::new(core)
}

impl<T> fmt::Debug for RcuBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { name, reclaim } = &self.settings;
        f.debug_struct("RcuBuilder").field("name", name).field("has_reclaimer", &reclaim.is_some()).finish()
    }
}
