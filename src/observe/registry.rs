//! Who is alive: weak references to everything that can be looked at.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use futures::future::Either;
use tokio::time::Instant;

use super::graveyard::{Graveyard, shortened};
use super::group::{Group, Groups};
use super::machine::Machine;
use super::members::{Member, Members};
use super::row::{Gone, Row, RowId};
use super::snapshot::Snapshot;
use crate::error::drop_quietly;

/// So many members are copied under one lock.
const CHUNK: usize = 512;

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
    groups: Groups,
    graveyard: Graveyard,
    identity: u64,
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

/// How a component shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Presence {
    /// In a row of its own.
    #[default]
    Row,
    /// With all others of this group in one row.
    Group(Arc<str>),
    /// Not at all.
    Hidden,
}

/// How a component has ended.
pub(crate) struct Ending {
    pub(crate) reason: Cow<'static, str>,
    pub(crate) is_failure: bool,
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
                groups: Groups::default(),
                graveyard: Graveyard::default(),
                // A number that readers of JSON keep exactly.
                identity: RandomState::new().hash_one(0) >> 11,
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
    /// A few short locks for each component, none of the registry meanwhile; components register and leave as it goes on.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let uptime = self.shared.started.elapsed();
        let sequence = self.shared.snapshots.fetch_add(1, Ordering::Relaxed);
        // What is entered from now on is for the next one: so this one has an end.
        let end = self.shared.next_id.load(Ordering::Relaxed);
        let (mut rows, mut least) = (Vec::with_capacity(self.shared.lock().len()), 0);
        let mut groups = self.shared.groups.begin(sequence, uptime);
        loop {
            // Subjects are upgraded after the lock is gone: if ours is the last reference, dropping it runs the
            // component's destructor, which takes the lock to leave.
            let members: Vec<(u64, Member)> = {
                let members = self.shared.lock();
                let chunk = || members.from(least).take_while(|(id, _)| *id < end).take(CHUNK);
                // Reads can wait for memory together, atomic changes can't: so what the copies change is read first.
                let read: usize = chunk().map(|(_, member)| member.references()).sum();
                std::hint::black_box(read);
                chunk().map(|(id, member)| (id, member.clone())).collect()
            };
            let Some((last, _)) = members.last() else { break };
            least = last + 1;
            for (id, member) in members {
                let Some(subject) = member.subject.upgrade() else { continue };
                let mut row = Row::new(RowId(id), member.parent, member.kind, member.name);
                row.age = uptime.saturating_sub(Duration::from_nanos(member.entered));
                subject.fill(&mut row);
                // If it is the last reference, destructors of the user's run here.
                drop_quietly(subject);
                match &member.group {
                    None => rows.push(row),
                    Some(group) => groups.meet(group, &row),
                }
            }
        }
        rows.extend(groups.end());
        rows.sort_by_key(|row| row.id);
        let (gone, gone_total) = self.shared.graveyard.read();
        Snapshot {
            schema: Snapshot::SCHEMA,
            registry: self.shared.identity,
            sequence,
            captured_at: SystemTime::now(),
            uptime,
            machine: Machine::look(),
            rows,
            gone,
            gone_total,
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
        self.enter_member(id, kind, name, parent, None, subject)
    }

    /// Enters a component as its owner wants it to show.
    pub(crate) fn enroll_as(
        &self,
        presence: &Presence,
        kind: &'static str,
        name: &Arc<str>,
        subject: Weak<dyn Observe>,
    ) -> Option<Registration> {
        let group = match presence {
            Presence::Hidden => return None,
            Presence::Row => None,
            Presence::Group(group) => Some(self.shared.groups.find(kind, group, || self.reserve())),
        };
        Some(self.enter_member(self.reserve(), kind, name, None, group, subject))
    }

