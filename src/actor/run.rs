//! One incarnation: start, message after message, end.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::actor::{Actor, UNNAMED};
use super::context::Context;
use super::guard::{Guarded, Halt, with_fate};
use super::head::{Books, DRAIN, ENDING, INNER, KILL, LAST, PAUSE, STOP, TIMED};
use super::here::{Fate, drop_with};
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::shared::Shared;
use crate::error::Panicked;

/// What an actor does next.
enum Next<M> {
    Handle(M),
    End(StopReason),
}

/// Lives one life, and tells how it ended and whether it had begun. The state, and all that it has begun, are gone then;
/// the mailbox is as the last message left it.
///
/// A task keeps what this future keeps, also while it is idle; so the functions here return blocks, not being `async`
/// themselves: their arguments would be kept twice.
pub(super) fn live<'a, A: Actor>(
    inbox: &'a mut Inbox<A::Msg>,
    mut actor: A,
    incarnation: u64,
    before: Option<&'a StopReason>,
) -> impl Future<Output = (StopReason, bool)> + Send + 'a {
    let mut cx = Context::new(inbox.shared.clone(), incarnation);
    async move {
        let reason = match start(&inbox.shared, &mut actor, &mut cx, before).await {
            Ok(()) => serve(inbox, &mut actor, &mut cx).await,
            Err(reason) => *reason,
        };
        let has_started = cx.has_started;
        // In a box of its own: every actor would have room for its end all its life.
        let end = Box::pin(end(&inbox.shared, actor, cx, reason));
        (end.await, has_started)
    }
}

/// A life that is not followed by another. As [`live`], which would keep the state twice if it were called here.
pub(super) fn once<A: Actor>(mut inbox: Inbox<A::Msg>, mut actor: A) -> impl Future<Output = StopReason> + Send {
    let mut cx = Context::new(inbox.shared.clone(), 1);
    async move {
        let reason = match start(&inbox.shared, &mut actor, &mut cx, None).await {
            Ok(()) => serve(&mut inbox, &mut actor, &mut cx).await,
            Err(reason) => *reason,
        };
        let reason = Box::pin(end(&inbox.shared, actor, cx, reason)).await;
        inbox.discard(&reason);
        reason
    }
}

/// The hook at the beginning; an error when it was the end already. In a box, as whoever waits for it keeps room for it.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, here in every idle actor")]
pub(super) fn start<'a, A: Actor>(
    shared: &'a Arc<Shared<A::Msg>>,
    actor: &'a mut A,
    cx: &'a mut Context<A>,
    before: Option<&'a StopReason>,
) -> impl Future<Output = Result<(), Box<StopReason>>> + Send + 'a {
    async move {
        let head = &shared.head;
        head.starts();
        let started = match before {
            None => Guarded::new(head, "starting", async { actor.started(cx).await }).await,
            Some(exit) => Guarded::new(head, "restarting", async { actor.restarted(exit, cx).await }).await,
        };
        match started {
            Ok(Ok(())) => match cx.take_failure() {
                None => {
                    cx.has_started = true;
                    head.has_started();
                }
                Some(reason) => return Err(Box::new(reason)),
            },
            Ok(Err(error)) => return Err(Box::new(StopReason::StartFailed(Arc::from(error)))),
            Err(halt) => return Err(Box::new(halt.into())),
        }
        Ok(())
    }
}

/// Handles messages until there is a reason to end.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, here in every idle actor")]
pub(super) fn serve<'a, A: Actor>(
    inbox: &'a mut Inbox<A::Msg>,
    actor: &'a mut A,
    cx: &'a mut Context<A>,
) -> impl Future<Output = StopReason> + Send + 'a {
    async move {
        loop {
            let msg = match std::future::poll_fn(|task| poll_next(inbox, cx, task)).await {
                Next::Handle(msg) => msg,
                Next::End(reason) => return reason,
            };
            let (name, msg) = named::<A>(msg);
            inbox.shared.notes.begin(&inbox.shared.head, name);
            let handled = Guarded::new(&inbox.shared.head, name, async { actor.handle(msg, cx).await }).await;
            if let Some(reason) = handled_so(inbox, cx, handled) {
                return reason;
            }
        }
    }
}

