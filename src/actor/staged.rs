//! An actor without a task: its mailbox, and what belongs to it, for the harnesses of tests.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tokio_util::sync::CancellationToken;

use super::actor::Actor;
use super::context::Context;
use super::guard::guarded;
use super::head::Subject;
use super::here;
use super::mailbox::Inbox;
use super::placed::Placed;
use super::reason::StopReason;
use super::run::{Step, end, start, step};
use super::shared::Shared;

/// The mailbox of an actor that is not there.
pub(crate) struct Mailbox<A: Actor> {
    inbox: Inbox<A::Msg>,
}

/// An actor whose messages are handled when somebody says so.
pub(crate) struct Staged<A: Actor> {
    inbox: Inbox<A::Msg>,
    life: Option<(A, Context<A>)>,
    reason: Option<StopReason>,
}

impl<A: Actor> Mailbox<A> {
    pub(super) fn new(inbox: Inbox<A::Msg>) -> Self {
        Self { inbox }
    }

    /// The next message, whoever waits for it; `None` when it accepts nothing more and is empty.
    pub(crate) async fn next(&mut self) -> Option<A::Msg> {
        // Whatever the task has used up of its turn: an empty mailbox and a spent budget look the same.
        let looking = poll_fn(|cx| {
            let head = &self.inbox.shared.head;
            head.register(cx.waker());
            let is_over = head.is_refusing() || head.is_unreferenced();
            match self.inbox.poll_pop(cx) {
                Poll::Pending if is_over && self.inbox.is_empty() => Poll::Ready(None),
                polled => polled,
            }
        });
        tokio::task::coop::unconstrained(looking).await
    }

    pub(crate) fn name_of(msg: &A::Msg) -> &'static str {
        super::run::name_of::<A>(msg)
    }

    /// Has the message in hand answered. A panic is the end of the actor, and who asked is told.
    pub(crate) fn answer(&mut self, msg: A::Msg, answer: impl FnOnce(A::Msg)) -> Result<(), ()> {
        let shared = self.inbox.shared.clone();
        let mut subject: Option<Arc<dyn Subject>> = Some(shared.clone());
        let name = Self::name_of(&msg);
        match here::within(&mut subject, || guarded(&shared.head, name, || answer(msg))) {
            Ok(()) => {
                self.done();
                Ok(())
            }
            Err(panicked) => {
                super::head::Books::add(&shared.books.failed, 1);
                finish(&mut self.inbox, &StopReason::Panicked(panicked));
                Err(())
            }
        }
    }

    /// Takes note of what became of the message in hand.
    pub(crate) fn done(&self) {
        super::head::Books::add(&self.inbox.shared.books.done, 1);
    }
}

impl<A: Actor> Drop for Mailbox<A> {
    fn drop(&mut self) {
        finish(&mut self.inbox, &StopReason::Stopped);
    }
}

impl<A: Actor> Staged<A> {
    pub(super) fn new(inbox: Inbox<A::Msg>, actor: A) -> Self {
        let cx = Context::new(inbox.shared.clone(), 1);
        Self { inbox, life: Some((actor, cx)), reason: None }
    }

    /// Handles one message, if there is one; starts before the first. `None` when nothing is there to do.
    pub(crate) async fn step(&mut self) -> Option<Result<&'static str, StopReason>> {
        if let Some(reason) = &self.reason {
            return Some(Err(reason.clone()));
        }
        let shared = self.inbox.shared.clone();
        let Some((mut actor, mut cx)) = self.life.take() else {
            // The step before was dropped in the middle, and the state with it.
            finish(&mut self.inbox, &StopReason::Killed);
            self.reason = Some(StopReason::Killed);
            return Some(Err(StopReason::Killed));
        };
        let inbox = &mut self.inbox;
        let stepped = as_actor(&shared, async {
            if !cx.has_started
                && let Err(reason) = start(&inbox.shared, &mut actor, &mut cx, None).await
            {
                return Step::Ended(*reason);
            }
            step(inbox, &mut actor, &mut cx).await
        })
        .await;
        match stepped {
            Step::Idle => {
                self.life = Some((actor, cx));
                None
            }
            Step::Handled(name) => {
                self.life = Some((actor, cx));
                Some(Ok(name))
            }
            Step::Ended(reason) => {
                let reason = as_actor(&shared, end(&shared, actor, cx, reason)).await;
                finish(&mut self.inbox, &reason);
                self.reason = Some(reason.clone());
                Some(Err(reason))
            }
        }
    }

    /// The state, as long as it lives.
    pub(crate) fn state(&mut self) -> Option<&mut A> {
        self.life.as_mut().map(|(actor, _)| actor)
    }
}

impl<A: Actor> Drop for Staged<A> {
    fn drop(&mut self) {
        if self.reason.is_none() {
            let life = self.life.take();
            let mut subject: Option<Arc<dyn Subject>> = Some(self.inbox.shared.clone());
            here::within(&mut subject, || crate::error::drop_quietly(life));
            finish(&mut self.inbox, &StopReason::Killed);
        }
    }
}

fn as_actor<M: Send + 'static, F: Future>(shared: &Arc<Shared<M>>, code: F) -> impl Future<Output = F::Output> {
    Placed::new(shared.clone(), CancellationToken::new(), code)
}

fn finish<M: Send + 'static>(inbox: &mut Inbox<M>, reason: &StopReason) {
    inbox.discard(reason);
    inbox.shared.head.finish(&*inbox.shared, reason);
}
