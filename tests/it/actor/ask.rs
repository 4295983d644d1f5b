//! Asking, and every way in which there is no answer.

use std::future::IntoFuture;
use std::time::Duration;

use regatta::actor::{self, AskError, Builder, Outcome, Reply};

use super::kit::{Msg, Probe};
use crate::support::{Gate, poll_once};

#[tokio::test]
async fn an_ask_is_answered() {
    let probe = actor::spawn(Probe::new());
    probe.tell(Msg::Add(3)).await.unwrap();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 3);
}

#[tokio::test]
async fn an_ask_that_is_not_awaited_asks_nothing() {
    let probe = actor::spawn(Probe::new());
    drop(probe.ask(Msg::Get));
    drop(probe.ask(Msg::Get).into_future());
    probe.drain().await;
    assert_eq!(probe.stats().flow.accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn an_ask_ends_with_its_time() {
    let probe = Builder::new().ask_timeout(Some(Duration::from_secs(2))).spawn(Probe::new());
    let error = probe.ask(Msg::Keep).await.unwrap_err();
    assert!(matches!(error, AskError::Elapsed { delivered: true, limit, .. } if limit == Duration::from_secs(2)));
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    assert_eq!(
        error.to_string(),
        "actor `Probe` did not answer Keep within 2s; it has the message and may still handle it"
    );
    let error = probe.ask(Msg::Keep).timeout(Duration::from_secs(7)).await.unwrap_err();
    assert!(matches!(error, AskError::Elapsed { limit, .. } if limit == Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_found_no_room_in_time_was_not_delivered() {
    let gate = Gate::new();
    let probe = Builder::new().mailbox(1).spawn(Probe::new());
    probe.tell(Msg::Hold(gate.clone())).await.unwrap();
    tokio::task::yield_now().await;
    probe.tell(Msg::Add(1)).await.unwrap();
    let error = probe.ask(Msg::Get).await.unwrap_err();
    assert!(matches!(error, AskError::Elapsed { delivered: false, .. }));
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    gate.open();
    assert_eq!(probe.ask(Msg::Get).await.unwrap(), 2);
    assert_eq!(probe.stats().flow.done, 3);
}

#[tokio::test]
async fn a_forgotten_reply_is_an_error() {
    let probe = actor::spawn(actor::from_fn((), |_, reply: Reply<u8>| drop(reply)));
    let error = probe.ask(|reply| reply).await.unwrap_err();
    assert!(matches!(error, AskError::NoReply { .. }));
    assert_eq!(error.outcome(), Outcome::Executed);
    let leaks = actor::spawn(actor::from_fn((), |_, reply: Reply<u8>| std::mem::forget(reply)));
    let mut asking = Box::pin(leaks.ask(|reply| reply).no_timeout().into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
}

#[tokio::test]
async fn a_reply_that_is_kept_is_dropped_with_the_actor() {
    let probe = actor::spawn(Probe::new());
    let mut asking = Box::pin(probe.ask(Msg::Keep).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    probe.drain().await;
    assert!(matches!(asking.await, Err(AskError::NoReply { .. })));
}

#[tokio::test]
async fn an_ask_of_an_ended_actor_says_how_it_ended() {
    let probe = actor::spawn(Probe::new());
    probe.kill().await;
    let error = probe.ask(Msg::Get).await.unwrap_err();
    assert_eq!(error.to_string(), "asking (Get): actor `Probe` accepts nothing more, it has ended: killed");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn asks_in_the_mailbox_of_a_stopping_actor_were_not_handled() {
    let gate = Gate::new();
    let probe = actor::spawn(Probe::new());
    let mut first = Box::pin(probe.ask(|reply| Msg::Wait(gate.clone(), reply)).into_future());
    let mut second = Box::pin(probe.ask(Msg::Get).into_future());
    assert!(poll_once(first.as_mut()).is_pending());
    tokio::task::yield_now().await;
    assert!(poll_once(second.as_mut()).is_pending());
    let stopping = probe.stop();
    gate.open();
    stopping.await;
    assert_eq!(first.await.unwrap(), 0);
    let error = second.await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { .. }));
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(error.to_string(), "actor `Probe` ended before it handled Get: stopped");
}

#[tokio::test]
async fn a_kill_tells_who_was_handled_and_who_was_not() {
    let probe = actor::spawn(Probe::new());
    let mut first = Box::pin(probe.ask(|reply| Msg::Wait(Gate::new(), reply)).into_future());
    let mut second = Box::pin(probe.ask(Msg::Get).into_future());
    assert!(poll_once(first.as_mut()).is_pending());
    tokio::task::yield_now().await;
    assert!(poll_once(second.as_mut()).is_pending());
    probe.kill().await;
    let first = first.await.unwrap_err();
    assert!(matches!(first, AskError::Killed { .. }), "{first:?}");
    assert_eq!(first.outcome(), Outcome::MaybeExecuted);
    assert!(matches!(second.await, Err(AskError::Stopped { .. })));
}

#[tokio::test]
async fn a_reply_knows_that_nobody_waits() {
    let (tx, mut rx) = tokio::sync::mpsc::channel(1);
    let giver = actor::spawn(actor::from_fn((), move |_, reply: Reply<u8>| tx.try_send(reply).unwrap()));
    let mut asking = Box::pin(giver.ask(|reply| reply).into_future());
    assert!(poll_once(asking.as_mut()).is_pending());
    let mut reply = rx.recv().await.unwrap();
    assert!(!reply.is_abandoned());
    {
        let mut abandoned = Box::pin(reply.abandoned());
        assert!(poll_once(abandoned.as_mut()).is_pending());
        drop(asking);
        abandoned.await;
    }
    assert!(reply.is_abandoned());
    assert_eq!(reply.send(1), Err(1));
}

#[tokio::test]
async fn a_reply_can_be_forwarded() {
    let probe = actor::spawn(Probe::new());
    probe.tell(Msg::Add(5)).await.unwrap();
    let to = probe.clone();
    struct Front(actor::ActorRef<Probe>);
    impl actor::Actor for Front {
        type Msg = Reply<i64>;
        type Handle = actor::ActorRef<Self>;
        async fn handle(&mut self, reply: Reply<i64>, _: &mut actor::Context<Self>) {
            reply.forward_to(&self.0, Msg::Get).await.unwrap();
        }
    }
    let front = actor::spawn(Front(to));
    assert_eq!(front.ask(|reply| reply).await.unwrap(), 5);
}

#[tokio::test]
async fn an_answer_can_arrive_as_a_message() {
    let probe = actor::spawn(Probe::new());
    let sums = actor::spawn(Probe::new());
    probe.tell(Msg::Add(7)).await.unwrap();
    probe.tell(Msg::Get(sums.recipient().into())).await.unwrap();
    probe.drain().await;
    assert_eq!(sums.ask(Msg::Get).await.unwrap(), 7);
}

#[tokio::test]
async fn an_ask_dropped_at_any_poll_harms_nobody() {
    for polls in 0..3 {
        let gate = Gate::new();
        let probe = Builder::new().mailbox(1).spawn(Probe::new());
        {
            let mut asking = Box::pin(probe.ask(|reply| Msg::Wait(gate.clone(), reply)).into_future());
            for _ in 0..polls {
                assert!(poll_once(asking.as_mut()).is_pending());
                tokio::task::yield_now().await;
            }
        }
        gate.open();
        assert_eq!(probe.ask(Msg::Get).await.unwrap(), 0);
    }
}

#[tokio::test]
#[should_panic(expected = "of the asker")]
async fn a_panic_of_the_one_who_makes_the_message_is_the_askers() {
    let probe = actor::spawn(Probe::new());
    let _ = probe.ask(|_: Reply<i64>| panic!("of the asker")).await;
}
