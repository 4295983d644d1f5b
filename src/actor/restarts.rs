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

/// A life that is not followed by another.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, here in every idle actor")]
pub(super) fn once<A: Actor>(
    shared: Arc<Shared<A::Msg>>,
    mut inbox: Inbox<A::Msg>,
    actor: A,
) -> impl Future<Output = StopReason> + Send {
    async move {
        let (reason, _) = live(&shared, &mut inbox, actor, 1, None).await;
        inbox.discard(&reason);
        reason
    }
}

/// One life after the other.
pub(super) async fn again<A: Actor>(
    shared: Arc<Shared<A::Msg>>,
    mut inbox: Inbox<A::Msg>,
    mut factory: Factory<A>,
    limits: Limits,
) -> StopReason {
    let reason = lives(&shared, &mut inbox, &mut factory, limits).await;
    inbox.discard(&reason);
    reason
}

async fn lives<A: Actor>(
    shared: &Arc<Shared<A::Msg>>,
    inbox: &mut Inbox<A::Msg>,
    factory: &mut Factory<A>,
    limits: Limits,
) -> StopReason {
    let (mut window, mut delays) = (Window::new(limits.intensity), None);
    let mut last: Option<StopReason> = None;
    let mut incarnation = 0;
    // As in OTP, a first start that fails is not tried again.
    let mut has_started = false;
    loop {
        incarnation += 1;
        let begun = Instant::now();
        let (reason, is_of_a_life) = match make(shared, factory).await {
            Ok(actor) => live(shared, inbox, actor, incarnation, last.as_ref()).await,
            Err(reason) => (reason, false),
        };
        has_started |= is_of_a_life;
        // Whoever wanted it to stop gets that, also when the last breath was a panic.
        if !reason.is_failure() || shared.head.flags() & (STOP | KILL | LAST) != 0 || !has_started {
            return reason;
        }
        if window.note(Instant::now()) {
            let (restarts, within) = (incarnation - 1, limits.intensity.within);
            return StopReason::GaveUp { restarts, within, last: Box::new(reason) };
        }
        let delay = limits.backoff.map_or(Duration::ZERO, |backoff| next_delay(backoff, &mut delays, begun.elapsed()));
        let actor = &*shared.head.name;
        log_quietly(|| tracing::warn!(target: "regatta::actor", actor, %reason, ?delay, "restarts"));
        if let Some(end) = pause(shared, delay).await {
            return end;
        }
        Books::add(&shared.books.restarts, 1);
        last = Some(reason);
    }
}

pub(super) async fn make<A: Actor>(shared: &Arc<Shared<A::Msg>>, factory: &mut Factory<A>) -> Result<A, StopReason> {
    match Guarded::new(&shared.head, "being made", async { factory().await }).await {
        Ok(Ok(actor)) => Ok(actor),
        Ok(Err(error)) => Err(StopReason::StartFailed(Arc::from(error))),
        Err(Halt::Panicked(panicked)) => Err(StopReason::StartFailed(Arc::new(panicked))),
        Err(Halt::Killed) => Err(StopReason::Killed),
    }
}

/// Waits before the next life; something comes back when there will be none.
async fn pause<M: Send + 'static>(shared: &Arc<Shared<M>>, delay: Duration) -> Option<StopReason> {
    let head = &shared.head;
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

/// As in a supervisor: longer from failure to failure, and from the start again after a life that was longer than all.
fn next_delay(backoff: Backoff, delays: &mut Option<Delays>, lived: Duration) -> Duration {
    if lived > backoff.longest() {
        *delays = None;
    }
    let delays = delays.get_or_insert_with(|| backoff.attempts(u32::MAX).delays());
    delays.next().unwrap_or(backoff.longest())
}
