//! Whose code runs on this thread right now, and what a reply that is dropped in it means.
//!
//! A [`Reply`](super::Reply) is dropped for one of several reasons, and the asker is told which: the handler forgot it,
//! the handler panicked, the message was never handled, the actor was killed. The destructor of a reply knows none of
//! them; whoever causes it says so here first.
//!
//! Invariants:
//! 1. Nothing of a user runs while the thread's record is borrowed.
//! 2. A reply that is dropped by a panic waits, as an orphan, for what the panic said; all orphans of a poll are settled
//!    before the poll ends.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::{RawWakerVTable, Waker};

use super::head::{Head, Subject};
use super::reason::StopReason;
use crate::error::{Panicked, drop_quietly};

/// What became of a message whose reply was not sent.
#[derive(Clone)]
pub(super) enum Fate {
    /// It was handled, or is kept, without a reply.
    NoReply,
    /// There was no room for it in the mailbox of this actor.
    Full(u64, usize),
    /// A panic of the actor took the reply away.
    Panicked(Panicked),
    /// This actor did not handle it. Of another one than was asked, it had got the reply from that one.
    Stopped(Arc<dyn Subject>, StopReason),
    /// It was being handled.
    Killed(StopReason),
}

/// Tells one asker.
type Orphan = Box<dyn FnOnce(Fate) + Send>;

/// Swapped at every poll of an actor, so that what is rare is behind pointers.
struct Here {
    actor: RefCell<Option<Arc<dyn Subject>>>,
    /// Panics are caught, and the orphans settled.
    is_guarded: Cell<bool>,
    fate: RefCell<Option<Box<Fate>>>,
    orphans: RefCell<Vec<Orphan>>,
}

thread_local! {
    static HERE: Here = const {
        Here {
            actor: RefCell::new(None),
            is_guarded: Cell::new(false),
            fate: RefCell::new(None),
            orphans: RefCell::new(Vec::new()),
        }
    };
}

/// The record goes with its thread; a runtime that a thread has for itself may go after it.
fn is_gone() -> bool {
    HERE.try_with(|_| ()).is_err()
}

/// Runs code of an actor. It must not panic, and `actor` is there again when it returns.
#[inline]
pub(super) fn within<R>(actor: &mut Option<Arc<dyn Subject>>, run: impl FnOnce() -> R) -> R {
    if is_gone() {
        return run();
    }
    HERE.with(|here| {
        let actor_outside = here.actor.replace(actor.take());
        let fate_outside = here.fate.take();
        let was_guarded = here.is_guarded.replace(true);
        let orphans_outside = here.orphans.take();
        let result = run();
        if !here.orphans.borrow().is_empty() {
            settle_orphans(&Fate::NoReply);
        }
        here.is_guarded.set(was_guarded);
        here.orphans.replace(orphans_outside);
        here.fate.replace(fate_outside);
        *actor = here.actor.replace(actor_outside);
        result
    })
}

/// Runs code that an actor has given away, to a task or a thread: it asks for itself, not for the actor.
pub(super) fn given_away<R>(run: impl FnOnce() -> R) -> R {
    within(&mut None, run)
}

/// Something of the user's, on its way: replies in it mean this if it is dropped there.
pub(super) struct Fated<T> {
    value: Option<T>,
    fate: Fate,
}

impl<T> Fated<T> {
    pub(super) fn new(value: T, fate: Fate) -> Self {
        Self { value: Some(value), fate }
    }

    /// It has arrived.
    pub(super) fn into_inner(mut self) -> T {
        match self.value.take() {
            Some(value) => value,
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl<T> Drop for Fated<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            with_fate(self.fate.clone(), || drop_quietly(value));
        }
    }
}

/// Runs code in which a reply that is dropped means this.
pub(super) fn with_fate<R>(fate: Fate, run: impl FnOnce() -> R) -> R {
    if is_gone() {
        return run();
    }
    let outer = HERE.with(|here| here.fate.replace(Some(Box::new(fate))));
    let result = catch_unwind(AssertUnwindSafe(run));
    let inner = HERE.with(|here| here.fate.replace(outer));
    // It may have the last reference to an error of the user's.
    drop(inner);
    match result {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Drops something of the user's, whose replies mean this; a panic of the destructor comes back.
pub(super) fn drop_with<T>(fate: Fate, place: impl FnOnce() -> String, value: T) -> Result<(), Panicked> {
    match catch_unwind(AssertUnwindSafe(|| with_fate(fate, || drop(value)))) {
        Ok(()) => Ok(()),
        Err(payload) => Err(Panicked::from_payload(place(), payload)),
    }
}

/// A reply is dropped; `settle` tells the asker, now or when it is known what to tell.
pub(super) fn orphan(settle: impl FnOnce(Fate) + Send + 'static) {
    let fate = HERE.try_with(|here| {
        match here.fate.borrow().as_deref() {
            // A panic says more than that there is no reply.
            Some(Fate::NoReply) | None if here.is_guarded.get() && std::thread::panicking() => None,
            Some(fate) => Some(fate.clone()),
            None => Some(Fate::NoReply),
        }
    });
    match fate.unwrap_or(Some(Fate::NoReply)) {
        Some(fate) => settle(fate),
        None => HERE.with(|here| here.orphans.borrow_mut().push(Box::new(settle))),
    }
}

/// Tells the askers whose replies a panic has dropped.
pub(super) fn settle_orphans(fate: &Fate) {
    let orphans = HERE.try_with(|here| here.orphans.take()).unwrap_or_default();
    for settle in orphans {
        // It wakes somebody, whose waker is foreign code.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| settle(fate.clone()))) {
            drop_quietly(payload);
        }
    }
}

/// How tokio wakes its tasks, as soon as an actor was one.
static OF_TASKS: OnceLock<&'static RawWakerVTable> = OnceLock::new();

/// This is the waker of a task of tokio's.
#[inline]
pub(super) fn note_task(waker: &Waker) {
    OF_TASKS.get_or_init(|| waker.vtable());
}

/// Tells whether it is one: not that of a combinator, nor of another executor.
pub(super) fn is_of_a_task(waker: &Waker) -> bool {
    OF_TASKS.get().is_some_and(|of_tasks| std::ptr::eq(*of_tasks, waker.vtable()))
}

/// Tells whether code of this actor runs here.
pub(super) fn is(head: &Head) -> bool {
    is_actor(head.id)
}

/// As [`is`], by the id.
pub(super) fn is_actor(id: u64) -> bool {
    HERE.try_with(|here| here.actor.borrow().as_ref().is_some_and(|actor| actor.head().id == id)).unwrap_or(false)
}

/// The actor whose code runs here, if one's does.
pub(super) fn actor() -> Option<Arc<dyn Subject>> {
    HERE.try_with(|here| here.actor.borrow().clone()).ok().flatten()
}
