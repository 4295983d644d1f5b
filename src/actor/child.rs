//! An actor as a child of a supervisor, whose lives are its incarnations.

use std::future::Future;
use std::sync::Arc;

use super::actor::Actor;
use super::context::Context;
use super::head::Books;
use super::logical::{Lent, Logical, NotLent};
use super::mailbox::Inbox;
use super::placed::Placed;
use super::reason::StopReason;
use super::restarts::{Factory, make};
use super::run::{end, serve, start};
use super::shared::Shared;
use crate::error::BoxError;
use crate::supervise::{Carried, ChildContext, ChildSpec, Exit};

/// The spec of an actor.
pub(super) fn spec<A: Actor>(shared: Arc<Shared<A::Msg>>, inbox: Inbox<A::Msg>, factory: Factory<A>) -> ChildSpec {
    let name = shared.head.name.clone();
    let logical = Logical::new(shared, inbox, factory);
    let lasting = logical.clone();
    let spec = ChildSpec::starting(name, move |cx| {
        let shared = logical.shared.clone();
        let token = cx.token();
        let starting = begin(logical.clone(), cx);
        let starting = Placed::new(shared.clone(), token.clone(), starting);
        async move { Ok(Placed::new(shared, token, starting.await?)) }
    });
    spec.lasting(lasting)
}

/// Starts a life; gives the rest of it.
async fn begin<A: Actor>(
    logical: Arc<Logical<A>>,
    place: ChildContext,
) -> Result<impl Future<Output = Result<(), BoxError>> + Send, BoxError> {
    let shared = logical.shared.clone();
    let mut lent = match logical.lend(place.clone()) {
        Ok(lent) => lent,
        Err(NotLent::Ended) => {
            place.retire();
            return Err(format!("{} has ended, and cannot be started again", shared.head.place()).into());
        }
        Err(NotLent::Lives) => {
            let actor = shared.head.place();
            return Err(
                format!("{actor} lives in another place already; make a second one with `Builder::child`").into()
            );
        }
    };
    drop(logical);
    if lent.incarnation > 1 {
        Books::add(&shared.books.restarts, 1);
    }
    let mut actor = match make(&shared, lent.factory()).await {
        Ok(actor) => actor,
        Err(reason) => return Err(not_begun(lent, *reason)),
    };
    let mut cx = Context::new(shared.clone(), lent.incarnation);
    cx.part = Some(Box::new(lent.part()));
    if let Err(reason) = start(&shared, &mut actor, &mut cx, lent.before.as_ref()).await {
        let reason = end(&shared, actor, cx, *reason).await;
        return Err(not_begun(lent, reason));
    }
    let mut body = Body { cx, actor, lent };
    Ok(async move {
        let reason = serve(body.lent.inbox(), &mut body.actor, &mut body.cx).await;
        let Body { cx, actor, lent } = body;
        let reason = end(&shared, actor, cx, reason).await;
        over(lent, reason)
    })
}

/// A life that has begun. In this order it is dropped when it is aborted: the mailbox is given back last.
struct Body<A: Actor> {
    cx: Context<A>,
    actor: A,
    lent: Lent<A>,
}

/// As [`over`], for a life that has not begun.
fn not_begun<A: Actor>(lent: Lent<A>, reason: StopReason) -> BoxError {
    match over(lent, reason) {
        Err(error) => error,
        Ok(()) => "it was told to end before it had started".into(),
    }
}

/// Says to the supervisor how a life has ended; the mailbox is given back before that.
fn over<A: Actor>(lent: Lent<A>, reason: StopReason) -> Result<(), BoxError> {
    lent.give_back(reason.clone());
    match reason {
        StopReason::Panicked(panicked) => Err(Carried(Exit::Panicked(panicked)).into()),
        StopReason::Killed => Err(Carried(Exit::Killed).into()),
        StopReason::Failed(error) | StopReason::StartFailed(error) => Err(Carried(Exit::Failed(error)).into()),
        reason if reason.is_failure() => Err(reason.to_string().into()),
        _ => Ok(()),
    }
}