    fn enter_member(
        &self,
        id: u64,
        kind: &'static str,
        name: &Arc<str>,
        parent: Option<RowId>,
        group: Option<Arc<Group>>,
        subject: Weak<dyn Observe>,
    ) -> Registration {
        let entered = self.shared.now();
        self.shared.lock().insert(id, Member { kind, name: name.clone(), parent, group, entered, subject });
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

    fn tell_end(&self, id: RowId, member: &Member, Ending { reason, is_failure }: Ending) {
        let now = self.now();
        let [ended_at, age] = [now, now.saturating_sub(member.entered)].map(Duration::from_nanos);
        let (kind, name, reason) = (Cow::Borrowed(member.kind), member.name.clone(), shortened(reason));
        self.graveyard.bury(Gone { id, kind, name, ended_at, age, reason, is_failure });
    }

    /// Five centuries fit.
    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }
}

impl Registration {
    /// The row this component fills.
    pub(crate) fn id(&self) -> RowId {
        RowId(self.id)
    }

    /// Lists a component of the same registry below this one from now on.
    pub(crate) fn adopt(&self, part: &Self) {
        if !self.shared.ptr_eq(&part.shared) {
            return;
        }
        if let Some(shared) = self.shared.upgrade()
            && let Some(member) = shared.lock().get_mut(part.id)
        {
            member.parent = Some(RowId(self.id));
        }
    }

    /// Takes the component off the registry, and keeps for a while what became of it. What it has counted stays with its
    /// group, if it is in one.
    pub(crate) fn bury(self, subject: &dyn Observe, ending: Ending) {
        let Some(shared) = self.shared.upgrade() else { return };
        let id = RowId(self.id);
        let group = shared
            .lock()
            .get(self.id)
            .and_then(|member| Some((member.kind, member.name.clone(), member.group.clone()?)));
        if let Some((kind, name, group)) = &group {
            let mut row = Row::new(id, None, kind, name.clone());
            subject.fill(&mut row);
            group.keep(row);
        }
        let removed = shared.lock().remove(self.id);
        let Some(member) = removed else { return };
        // Whoever puts a swarm into one row does not want each end of it told, unless something went wrong.
        if group.is_none() || ending.is_failure {
            shared.tell_end(id, &member, ending);
        }
        if let Some(group) = member.group {
            group.has_left(id);
        }
    }

    /// Keeps for a while how the component has ended, which stays on the registry as long as somebody has it.
    pub(crate) fn tell_end(&self, ending: Ending) {
        let Some(shared) = self.shared.upgrade() else { return };
        let member = shared.lock().get(self.id).cloned();
        if let Some(member) = member {
            shared.tell_end(RowId(self.id), &member, ending);
        }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "in a test a panic is how one learns of it")]

    use std::sync::{Arc, Weak};

    use super::{Ending, Observe, Presence, Registry};
    use crate::observe::Row;

    struct Nobody;

    impl Observe for Nobody {
        fn fill(&self, row: &mut Row) {
            row.flow.done += 1;
        }
    }

    #[test]
    fn a_million_that_come_and_go_leave_nothing_behind() {
        let registry = Registry::new();
        let subject = Arc::new(Nobody);
        let weak: Weak<Nobody> = Arc::downgrade(&subject);
        let weak: Weak<dyn Observe> = weak;
        let name: Arc<str> = Arc::from("session");
        for presence in [Presence::Row, Presence::Group(Arc::from("sessions"))] {
            for _ in 0..500_000 {
                let registration = registry.enroll_as(&presence, "actor", &name, weak.clone());
                let ending = Ending { reason: "stopped".into(), is_failure: false };
                registration.expect("it is not hidden").bury(&Nobody, ending);
            }
        }
        assert!(registry.shared.lock().is_empty());
        let snapshot = registry.snapshot();
        assert_eq!((snapshot.rows.len(), snapshot.gone.len(), snapshot.gone_total), (1, 256, 500_000));
        assert_eq!(snapshot.rows[0].flow.done, 500_000);
        // The last reference to the subject is ours.
        drop(subject);
        assert!(weak.upgrade().is_none());
    }
}
