//! What outlives the lives of an actor that is the child of a supervisor: its mailbox, and the wish that it end.
//!
//! Invariants:
//! 1. A life borrows the mailbox and gives it back, however it ends: what waits is handled by the next one.
//! 2. A life is over when nothing of it is left, its tasks and blocking closures included: each of them has a part in the
//!    [`Tenure`].
//! 3. Who tells the actor to stop ends it for good, at whatever time. The flag is raised first; then whoever is there
//!    looks: a life at its next poll, the end of one when it gives back, and where there is none the one who raised it.
//! 4. Whoever has taken the mailbox out writes the end, once it is empty.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use super::actor::Actor;
use super::head::{Ear, KILL, LAST, PAUSE, STOP, Subject};
use super::here;
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::restarts::Factory;
use super::shared::Shared;
use crate::error::drop_quietly;
use crate::supervise::{ChildContext, Kin, Lasting, SupervisorRef};
use crate::task::entrust;

pub(super) struct Logical<A: Actor> {
    pub(super) shared: Arc<Shared<A::Msg>>,
    kept: Mutex<Kept<A>>,
}

struct Kept<A: Actor> {
    /// Absent while it is lent, and after the end.
    belongings: Option<Belongings<A>>,
    /// Something of a life is left.
    is_alive: bool,
    /// How many lives have begun.
    lives: u64,
    last: Option<StopReason>,
    is_over: bool,
    /// Of the last life: where it ran, and under whom.
    site: Option<Site>,
}

#[derive(Clone)]
struct Site {
    runtime: Handle,
    supervisor: SupervisorRef,
}

struct Belongings<A: Actor> {
    inbox: Inbox<A::Msg>,
    factory: Factory<A>,
}

/// Why there is nothing to lend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotLent {
    Ended,
    /// Another place has it.
    Lives,
}

/// The mailbox and the factory, for one life.
pub(super) struct Lent<A: Actor> {
    /// Which life this is.
    pub(super) incarnation: u64,
    /// How the life before has ended.
    pub(super) before: Option<StopReason>,
    /// There until it is given back.
    belongings: Option<Belongings<A>>,
    /// How this life ends.
    reason: Option<StopReason>,
    /// Last: the tenure may end with it.
    tenure: Arc<Tenure<A>>,
}

/// One life, with all that it has begun. When the last part is dropped, it is over.
pub(super) struct Tenure<A: Actor> {
    logical: Arc<Logical<A>>,
    place: ChildContext,
    /// The supervisor waits for it.
    _kin: Option<Arc<Kin>>,
}

impl<A: Actor> Logical<A> {
    pub(super) fn new(shared: Arc<Shared<A::Msg>>, inbox: Inbox<A::Msg>, factory: Factory<A>) -> Arc<Self> {
        let belongings = Some(Belongings { inbox, factory });
        let kept = Kept { belongings, is_alive: false, lives: 0, last: None, is_over: false, site: None };
        let logical = Arc::new(Self { shared, kept: Mutex::new(kept) });
        let ear: Arc<dyn Ear> = logical.clone();
        logical.shared.head.is_between_lives();
        logical.shared.head.listens(&ear);
        logical
    }

    fn lock(&self) -> MutexGuard<'_, Kept<A>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lend(self: &Arc<Self>, place: ChildContext) -> Result<Lent<A>, NotLent> {
        let site = Site { runtime: Handle::current(), supervisor: place.supervisor().clone() };
        let mut kept = self.lock();
        if kept.is_over || kept.is_alive {
            return Err(if kept.is_over { NotLent::Ended } else { NotLent::Lives });
        }
        kept.is_alive = true;
        kept.lives += 1;
        let (incarnation, before, belongings) = (kept.lives, kept.last.clone(), kept.belongings.take());
        let site_before = kept.site.replace(site);
        drop(kept);
        drop(site_before);
        self.shared.head.lower(PAUSE);
        place.supervisor().adopt(self.shared.head.waiting().registration.as_ref());
        let tenure = Arc::new(Tenure { logical: self.clone(), _kin: place.kin(), place });
        Ok(Lent { incarnation, before, belongings, reason: None, tenure })
    }

    /// The end of the logical actor, unless it lives or has ended.
    fn end(&self, reason: &StopReason) {
        let belongings = {
            let mut kept = self.lock();
            if kept.is_alive {
                return;
            }
            kept.is_over = true;
            kept.belongings.take()
        };
        let Some(Belongings { mut inbox, factory }) = belongings else { return };
        let mut subject: Option<Arc<dyn Subject>> = Some(self.shared.clone());
        here::within(&mut subject, || {
            drop_quietly(factory);
            inbox.discard(reason);
            drop_quietly(inbox);
        });
        self.shared.head.finish(&*self.shared, reason);
    }
}

