//! The part of an actor that does not depend on its messages: who it is, what it was told, how it ended.
//!
//! Invariants:
//! 1. The end is written once, after the state and all messages are gone; then everybody who waits is woken, outside
//!    the lock.
//! 2. Flags are only added, except [`INNER`], [`PAUSE`], [`ABSENT`], [`STARTING`] and [`TIMED`], which the actor's own task
//!    takes away.
//! 3. The counters of [`Books`] are written by the actor's task alone, with the exceptions of `dropped` and `come`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio_util::sync::CancellationToken;

use super::notes::Rare;
use super::reason::StopReason;
use crate::error::{catch, drop_quietly, wake_quietly};
use crate::observe::{Ending, Observe, Registration};
use crate::policy::Overflow;
use crate::task::Waiters;

/// Asked to stop after the message in hand.
pub(super) const STOP: u32 = 1;
/// Asked to stop after everything that was accepted.
pub(super) const DRAIN: u32 = 2;
/// Asked to stop in the middle of whatever it does.
pub(super) const KILL: u32 = 4;
/// It accepts nothing more, since it is about to end.
pub(super) const ENDING: u32 = 8;
/// There is something in the inner lane.
pub(super) const INNER: u32 = 16;
/// Its last life has ended by itself; no other one follows.
pub(super) const LAST: u32 = 32;
/// It lives no life at the moment: the first has not begun, or the next has not.
pub(super) const ABSENT: u32 = 128;
/// Its task has not begun yet, or the hook at the beginning of a life is not through.
pub(super) const STARTING: u32 = 512;
/// The message that was taken last is timed. Of the actor's task.
pub(super) const TIMED: u32 = 256;
/// Its supervisor wants this incarnation to end; the actor itself may go on later.
pub(super) const PAUSE: u32 = 64;

/// With any of these nothing is accepted.
const REFUSING: u32 = STOP | DRAIN | KILL | ENDING | LAST;

/// Something with a head: an actor of whatever messages.
pub(super) trait Subject: Observe {
    fn head(&self) -> &Head;
}

/// In this order: senders read what is first, the actor's task writes what is last, and the two are more than a cache
/// line apart.
#[repr(C)]
pub(super) struct Head {
    flags: AtomicU32,
    pub(super) overflow: Overflow,
    /// Strong handles.
    handles: AtomicUsize,
    pub(super) id: u64,
    pub(super) name: Arc<str>,
    /// At most so many messages wait.
    pub(super) capacity: usize,
    /// How long an ask waits unless it says otherwise.
    pub(super) ask_timeout: Option<Duration>,
    end: OnceLock<Box<StopReason>>,
    waiting: Mutex<Waiting>,
    /// Cancelled when it is asked to stop or killed; made when somebody wants it.
    token: OnceLock<CancellationToken>,
    /// Of the actor's task.
    waker: AtomicWaker,
    /// Hears what nobody wakes up for.
    ear: OnceLock<Weak<dyn Ear>>,
    rare: OnceLock<Box<Rare>>,
    /// The name of the last message that it began to handle, as a [`Word`](crate::observe::Word). Of the actor's task.
    pub(super) doing: AtomicU32,
}

/// Somebody who is there while the actor has no life.
pub(super) trait Ear: Send + Sync {
    /// It was told to stop or killed; these are the flags now.
    fn hears(self: Arc<Self>, flags: u32);
}

/// Who is to be told of the end.
#[derive(Default)]
pub(super) struct Waiting {
    lists: Option<Box<Lists>>,
    pub(super) registration: Option<Registration>,
}

/// Most actors are waited for by nobody, most of the time.
pub(super) struct Lists {
    pub(super) waiters: Waiters,
    pub(super) watchers: Vec<Watcher>,
}

impl Waiting {
    pub(super) fn lists(&mut self) -> &mut Lists {
        self.lists.get_or_insert_with(|| Box::new(Lists { waiters: Waiters::new(), watchers: Vec::new() }))
    }
}

