//! An actor that restarts itself: one life after the other, as long as it does not fail too often.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::Actor;
use super::guard::{Guarded, Halt};
use super::head::{Books, KILL, LAST, STOP};
use super::mailbox::Inbox;
use super::reason::StopReason;
use super::run::live;
use super::shared::Shared;
use crate::BoxError;
use crate::error::log_quietly;
use crate::policy::{Backoff, Delays};
use crate::supervise::{Intensity, Window};

/// Makes the state of an incarnation.
pub(super) type Factory<A> = Box<dyn FnMut() -> Making<A> + Send>;
pub(super) type Making<A> = Pin<Box<dyn Future<Output = Result<A, BoxError>> + Send>>;

/// How often an actor may fail, and how long it waits before it begins again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) intensity: Intensity,
    pub(super) backoff: Option<Backoff>,
}

/// What is known of the lives so far.
struct Record {
    limits: Limits,
    window: Window,
    delays: Option<Delays>,
    /// Which life this is, from 1.
    incarnation: u64,
    /// As in OTP, a first start that fails is not tried again.
    has_started: bool,
    last: Option<StopReason>,
}

/// One life after the other. What is rare is in boxes, as every actor has room for the rest all its life.
pub(super) fn again<A: Actor>(
    mut inbox: Inbox<A::Msg>,
    mut factory: Factory<A>,
    limits: Limits,
) -> impl Future<Output = StopReason> + Send {
    let window = Window::new(limits.intensity);
    let record = Record { limits, window, delays: None, incarnation: 0, has_started: false, last: None };
    let mut record = Box::new(record);
    async move {
        let reason = loop {
            record.incarnation += 1;
            let begun = Instant::now();
            let made = Box::pin(make(&inbox.shared, &mut factory)).await;
            let actor = match made {
                Ok(actor) => actor,
                Err(reason) => match Box::pin(record.ended(&inbox.shared, *reason, false, begun)).await {
                    Some(end) => break end,
                    None => continue,
                },
            };
            let (reason, is_of_a_life) = live(&mut inbox, actor, record.incarnation, record.last.as_ref()).await;
            if let Some(end) = Box::pin(record.ended(&inbox.shared, reason, is_of_a_life, begun)).await {
                break end;
            }
        };
        inbox.discard(&reason);
        reason
    }
}

impl Record {
    /// A life has ended: waits until the next one may begin; something comes back when none will.
    async fn ended<M: Send + 'static>(
        &mut self,
        shared: &Arc<Shared<M>>,
        reason: StopReason,
        has_started: bool,
        begun: Instant,
    ) -> Option<StopReason> {
        self.has_started |= has_started;
        // Whoever wanted it to stop gets that, also when the last breath was a panic.
        if !reason.is_failure() || shared.head.flags() & (STOP | KILL | LAST) != 0 || !self.has_started {
            return Some(reason);
        }
        let is_too_many = self.window.note(Instant::now());
        shared.head.rare().fails(&self.window);
        if is_too_many {
            let (restarts, within) = (self.incarnation - 1, self.limits.intensity.within);
            return Some(StopReason::GaveUp { restarts, within, last: Box::new(reason) });
        }
        let delay = self.next_delay(begun.elapsed());
        let actor = &*shared.head.name;
        log_quietly(|| tracing::warn!(target: "regatta::actor", actor, %reason, ?delay, "restarts"));
        shared.head.is_between_lives();
        let end = pause(shared, delay).await;
        if end.is_some() {
            return end;
        }
        Books::add(&shared.books.restarts, 1);
        self.last = Some(reason);
        None
    }

    /// As in a supervisor: longer from failure to failure, and from the start again after a life that was longer than
    /// all of them.
    fn next_delay(&mut self, lived: Duration) -> Duration {
        let Some(backoff) = self.limits.backoff else { return Duration::ZERO };
        if lived > backoff.longest() {
            self.delays = None;
        }
        let delays = self.delays.get_or_insert_with(|| backoff.attempts(u32::MAX).delays());
        delays.next().unwrap_or(backoff.longest())
    }
}

pub(super) async fn make<A: Actor>(
    shared: &Arc<Shared<A::Msg>>,
    factory: &mut Factory<A>,
) -> Result<A, Box<StopReason>> {
    shared.head.starts();
    match Guarded::new(&shared.head, "being made", async { factory().await }).await {
        Ok(Ok(actor)) => Ok(actor),
        Ok(Err(error)) => Err(Box::new(StopReason::StartFailed(Arc::from(error)))),
        Err(Halt::Panicked(panicked)) => Err(Box::new(StopReason::StartFailed(Arc::new(panicked)))),
        Err(Halt::Killed) => Err(Box::new(StopReason::Killed)),
    }
}

/// Waits before the next life; something comes back when there will be none.
async fn pause<M: Send + 'static>(shared: &Arc<Shared<M>>, delay: Duration) -> Option<StopReason> {
    let head = &shared.head;
    // One that always fails at once must leave the others of its thread their turn.
    tokio::task::coop::consume_budget().await;
    let mut sleep = std::pin::pin!((!delay.is_zero()).then(|| tokio::time::sleep(delay)));
    std::future::poll_fn(|cx| {
        head.register(cx.waker());
        match head.flags() {
            flags if flags & KILL != 0 => return Poll::Ready(Some(StopReason::Killed)),
            flags if flags & STOP != 0 => return Poll::Ready(Some(StopReason::Stopped)),
            _ => {}
        }
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(cx).map(|()| None),
            None => Poll::Ready(None),
        }
    })
    .await
}
