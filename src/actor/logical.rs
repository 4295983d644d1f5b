//! What outlives the lives of an actor that is the child of a supervisor: its mailbox, and the wish that it end.
//!
//! Invariants:
//! 1. A life borrows the mailbox and gives it back, however it ends: what waits is handled by the next one.
//! 2. Who tells the actor to stop ends it for good, at whatever time: while it lives, its life looks at the flags; while
//!    it does not, the waker here does. Each registers after the other has left, and looks again.
//! 3. Whoever has taken the mailbox out writes the end, once it is empty.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use super::actor::Actor;
use super::head::{KILL, LAST, PAUSE, STOP, Subject};
use super::here;
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::restarts::Factory;
use super::shared::Shared;
use crate::error::drop_quietly;
use crate::supervise::{ChildContext, Lasting};
use crate::task::entrust;

pub(super) struct Logical<A: Actor> {
    pub(super) shared: Arc<Shared<A::Msg>>,
    kept: Mutex<Kept<A>>,
}

struct Kept<A: Actor> {
    /// Absent during a life, and after the end.
    belongings: Option<Belongings<A>>,
    /// How many lives have begun.
    lives: u64,
    last: Option<StopReason>,
    is_over: bool,
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
    pub(super) logical: Arc<Logical<A>>,
    pub(super) place: ChildContext,
    /// Which life this is.
    pub(super) incarnation: u64,
    /// How the life before has ended.
    pub(super) before: Option<StopReason>,
    /// There until it is given back.
    belongings: Option<Belongings<A>>,
    /// How this life ends.
    reason: Option<StopReason>,
}

impl<A: Actor> Logical<A> {
    pub(super) fn new(shared: Arc<Shared<A::Msg>>, inbox: Inbox<A::Msg>, factory: Factory<A>) -> Self {
        let belongings = Some(Belongings { inbox, factory });
        Self { shared, kept: Mutex::new(Kept { belongings, lives: 0, last: None, is_over: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<A>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lend(self: &Arc<Self>, place: ChildContext) -> Result<Lent<A>, NotLent> {
        let mut kept = self.lock();
        let Some(belongings) = kept.belongings.take() else {
            return Err(if kept.is_over { NotLent::Ended } else { NotLent::Lives });
        };
        kept.lives += 1;
        let (incarnation, before) = (kept.lives, kept.last.clone());
        drop(kept);
        self.shared.head.lower(PAUSE);
        Ok(Lent { logical: self.clone(), place, incarnation, before, belongings: Some(belongings), reason: None })
    }

    /// Listens, as long as there is no life that does, and looks at what was said already. A drain, and the loss of the
    /// last handle, are left to the next life: it has messages to handle, or streams.
    fn listen(self: &Arc<Self>) {
        let head = &self.shared.head;
        let displaced = {
            // A life registers after it was lent the mailbox: under the lock, this cannot take its place.
            let kept = self.lock();
            if kept.belongings.is_none() {
                return;
            }
            let displaced = head.take_waker();
            head.register(&Waker::from(Arc::new(Ear(Arc::downgrade(self)))));
            displaced
        };
        // Of the life that is over.
        drop(displaced);
        let reason = match head.flags() {
            flags if flags & KILL != 0 => StopReason::Killed,
            flags if flags & STOP != 0 => StopReason::Stopped,
            _ => return,
        };
        // Not here: whoever has called a verb may hold what the destructors of messages want.
        let end = End { logical: self.clone(), reason };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => entrust(&runtime, async move { drop(end) }),
            Err(_) => drop(end),
        }
    }

    /// The end of the logical actor, unless it lives or has ended.
    fn end(&self, reason: &StopReason) {
        let belongings = {
            let mut kept = self.lock();
            kept.is_over |= kept.belongings.is_some();
            kept.belongings.take()
        };
        let Some(Belongings { mut inbox, factory }) = belongings else { return };
        let mut subject: Option<Arc<dyn Subject>> = Some(self.shared.clone());
        here::within(&mut subject, || {
            drop_quietly(factory);
            inbox.discard(reason);
            drop_quietly(inbox);
        });
        self.shared.head.finish(reason);
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

    /// The life has ended so; everything is given back.
    pub(super) fn give_back(mut self, reason: StopReason) {
        self.reason = Some(reason);
    }
}

impl<A: Actor> Drop for Lent<A> {
    fn drop(&mut self) {
        let head = &self.logical.shared.head;
        // Aborted where no reason was given, and the message in hand with it.
        let is_aborted = self.reason.is_none();
        let reason = self.reason.take().unwrap_or(StopReason::Killed);
        if is_aborted && let Some(belongings) = &self.belongings {
            belongings.inbox.discard_in_hand();
        }
        {
            let mut kept = self.logical.lock();
            kept.belongings = self.belongings.take();
            kept.last = Some(reason.clone());
        }
        if head.flags() & (STOP | KILL | LAST) != 0 {
            self.place.retire();
            self.logical.end(&reason);
        } else {
            self.logical.listen();
        }
    }
}

/// Hears the verbs of handles while there is no life.
struct Ear<A: Actor>(Weak<Logical<A>>);

impl<A: Actor> Wake for Ear<A> {
    fn wake(self: Arc<Self>) {
        if let Some(logical) = self.0.upgrade() {
            logical.listen();
        }
    }
}

/// Ends the actor when it is dropped, wherever that is: a runtime that goes away drops it, too.
struct End<A: Actor> {
    logical: Arc<Logical<A>>,
    reason: StopReason,
}

impl<A: Actor> Drop for End<A> {
    fn drop(&mut self) {
        self.logical.end(&self.reason);
    }
}