impl<A: Actor> Ear for Logical<A> {
    fn hears(self: Arc<Self>, flags: u32) {
        let site = {
            let kept = self.lock();
            if kept.is_alive || kept.is_over {
                return;
            }
            kept.site.clone()
        };
        let reason = if flags & KILL != 0 { StopReason::Killed } else { StopReason::Stopped };
        let (runtime, supervisor) = site.map(|site| (site.runtime, site.supervisor)).unzip();
        let end = End { logical: self, reason, supervisor };
        // Not here: whoever has called a verb may hold what the destructors of messages want.
        match runtime.or_else(|| Handle::try_current().ok()) {
            Some(runtime) => entrust(&runtime, async move { drop(end) }),
            None => drop(std::thread::Builder::new().spawn(move || drop(end))),
        }
    }
}

impl<A: Actor> Lasting for Logical<A> {
    fn conclude(&self) {
        let reason = self.lock().last.clone();
        self.end(&reason.unwrap_or(StopReason::Stopped));
    }

    fn has_ended(&self) -> bool {
        self.shared.head.end().is_some()
    }
}

impl<A: Actor> Drop for Logical<A> {
    fn drop(&mut self) {
        self.conclude();
    }
}

impl<A: Actor> Lent<A> {
    pub(super) fn inbox(&mut self) -> &mut Inbox<A::Msg> {
        &mut self.belongings().inbox
    }

    pub(super) fn factory(&mut self) -> &mut Factory<A> {
        &mut self.belongings().factory
    }

    fn belongings(&mut self) -> &mut Belongings<A> {
        match &mut self.belongings {
            Some(belongings) => belongings,
            None => unreachable!("it is there while the life is"),
        }
    }

    /// A part of the life, for what it begins.
    pub(super) fn part(&self) -> Arc<dyn Send + Sync> {
        self.tenure.clone()
    }

    /// The life has ended so; everything is given back.
    pub(super) fn give_back(mut self, reason: StopReason) {
        self.reason = Some(reason);
    }
}

impl<A: Actor> Drop for Lent<A> {
    fn drop(&mut self) {
        // Aborted where no reason was given, and the message in hand with it.
        let is_aborted = self.reason.is_none();
        let reason = self.reason.take().unwrap_or(StopReason::Killed);
        if is_aborted && let Some(belongings) = &self.belongings {
            belongings.inbox.discard_in_hand();
        }
        let before = {
            let mut kept = self.tenure.logical.lock();
            kept.belongings = self.belongings.take();
            kept.last.replace(reason)
        };
        drop(before);
    }
}

impl<A: Actor> Drop for Tenure<A> {
    fn drop(&mut self) {
        let head = &self.logical.shared.head;
        head.is_between_lives();
        let reason = {
            let mut kept = self.logical.lock();
            kept.is_alive = false;
            kept.last.clone().unwrap_or(StopReason::Stopped)
        };
        // After that: who raises a flag from now on is heard, who did before is seen here.
        if head.flags() & (STOP | KILL | LAST) != 0 {
            self.place.retire();
            self.logical.end(&reason);
        }
    }
}

/// Ends the actor when it is dropped, wherever that is: a runtime that goes away drops it, too.
struct End<A: Actor> {
    logical: Arc<Logical<A>>,
    reason: StopReason,
    supervisor: Option<SupervisorRef>,
}

impl<A: Actor> Drop for End<A> {
    fn drop(&mut self) {
        self.logical.end(&self.reason);
        // It need not wait until the next life is due.
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.sweep(self.logical.shared.head.name.clone());
        }
    }
}