pub(super) struct Watcher {
    pub(super) id: u64,
    pub(super) notify: Box<dyn FnOnce(StopReason) + Send>,
}

/// What became of the messages.
#[derive(Default)]
pub(super) struct Books {
    /// Taken out of the mailbox, or out of the inner lane, a timer or a stream.
    taken: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) discarded: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) restarts: AtomicU64,
    /// The most that is known to have come: taken, or in the mailbox.
    come: AtomicU64,
}

impl Head {
    pub(super) fn new(name: Arc<str>, capacity: usize, overflow: Overflow, ask_timeout: Option<Duration>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name,
            capacity,
            ask_timeout,
            flags: AtomicU32::new(STARTING),
            waker: AtomicWaker::new(),
            ear: OnceLock::new(),
            handles: AtomicUsize::new(1),
            end: OnceLock::new(),
            waiting: Mutex::default(),
            token: OnceLock::new(),
            rare: OnceLock::new(),
            doing: AtomicU32::new(0),
            overflow,
        }
    }

    /// How errors call it.
    pub(super) fn place(&self) -> String {
        format!("actor `{}`", self.name)
    }

    /// Acquire: pairs with the Release of [`raise`](Self::raise); who sees a flag sees what was done before it.
    #[inline]
    pub(super) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn is_refusing(&self) -> bool {
        self.flags() & REFUSING != 0
    }

    pub(super) fn is_killed(&self) -> bool {
        self.flags() & KILL != 0
    }

    /// Tells the actor something.
    pub(super) fn raise(&self, flag: u32) {
        let before = self.flags.fetch_or(flag, Ordering::AcqRel);
        if before & flag == flag {
            return;
        }
        self.wake();
        if flag & (STOP | KILL) == 0 {
            return;
        }
        if let Some(token) = self.token.get() {
            cancel_quietly(token);
        }
        if let Some(ear) = self.ear.get().and_then(Weak::upgrade) {
            ear.hears(before | flag);
        }
    }

    /// From now on somebody hears what is told while there is no life.
    pub(super) fn listens(&self, ear: &Arc<dyn Ear>) {
        // Once for each actor, before anybody has a handle.
        let _ = self.ear.set(Arc::downgrade(ear));
    }

    /// Says that it lives no life now, which nobody waits for.
    pub(super) fn is_between_lives(&self) {
        self.flags.fetch_or(ABSENT, Ordering::AcqRel);
    }

    /// Says that a message is timed, to the actor's own task.
    pub(super) fn is_timed(&self) {
        self.flags.fetch_or(TIMED, Ordering::Relaxed);
    }

    /// Says that a life begins.
    pub(super) fn starts(&self) {
        if self.flags() & (ABSENT | STARTING) != STARTING {
            self.flags.fetch_or(STARTING, Ordering::AcqRel);
            self.lower(ABSENT);
        }
    }

    /// Says that a life has begun.
    pub(super) fn has_started(&self) {
        self.lower(STARTING);
    }

    pub(super) fn rare(&self) -> &Rare {
        self.rare.get_or_init(|| Box::new(Rare::new()))
    }

    pub(super) fn known_rare(&self) -> Option<&Rare> {
        self.rare.get().map(|rare| &**rare)
    }

    /// Takes away [`INNER`], [`PAUSE`], [`ABSENT`], [`STARTING`] or [`TIMED`].
    pub(super) fn lower(&self, flag: u32) {
        self.flags.fetch_and(!flag, Ordering::AcqRel);
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            wake_quietly(waker);
        }
    }

    /// Registers the actor's task; look at the flags again afterwards.
    #[inline]
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn token(&self) -> &CancellationToken {
        let token = self.token.get_or_init(CancellationToken::new);
        if self.flags() & (STOP | KILL) != 0 || self.end().is_some() {
            token.cancel();
        }
        token
    }

    /// One more strong handle.
    pub(super) fn join(&self) {
        // Relaxed: who clones has a handle, or is the actor itself.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// One more strong handle, if there still is one.
    pub(super) fn try_join(&self) -> bool {
        let one_more = |handles: usize| (handles > 0).then(|| handles + 1);
        self.handles.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// One strong handle less.
    pub(super) fn leave(&self) {
        // Release: pairs with the Acquire in `is_unreferenced`, which then sees every message this handle has sent.
        if self.handles.fetch_sub(1, Ordering::Release) == 1 {
            self.wake();
        }
    }

    pub(super) fn is_unreferenced(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 0
    }

    pub(super) fn end(&self) -> Option<&StopReason> {
        self.end.get().map(|reason| &**reason)
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The actor is gone; `subject` has its numbers.
    pub(super) fn finish(&self, subject: &dyn Observe, reason: &StopReason) {
        if self.end.set(Box::new(reason.clone())).is_err() {
            return;
        }
        self.flags.fetch_or(ENDING, Ordering::AcqRel);
        let (wakers, watchers, registration) = {
            let mut waiting = self.waiting();
            let (wakers, watchers) = match &mut waiting.lists {
                None => Default::default(),
                Some(lists) => (lists.waiters.notify_all(), std::mem::take(&mut lists.watchers)),
            };
            (wakers, watchers, waiting.registration.take())
        };
        if let Some(registration) = registration {
            registration.bury(subject, ending(&self.place(), reason));
        }
        if let Some(token) = self.token.get() {
            cancel_quietly(token);
        }
        wakers.into_iter().for_each(wake_quietly);
        for watcher in watchers {
            let notify = watcher.notify;
            let reason = reason.clone();
            drop_quietly(Deferred(Some(move || notify(reason))));
        }
    }
}

/// How the end is told. The words of an error are the user's.
fn ending(place: &str, reason: &StopReason) -> Ending {
    let text = match reason {
        StopReason::Stopped => Cow::Borrowed("stopped"),
        StopReason::Drained => Cow::Borrowed("drained"),
        StopReason::Unreferenced => Cow::Borrowed("nobody referred to it any more"),
        StopReason::Killed => Cow::Borrowed("killed"),
        other => Cow::Owned(catch(&place.into(), || other.to_string()).unwrap_or_else(|panicked| panicked.to_string())),
    };
    Ending { reason: text, is_failure: reason.is_failure() }
}

/// Cancels; those who wait have wakers of their own.
fn cancel_quietly(token: &CancellationToken) {
    let token = token.clone();
    drop_quietly(Deferred(Some(move || token.cancel())));
}

/// Runs when dropped, so that a panic of it goes where those of destructors go.
struct Deferred<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Deferred<F> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

impl Books {
    /// Counts; of the actor's own task, so that no other writer is lost.
    #[inline]
    pub(super) fn add(count: &AtomicU64, more: u64) {
        if cfg!(regatta_uncounted) {
            return;
        }
        // Release: who sees that a message was taken must not see it in the mailbox as well, nor who sees it settled one that
        // was not taken.
        count.store(count.load(Ordering::Relaxed) + more, Ordering::Release);
    }

    /// How many messages were taken. Who has seen some settled sees these.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Messages came, from the mailbox or from elsewhere.
    #[inline]
    pub(super) fn take(&self, messages: u64) {
        Self::add(&self.taken, messages);
    }

    /// What has come, when so many have come for certain: it does not fall while some are on their way from the mailbox to
    /// here, and are in neither number.
    pub(super) fn come(&self, certain: u64) -> u64 {
        match self.come.load(Ordering::Relaxed) {
            // Mostly nothing has happened, and nothing is written.
            known if known >= certain => known,
            _ => self.come.fetch_max(certain, Ordering::Relaxed).max(certain),
        }
    }
}