/// Takes note of what became of a message; something comes back when it was the last one.
#[inline]
fn handled_so<A: Actor>(
    inbox: &mut Inbox<A::Msg>,
    cx: &mut Context<A>,
    handled: Result<(), Halt>,
) -> Option<StopReason> {
    match handled {
        Ok(()) => {
            Books::add(&inbox.shared.books.done, 1);
            cx.take_failure()
        }
        Err(halt) => Some(halted_so(inbox, halt)),
    }
}

#[cold]
fn halted_so<M: Send + 'static>(inbox: &Inbox<M>, halt: Halt) -> StopReason {
    let shared = &inbox.shared;
    shared.notes.interrupt(&shared.head);
    let books = &shared.books;
    let count = match &halt {
        Halt::Panicked(_) => &books.failed,
        Halt::Killed => &books.discarded,
    };
    Books::add(count, 1);
    halt.into()
}

/// What came of one step.
pub(super) enum Step {
    /// There was nothing to do.
    Idle,
    /// A message of this name was handled.
    Handled(&'static str),
    Ended(StopReason),
}

/// As one turn of [`serve`], which does not wait for a message.
pub(super) async fn step<A: Actor>(inbox: &mut Inbox<A::Msg>, actor: &mut A, cx: &mut Context<A>) -> Step {
    // Whatever the task has used up of its turn: an empty mailbox and a spent budget look the same.
    let looking = std::future::poll_fn(|task| Poll::Ready(poll_next(inbox, cx, task)));
    let next = tokio::task::coop::unconstrained(looking).await;
    let msg = match next {
        Poll::Pending => return Step::Idle,
        Poll::Ready(Next::End(reason)) => return Step::Ended(reason),
        Poll::Ready(Next::Handle(msg)) => msg,
    };
    let (name, msg) = named::<A>(msg);
    inbox.shared.notes.begin(&inbox.shared.head, name);
    let handled = Guarded::new(&inbox.shared.head, name, async { actor.handle(msg, cx).await }).await;
    handled_so(inbox, cx, handled).map_or(Step::Handled(name), Step::Ended)
}

/// By value, so that nothing of the message stays behind.
#[inline]
fn named<A: Actor>(msg: A::Msg) -> (&'static str, A::Msg) {
    (name_of::<A>(&msg), msg)
}

#[inline]
fn poll_next<A: Actor>(
    inbox: &mut Inbox<A::Msg>,
    cx: &mut Context<A>,
    task: &mut TaskContext<'_>,
) -> Poll<Next<A::Msg>> {
    match poll_once(inbox, cx, task) {
        Poll::Ready(next) => Poll::Ready(next),
        Poll::Pending => {
            let head = &inbox.shared.head;
            inbox.shared.notes.interrupt(head);
            head.register(task.waker());
            // Once more: what was said before the registration has woken nobody.
            let is_told = head.flags() & (KILL | STOP | DRAIN | INNER | PAUSE) != 0 || head.is_unreferenced();
            if is_told { poll_once(inbox, cx, task) } else { Poll::Pending }
        }
    }
}

#[inline]
fn poll_once<A: Actor>(
    inbox: &mut Inbox<A::Msg>,
    cx: &mut Context<A>,
    task: &mut TaskContext<'_>,
) -> Poll<Next<A::Msg>> {
    let head = &inbox.shared.head;
    let flags = head.flags();
    if flags & (KILL | STOP | DRAIN | PAUSE | TIMED) != 0 {
        if flags & TIMED != 0 {
            inbox.shared.notes.took(head);
        }
        if flags & KILL != 0 {
            return Poll::Ready(Next::End(StopReason::Killed));
        }
        if flags & (STOP | PAUSE) != 0 {
            return Poll::Ready(Next::End(StopReason::Stopped));
        }
        if flags & (DRAIN | ENDING) == DRAIN {
            head.raise(ENDING);
            inbox.close();
        }
    }
    if let Poll::Ready(polled) = cx.poll_extras(task) {
        return Poll::Ready(polled.map_or_else(Next::End, Next::Handle));
    }
    // Before the mailbox is looked at: what the last handle has sent is there when its leaving is seen.
    let is_unreferenced = inbox.shared.head.is_unreferenced();
    match inbox.poll_pop(task) {
        Poll::Ready(Some(msg)) => return Poll::Ready(Next::Handle(msg)),
        Poll::Ready(None) if !cx.is_awaited(false) => return Poll::Ready(Next::End(StopReason::Drained)),
        Poll::Ready(None) => {}
        Poll::Pending if is_unreferenced && inbox.is_empty() && !cx.is_awaited(true) => {
            return Poll::Ready(Next::End(StopReason::Unreferenced));
        }
        Poll::Pending => {}
    }
    // The turn of the mailbox came to nothing: the others have theirs.
    match cx.poll_extras(task) {
        Poll::Ready(polled) => Poll::Ready(polled.map_or_else(Next::End, Next::Handle)),
        Poll::Pending => Poll::Pending,
    }
}

/// The hooks at the end, and the end of everything that this life has begun.
pub(super) async fn end<A: Actor>(
    shared: &Arc<Shared<A::Msg>>,
    mut actor: A,
    mut cx: Context<A>,
    mut reason: StopReason,
) -> StopReason {
    let head = &shared.head;
    // The last message may have ended the life from within.
    shared.notes.interrupt(head);
    let has_started = cx.has_started;
    if reason.is_normal() {
        // Whatever the hooks do: somebody wanted this end. Not so where only the supervisor wants a pause.
        let is_pause = matches!(reason, StopReason::Stopped) && head.flags() & (STOP | PAUSE) == PAUSE;
        if !is_pause {
            head.raise(LAST);
        }
        let stopping = Guarded::new(head, "stopping", async { actor.stopping(&mut cx).await }).await;
        if let Err(halt) = stopping {
            reason = halt.into();
        } else if let Some(failure) = cx.take_failure() {
            reason = failure;
        }
    }
    if let Some(extras) = cx.extras.take()
        && let Err(panicked) = extras.end(&reason).await
    {
        reason = worse(reason, panicked);
    }
    drop(cx);
    let fate = match &reason {
        StopReason::Panicked(panicked) => Fate::Panicked(panicked.clone()),
        StopReason::Killed | StopReason::Failed(_) | StopReason::RuntimeGone => Fate::Killed(reason.clone()),
        _ => Fate::NoReply,
    };
    if !has_started || matches!(reason, StopReason::Killed) {
        return match drop_with(fate, || format!("actor `{}`, dropped,", head.name), actor) {
            Ok(()) => reason,
            Err(panicked) => worse(reason, panicked),
        };
    }
    let stopped = Guarded::new(head, "stopped", with_fate(&fate, async { actor.stopped(&reason).await })).await;
    match stopped {
        Ok(()) => reason,
        Err(Halt::Panicked(panicked)) => worse(reason, panicked),
        Err(Halt::Killed) if reason.is_normal() => StopReason::Killed,
        Err(Halt::Killed) => reason,
    }
}

/// A panic at the end counts unless the end was a failure, or a kill, already.
fn worse(reason: StopReason, panicked: Panicked) -> StopReason {
    match reason.is_normal() {
        true => StopReason::Panicked(panicked),
        false => reason,
    }
}

/// What a message is called; a panic of the one who names it is no reason not to handle it.
pub(super) fn name_of<A: Actor>(msg: &A::Msg) -> &'static str {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| A::message_name(msg))).unwrap_or_else(|payload| {
        crate::error::drop_quietly(payload);
        UNNAMED
    })
}

impl From<Halt> for StopReason {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Panicked(panicked) => Self::Panicked(panicked),
            Halt::Killed => Self::Killed,
        }
    }
}
