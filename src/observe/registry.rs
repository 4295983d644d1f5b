//! Who is alive: weak references to everything that can be looked at.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use futures::future::Either;

use super::members::{Member, Members};
use super::snapshot::{Row, RowId, Snapshot};

/// Something that can fill its row of a snapshot. Called without any lock of the registry.
pub(crate) trait Observe: Send + Sync {
    /// Fills in state, flow and gauges; identity is filled in already. Must not wait.
    fn fill(&self, row: &mut Row);
}

/// The components that are alive, by weak reference.
///
/// There is one [global](Registry::global) registry, and a test or a tenant can have its own: what is created inside
/// its [`scope`](Registry::scope) is entered there instead.
///
/// # Examples
/// ```
/// use regatta::observe::Registry;
/// use regatta::queue;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mine = Registry::new();
/// let ends = mine.scope(async { queue::bounded::<u32>(8) }).await;
/// assert_eq!(mine.snapshot().rows.len(), 1);
/// drop(ends);
/// assert_eq!(mine.snapshot().rows.len(), 0);
/// # }
/// ```
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    /// By id, which is the order of creation.
    members: Mutex<Members>,
    /// The components that exist once in each registry, by kind; they live as long as it does.
    common: Mutex<BTreeMap<&'static str, Common>>,
    next_id: AtomicU64,
    snapshots: AtomicU64,
    started: Instant,
}

struct Common {
    component: Arc<dyn Any + Send + Sync>,
    /// Keeps its row.
    _registration: Registration,
}

/// Takes its component off the registry when dropped; held by the component.
pub(crate) struct Registration {
    shared: Weak<Shared>,
    id: u64,
}

static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::new);

tokio::task_local! {
    static SCOPED: Registry;
}

impl Registry {
    /// Creates an empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                members: Mutex::new(Members::new()),
                common: Mutex::new(BTreeMap::new()),
                next_id: AtomicU64::new(1),
                snapshots: AtomicU64::new(0),
                started: Instant::now(),
            }),
        }
    }

    /// The registry of everything created outside any [`scope`](Registry::scope).
    #[must_use]
    pub fn global() -> Self {
        GLOBAL.clone()
    }

    /// The registry in which something created right here is entered.
    #[must_use]
    pub fn current() -> Self {
        Self::scoped().unwrap_or_else(Self::global)
    }

    /// The registry of the scope this code runs in, if it runs in one.
    pub(crate) fn scoped() -> Option<Self> {
        SCOPED.try_with(Clone::clone).ok()
    }

    /// Runs a future so that what it creates is entered here. Tasks and blocking closures that it spawns through a
    /// [`TaskGroup`](crate::task::TaskGroup), and jobs that it gives to a [`CpuPool`](crate::pool::CpuPool), are in the
    /// scope, too.
    ///
    /// # Cancel safety
    /// As safe as `future`: dropping one drops the other.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        SCOPED.scope(self.clone(), future).await
    }

    /// The closure, to be run elsewhere in the scope it was made in.
    pub(crate) fn carried<R>(run: impl FnOnce() -> R) -> impl FnOnce() -> R {
        let run = Self::carried_with(|()| run());
        move || run(())
    }

    /// The same for a closure that is given something.
    pub(crate) fn carried_with<A, R>(run: impl FnOnce(A) -> R) -> impl FnOnce(A) -> R {
        let scoped = Self::scoped();
        move |given| match scoped {
            None => run(given),
            Some(registry) => registry.enter(|| run(given)),
        }
    }

    /// The future, to be polled elsewhere in the scope it was made in.
    pub(crate) fn carried_future<F: Future>(future: F) -> impl Future<Output = F::Output> {
        match Self::scoped() {
            None => Either::Left(future),
            Some(registry) => Either::Right(async move { registry.scope(future).await }),
        }
    }

    /// Runs a closure so that what it creates is entered here.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        SCOPED.sync_scope(self.clone(), run)
    }

    /// Reads every component that is alive.
    ///
    /// # Complexity
    /// One short lock for each component; components register and leave meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        // Subjects are upgraded after the lock is gone: if ours is the last reference, dropping it runs the
        // component's destructor, which takes the lock to leave.
        let members: Vec<(u64, Member)> = self.shared.lock().iter().map(|(id, member)| (id, member.clone())).collect();
        let rows = members.into_iter().filter_map(|(id, member)| {
            let subject = member.subject.upgrade()?;
            let mut row = Row::new(RowId(id), member.parent, member.kind, member.name);
            subject.fill(&mut row);
            Some(row)
        });
        Snapshot {
            schema: Snapshot::SCHEMA,
            rows: rows.collect(),
            sequence: self.shared.snapshots.fetch_add(1, Ordering::Relaxed),
            captured_at: SystemTime::now(),
            uptime: self.shared.started.elapsed(),
        }
    }

    /// The component of a kind that is too numerous to have a row for each: one for the whole registry, made when it is
    /// first asked for. Each kind is of one type.
    pub(crate) fn common<S: Observe + Default + 'static>(&self, kind: &'static str) -> Arc<S> {
        let mut common = self.shared.common.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = common.entry(kind).or_insert_with(|| {
            let component = Arc::new(S::default());
            let subject: Weak<S> = Arc::downgrade(&component);
            let subject: Weak<dyn Observe> = subject;
            Common { _registration: self.enroll(self.reserve(), kind, &Arc::from(kind), None, subject), component }
        });
        match entry.component.clone().downcast() {
            Ok(component) => component,
            Err(_) => unreachable!("{kind} is of one type"),
        }
    }

    /// Reserves an id, so that a component without a name can be named after it.
    pub(crate) fn reserve(&self) -> u64 {
        self.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Enters a component under the id it has reserved.
    pub(crate) fn enroll(
        &self,
        id: u64,
        kind: &'static str,
        name: &Arc<str>,
        parent: Option<RowId>,
        subject: Weak<dyn Observe>,
    ) -> Registration {
        self.shared.lock().insert(id, Member { kind, name: name.clone(), parent, subject });
        Registration { shared: Arc::downgrade(&self.shared), id }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("members", &self.shared.lock().len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Members> {
        // No user code runs under the lock, so the map is whole even if a panic passed by.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// The row this component fills.
    pub(crate) fn id(&self) -> RowId {
        RowId(self.id)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let member = shared.lock().remove(self.id);
            drop(member);
        }
    }
}
